//! `mysql.restore`: a second snapshot loaded into the target, then native replication from the source, with
//! no freeze; proved at one common point while both go on.
//!
//! ```text
//! snapshot -> load (by chunk) -> counts -> gtid_purged -> channel -> caught up      [copy], [follow]
//!                      stop the applier -> snapshot at G -> apply up to G -> compare -> go on   [prove]
//! ```
//!
//! `gtid_purged` comes after the counts: a target that claims transactions whose rows it does not have
//! would "replicate" without them.

mod back;
mod copy;
mod follow;
pub(super) mod prove;
mod served;

pub(super) use copy::listener;

use std::collections::BTreeMap;

use serde_json::json;

use super::servers::{source, target};
use super::{Action, Checking, Health, Outputs, Reading, Result, Working};
use crate::domain::preview::Verb;
use crate::domain::resource::SOURCE;
use crate::domain::resource::TARGET;
use crate::domain::runbook::inputs::Restore;
use crate::domain::{Check, Failure, Preview};
use crate::services::mysql::load::state;
use crate::services::mysql::replication;
use crate::services::mysql::table::without_primary_key;
use crate::services::mysql::{Server, Session};

impl Action for Restore {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        let mut preview = Preview::undone_by(
            "stops and resets the channel, drops what was loaded; refused once the target has taken writes of its own",
        );
        let (mut here, mut there) =
            (Session::open(&source(cx).await?).await?, Session::open(&target(cx).await?).await?);
        for (name, session) in [(SOURCE, &mut here), (TARGET, &mut there)] {
            let server = Server::read(session).await?;
            preview.identity(name, server.uuid);
            if server.gtid_mode != "ON" {
                return Err(Failure::permanent(format!("{name} has gtid_mode={}", server.gtid_mode))
                    .next("drive `prepare` first: a follower needs GTIDs"));
            }
        }
        let schemas = &cx.source()?.schemas;
        keys_allow(&mut here, &mut there, schemas).await?;
        nothing_beside(&mut here, &mut there, schemas).await?;
        accounts_stay(&mut there).await?;
        let begun = !cx.state().step(cx.step_id()).effects.is_empty();
        if !begun {
            free(&mut there, schemas).await?;
        }
        for schema in schemas {
            let sql = format!(
                "SELECT CAST(COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS UNSIGNED) FROM information_schema.TABLES \
                 WHERE TABLE_SCHEMA = {}",
                crate::services::mysql::literal(schema)
            );
            let bytes: u64 = here.one("read the size", &sql).await?;
            preview.change(Verb::Create, format!("every table of `{schema}` on the target"), vec![]);
            preview.figure(format!("size of `{schema}`"), format!("{:.1} MiB", mebibytes(bytes)));
        }
        let (host, port) = cx.source()?.mysql.as_the_other_sees_it();
        preview.change(
            Verb::Create,
            format!("replication channel on the target, from {host}:{port}"),
            vec!["GTID, TLS".to_owned()],
        );
        preview.setting("verification good for", self.verify_expiry.to_string());
        preview.setting("verification reads for", format!("at most {} % of the time", self.verify_busy_percent));
        Ok(preview)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        let manifest = copy::copy(self, cx).await?;
        follow::follow(self, cx, &manifest).await?;
        Ok(BTreeMap::from([("gtid_set".to_owned(), json!(manifest.position.gtid_executed))]))
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        let mut checks = prove::prove(self, cx).await?;
        checks.extend(served::look(cx).await?);
        Ok(checks)
    }

    async fn way_back(&self, cx: &Reading) -> Result<Preview> {
        back::way_back(self, cx).await
    }

    async fn rollback(&self, cx: &Working) -> Result<Vec<Check>> {
        back::rollback(self, cx).await
    }

    async fn companion(&self, cx: &Reading) -> Result<Option<Health>> {
        follow::health(self, cx).await
    }
}

/// A target that asks for primary keys takes every table of the source.
async fn keys_allow(source: &mut Session, target: &mut Session, schemas: &[String]) -> Result<()> {
    let required: bool = target.one("read the setting", "SELECT @@GLOBAL.sql_require_primary_key").await?;
    let without = if required { without_primary_key(source, schemas).await? } else { Vec::new() };
    if without.is_empty() {
        return Ok(());
    }
    Err(Failure::permanent("the target takes no table without a primary key")
        .because(format!("sql_require_primary_key is ON there, and {} have none", without.join(", ")))
        .next(
            "set sql_require_primary_key = OFF on the target (managed: in its parameter group) until they have keys; or \
             give them keys at the source",
        ))
}

/// The source has no database beside those that move: the channel would carry its writes too, and stop at the first.
async fn nothing_beside(source: &mut Session, target: &mut Session, schemas: &[String]) -> Result<()> {
    let beside = replication::beside(source, target, schemas).await?;
    if beside.is_empty() {
        return Ok(());
    }
    let address = source.endpoint().address();
    Err(Failure::permanent(format!(
        "the source MySQL ({address}) has databases that do not move: {}",
        beside.join(", ")
    ))
    .because("replication carries every database: the first write to one that the target lacks would stop the channel")
    .next(format!(
        "add them to `schemas` under [source], or move or drop them; or keep them out of the target by \
             replicate_wild_ignore_table = {} (managed: in its parameter group)",
        replication::ignoring(&beside)
    )))
}

/// The target's channel leaves out what the source does to its own accounts. A filter that is set while a server runs
/// would do until its next restart, when the channel begins by itself without it: so it is asked for, and not set here.
async fn accounts_stay(target: &mut Session) -> Result<()> {
    // A server that shows no filters before there is a channel is asked again when there is one.
    if replication::lets_accounts_in(target).await? != Some(true) {
        return Ok(());
    }
    let address = target.endpoint().address();
    Err(Failure::permanent(format!("the target MySQL ({address}) would be sent what is done to the source's accounts"))
        .because("no filter keeps `mysql` out: CREATE USER, GRANT and DROP USER at the source would be done there too")
        .next(format!(
            "set replicate_wild_ignore_table = {} (in its configuration, then a restart; managed: in its parameter \
             group), then start the step again",
            replication::ignoring(&["mysql".to_owned()])
        )))
}

/// The target's schemas are free to be loaded into, and nobody else has a channel there.
async fn free(target: &mut Session, schemas: &[String]) -> Result<()> {
    let contents = state::contents(target, schemas).await?;
    if !contents.is_empty() {
        let address = target.endpoint().address();
        return Err(Failure::permanent(format!("the target MySQL ({address}): the schemas are not empty"))
            .because(format!("they hold {}", contents.join(", ")))
            .next("empty them, or name another target: nothing that this run did not make is overwritten"));
    }
    if let Some(channel) = replication::status(target).await? {
        let address = target.endpoint().address();
        return Err(Failure::permanent(format!("the target MySQL ({address}) follows another server already"))
            .because(channel.to_string())
            .next("stop and reset that channel, if it is not wanted any more"));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "shown only")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
