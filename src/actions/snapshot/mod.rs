//! `mysql.snapshot`: a consistent snapshot of the source's schemas on this machine's disk.
//!
//! A complete one is never retaken. An interrupted one has lost its moment: it is thrown away, and the journal
//! says so. Proved by restoring it into a throw-away server, which has to give every table's digest again
//! ([`trial`]). Nothing undoes it: the first backup is kept.

mod back;
mod trial;

use std::collections::BTreeMap;

use serde_json::json;

use super::restore::listener;
use super::servers::{end_all, source};
use super::{Action, Checking, Effect, Outputs, Reading, Reality, Result, Working};
use crate::domain::preview::Verb;
use crate::domain::resource::SOURCE;
use crate::domain::runbook::inputs::Snapshot;
use crate::domain::{Check, Failure, Preview, Resource};
use crate::services::mysql::snapshot::{self, Locks, Manifest, Options, Patience, freeze};
use crate::services::mysql::table::read_tables;
use crate::services::mysql::{Server, Session};

/// The one effect.
const EFFECT: &str = "snapshot";

impl Snapshot {
    fn options(&self, cx: &Reading) -> Result<Options> {
        Ok(Options {
            schemas: cx.source()?.schemas.clone(),
            locks: Locks::new(cx.run().as_str(), cx.step_id().as_str(), self.workers.max(1)),
            chunk_bytes: usize::try_from(self.chunk_mib.max(1) * 1_048_576).unwrap_or(usize::MAX),
            patience: Patience::default(),
        })
    }
}

impl Action for Snapshot {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        let mut session = Session::open(&source(cx).await?).await?;
        let server = Server::read(&mut session).await?;
        let schemas = &cx.source()?.schemas;
        let tables = read_tables(&mut session, schemas).await?;
        let objections = freeze::objections(&mut session, schemas, &tables).await?;
        if !objections.is_empty() {
            let mut failure = Failure::permanent("the source cannot be seen whole, at one moment");
            failure.why = objections;
            return Err(failure.next("mend what is named, then try again"));
        }
        let mut preview = Preview::undone_by("nothing: the snapshot is kept, and listed as kept");
        preview.identity(SOURCE, server.uuid);
        let there = Manifest::read(&cx.directory()).is_ok();
        let verb = if there { Verb::Keep } else { Verb::Create };
        let schemas = format!("schemas {}", schemas.join(", "));
        preview.change(verb, format!("snapshot in {}", cx.directory().display()), vec![schemas]);
        preview.setting("connections", self.workers.to_string());
        preview.figure("tables", tables.len().to_string());
        let bytes: u64 = tables.iter().map(|table| table.estimated_bytes).sum();
        preview.figure("rows, before compression", format!("about {} MiB", bytes >> 20));
        preview.figure("source's version", server.version.text);
        preview.warnings.push("writes are held for a fraction of a second while it begins".to_owned());
        Ok(preview)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        let endpoint = source(cx).await?;
        let mut session = Session::open(&endpoint).await?;
        cx.pin(SOURCE, &Server::read(&mut session).await?.uuid)?;
        let (directory, options) = (cx.directory(), self.options(cx)?);
        let look = async { Ok(if Manifest::read(&directory).is_ok() { Reality::Done(()) } else { Reality::NotDone }) };
        let act = async {
            end_all(&mut session, options.locks.all()).await?;
            let thrown = snapshot::discard(&directory)
                .map_err(|why| Failure::permanent(format!("clear {}", directory.display())).because(why.to_string()))?;
            if thrown > 0 {
                cx.log(format!("an interrupted snapshot was thrown away: {thrown} files; its moment is lost"))?;
            }
            let told = listener(cx, "snapshot", "snapshot-chunks");
            snapshot::take(&endpoint, &directory, &options, told, cx.cancel().clone()).await?;
            Ok(())
        };
        let effect = Effect::new(EFFECT, format!("take a snapshot into {}", directory.display()))
            .undo(json!({ "kept": directory }))
            .touches(Resource::file(&directory));
        cx.effect(effect, look, act).await?;
        let manifest = Manifest::read(&directory)?;
        Ok(BTreeMap::from([
            ("directory".to_owned(), json!(directory)),
            ("gtid_set".to_owned(), json!(manifest.position.gtid_executed)),
        ]))
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        let directory = cx.directory();
        let manifest = Manifest::read(&directory)?;
        manifest.check_files(&directory, cx.cancel()).await?;
        let mut checks = vec![
            Check::passed(
                "every file of the snapshot is as its manifest says",
                format!("{} files, {} MiB on disk", manifest.chunks.len(), manifest.stored() >> 20),
            ),
            Check::noted("writes were held while it began", format!("{} ms", manifest.held_milliseconds)),
        ];
        checks.extend(trial::restore(self, cx, &manifest).await?);
        Ok(checks)
    }

    async fn way_back(&self, cx: &Reading) -> Result<Preview> {
        Ok(back::way_back(cx))
    }

    async fn rollback(&self, cx: &Working) -> Result<Vec<Check>> {
        back::rollback(self, cx).await
    }
}
