//! `mysql.prepare`: what replication needs, on both servers, while both go on working.
//!
//! GTIDs are switched on online, a stair an effect; an account for the other side is made on each server;
//! binlogs are kept long enough to come back to. What needs a restart or a parameter group is said, not
//! done. It also notes the schema as it stands, so that the switch can tell whether it changed since.

mod back;
mod made;
mod put_back;

use self::made::{gtids_on, keep_binlogs, make_account};
use super::followers::served;
use super::servers::{alone, logged_in_as, source, target};
use super::{Action, Checking, Outputs, Reading, Result, Working};
use crate::domain::preview::Verb;
use crate::domain::resource::SOURCE;
use crate::domain::resource::TARGET;
use crate::domain::runbook::inputs::Prepare;
use crate::domain::{Check, Failure, Preview};
use crate::services::mysql::compare;
use crate::services::mysql::grants::{self, Account};
use crate::services::mysql::gtid_mode::GtidSettings;
use crate::services::mysql::replication::read_retention;
use crate::services::mysql::{Endpoint, Flavour, Server, Session};

/// The checkpoint with what the source's catalogue was, a digest a kind of object.
pub(super) const CATALOGUE: &str = "catalogue";

impl Action for Prepare {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        let mut preview = Preview::undone_by(
            "GTIDs go off by the same stairs, accounts made here are dropped, retention and persisted settings as found",
        );
        for (name, endpoint, account) in sides(cx).await? {
            let mut session = Session::open(&endpoint).await?;
            let server = Server::read(&mut session).await?;
            preview.identity(name, server.uuid.clone());
            preview.warnings.extend(by_hand(&server).into_iter().map(|what| format!("{name}: {what}")));
            if server.flavour == Flavour::Own {
                let stairs = GtidSettings::read(&mut session).await?.up();
                if !stairs.is_empty() {
                    preview.warnings.extend(followed_by_position(name, &mut session).await?);
                }
                for stair in stairs {
                    preview.change(Verb::Change, format!("{name}: {stair}"), vec!["online, persisted".to_owned()]);
                }
            }
            let there = grants::exists(&mut session, &account).await?;
            let verb = if there { Verb::Keep } else { Verb::Create };
            preview.change(
                verb,
                format!("{name}: account {account}"),
                vec!["REPLICATION SLAVE, TLS required".to_owned()],
            );
            let kept = read_retention(&mut session).await?;
            let hours = u64::from(self.binlog_retention_hours);
            let verb = if kept.covers(hours) { Verb::Keep } else { Verb::Change };
            preview.change(verb, format!("{name}: binlogs kept for {hours} h"), Vec::new());
        }
        Ok(preview)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        for (name, endpoint, account) in sides(cx).await? {
            let mut session = alone(cx, &endpoint).await?;
            let server = Server::read(&mut session).await?;
            cx.pin(name, &server.uuid)?;
            refuse_unfit(name, &server)?;
            let side = if name == SOURCE { "source" } else { "target" };
            if server.flavour == Flavour::Own {
                gtids_on(cx, &mut session, side).await?;
            }
            make_account(cx, &mut session, side, &account).await?;
            keep_binlogs(cx, &mut session, side, u64::from(self.binlog_retention_hours)).await?;
            if name == SOURCE {
                cx.checkpoint(CATALOGUE, &compare::digests(&mut session, &cx.source()?.schemas).await?)?;
            }
        }
        Ok(Outputs::new())
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        for (name, endpoint, account) in sides(cx).await? {
            let mut session = Session::open(&endpoint).await?;
            let server = Server::read(&mut session).await?;
            let evidence =
                format!("gtid_mode={}, enforce_gtid_consistency={}", server.gtid_mode, server.enforce_gtid_consistency);
            let on = server.gtid_mode == "ON" && server.enforce_gtid_consistency == "ON";
            checks.push(Check::of(on, format!("{name}: GTIDs are on"), evidence));
            let kept = read_retention(&mut session).await?;
            let hours = kept.hours().map_or_else(|| "for ever".to_owned(), |hours| format!("{hours} h"));
            let covers = kept.covers(u64::from(self.binlog_retention_hours));
            checks.push(Check::of(covers, format!("{name}: binlogs are kept"), hours));
            let reference =
                if name == SOURCE { &cx.source()?.mysql.replication } else { &cx.target()?.mysql.replication };
            let follower = logged_in_as(cx, &endpoint, reference).await?;
            let login = Session::open(&follower).await;
            let evidence = login.as_ref().err().map_or_else(|| "logged in over TLS".to_owned(), ToString::to_string);
            checks.push(Check::of(login.is_ok(), format!("{name}: {account} can log in"), evidence));
        }
        checks.push(Check::noted(
            "the target reaches the source",
            "cannot be tried on a managed server without replicating: the restore's channel is the first proof",
        ));
        Ok(checks)
    }

    async fn way_back(&self, cx: &Reading) -> Result<Preview> {
        back::way_back(cx).await
    }

    async fn rollback(&self, cx: &Working) -> Result<Vec<Check>> {
        back::rollback(cx).await
    }
}

async fn sides(cx: &Reading) -> Result<[(&'static str, Endpoint, Account); 2]> {
    let at_source = Account::anywhere(&cx.source()?.mysql.replication.user);
    let at_target = Account::anywhere(&cx.target()?.mysql.replication.user);
    Ok([(SOURCE, source(cx).await?, at_source), (TARGET, target(cx).await?, at_target)])
}

/// Replicas of others' that GTIDs could stop: what they are set to cannot be asked from here.
async fn followed_by_position(name: &str, session: &mut Session) -> Result<Option<String>> {
    let by_position = served(session, |listed| listed.follows() && !listed.follows_by_gtid()).await?;
    Ok((!by_position.is_empty()).then(|| {
        format!(
            "{name}: its binary log is read by file and position from {}. A replica whose gtid_mode is OFF stops at the \
             first transaction with a GTID: set gtid_mode there to ON_PERMISSIVE first, in the same stairs",
            by_position.join(", ")
        )
    }))
}

/// What is not as it has to be and cannot be changed while the server works.
fn by_hand(server: &Server) -> Vec<String> {
    let place = match server.flavour {
        Flavour::Own => "in its configuration, then a restart",
        Flavour::Managed => "in its parameter group",
    };
    let mut wanting = Vec::new();
    let mut want = |fine: bool, what: &str| {
        if !fine {
            wanting.push(format!("set {what} {place}"));
        }
    };
    want(server.log_bin, "log_bin (managed: switch backups on)");
    want(server.binlog_format == "ROW", "binlog_format=ROW");
    want(server.binlog_row_image == "FULL", "binlog_row_image=FULL");
    want(server.binlog_row_value_options.is_empty(), "binlog_row_value_options=''");
    want(server.id > 0, "server_id to a number of its own");
    want(server.flavour == Flavour::Own || server.gtid_mode == "ON", "gtid_mode=ON, enforce_gtid_consistency=ON");
    wanting
}

fn refuse_unfit(name: &str, server: &Server) -> Result<()> {
    match by_hand(server).first() {
        None => Ok(()),
        Some(first) => Err(Failure::permanent(format!("{name} is not fit for replication yet"))
            .because(first.clone())
            .next(first.clone())),
    }
}
