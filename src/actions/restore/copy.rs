//! The rows: a second snapshot, parallel and consistent, loaded chunk by chunk, and counted on the other side.

use std::sync::Arc;

use serde_json::json;

use super::super::servers::{alone, end_all, source, target};
use super::super::{CrashPoint, Effect, Reading, Reality, Result, Working, again};
use super::{SOURCE, TARGET, accounts_stay, free, nothing_beside};
use crate::domain::resource::Side;
use crate::domain::runbook::inputs::Restore;
use crate::domain::{Failure, Resource};
use crate::services::mysql::load::{self, state, unload};
use crate::services::mysql::snapshot::{self, Listener, Locks, Manifest, Patience};
use crate::services::mysql::{Endpoint, Server, Session};

/// The effects, by key.
pub(super) const SNAPSHOT: &str = "snapshot";
/// See [`SNAPSHOT`].
pub(super) const LOAD: &str = "load";
/// See [`SNAPSHOT`].
pub(super) const COUNTED: &str = "counted";

/// The names of the crash points between two chunks.
const SNAPSHOT_CHUNKS: &str = "snapshot-chunks";
const LOAD_CHUNKS: &str = "load-chunks";

/// Takes the snapshot and loads it; goes on with a load that was interrupted.
pub(super) async fn copy(inputs: &Restore, cx: &Working) -> Result<Manifest> {
    let (from, to) = (source(cx).await?, target(cx).await?);
    let (mut here, mut there) = (Session::open(&from).await?, alone(cx, &to).await?);
    cx.pin(SOURCE, &Server::read(&mut here).await?.uuid)?;
    cx.pin(TARGET, &Server::read(&mut there).await?.uuid)?;
    let schemas = cx.source()?.schemas.clone();
    nothing_beside(&mut here, &mut there, &schemas).await?;
    accounts_stay(&mut there).await?;
    let manifest = take(inputs, cx, &from, &mut here).await?;
    if cx.undo_of(LOAD).is_none() {
        free(&mut there, &schemas).await?;
        nothing_skipped(&mut there, &manifest).await?;
    }
    load_rows(inputs, cx, &to, &mut there, &manifest).await?;
    let counted = async {
        for entry in &manifest.tables {
            let sql = format!("SELECT COUNT(*) FROM {}", entry.table.sql());
            let rows: u64 = there.one(&format!("count {}", entry.table.plain()), &sql).await?;
            if rows != entry.rows {
                return Err(Failure::permanent(format!("{} was not loaded whole", entry.table.plain()))
                    .because(format!("{} rows in the snapshot, {rows} in the target", entry.rows))
                    .next("nothing follows the source yet; keep the target as it is and look at its error log"));
            }
        }
        state::forget(&mut there, &manifest.id).await?;
        Ok(manifest.tables.len())
    };
    cx.effect(
        Effect::new(COUNTED, "count every table on the target").touches(Side::Target.database(state::SCHEMA)),
        again(),
        counted,
    )
    .await?;
    Ok(manifest)
}

/// The names under which the snapshot's sessions are found.
pub(super) fn locks(inputs: &Restore, cx: &Reading) -> Locks {
    Locks::new(cx.run().as_str(), cx.step_id().as_str(), inputs.workers.max(1))
}

/// The names under which the load's sessions are found.
pub(super) fn loaders(inputs: &Restore, cx: &Reading) -> load::Options {
    load::Options::new(cx.run().as_str(), cx.step_id().as_str(), inputs.workers)
}

async fn take(inputs: &Restore, cx: &Working, from: &Endpoint, here: &mut Session) -> Result<Manifest> {
    let directory = cx.directory();
    let locks = locks(inputs, cx);
    let options = snapshot::Options {
        schemas: cx.source()?.schemas.clone(),
        locks,
        chunk_bytes: usize::try_from(inputs.chunk_mib * 1_048_576).unwrap_or(usize::MAX),
        patience: Patience::default(),
    };
    let look = async {
        // A snapshot without its manifest is not a snapshot: its moment is lost, and `take` throws it away.
        Ok(if Manifest::read(&directory).is_ok() { Reality::Done(()) } else { Reality::NotDone })
    };
    let act = async {
        end_all(here, options.locks.all()).await?;
        let listener = listener(cx, "snapshot for the target", SNAPSHOT_CHUNKS);
        snapshot::take(from, &directory, &options, listener, cx.cancel().clone()).await?;
        Ok(())
    };
    let effect = Effect::new(SNAPSHOT, "take a snapshot for the target")
        .undo(json!({ "directory": directory }))
        .touches(Resource::file(&directory));
    cx.effect(effect, look, act).await?;
    let manifest = Manifest::read(&directory)?;
    manifest.check_files(&directory, cx.cancel()).await?;
    Ok(manifest)
}

async fn load_rows(
    inputs: &Restore,
    cx: &Working,
    to: &Endpoint,
    there: &mut Session,
    manifest: &Manifest,
) -> Result<()> {
    let options = loaders(inputs, cx);
    let schemas = &cx.source()?.schemas;
    let before = unload::before(there, schemas).await?;
    let act = async {
        end_all(there, options.locks.iter()).await?;
        let listener = listener(cx, "load into the target", LOAD_CHUNKS);
        let loaded = load::load(to, &cx.directory(), &options, listener, cx.cancel().clone()).await?;
        if loaded.resumed > 0 {
            cx.log(format!(
                "the load went on: {} chunks were there, {} were loaded now",
                loaded.resumed, loaded.chunks
            ))?;
        }
        Ok(loaded.resumed + loaded.chunks)
    };
    // The load keeps count of its chunks in the target, with the rows: doing it again loads what is missing.
    let loaded = Effect::new(LOAD, "load the snapshot into the target")
        .undo(json!({ "before": before, "snapshot": manifest.id }))
        .touches(Side::Target.database(state::SCHEMA));
    let effect = schemas.iter().fold(loaded, |effect, schema| effect.touches(Side::Target.database(schema)));
    cx.effect(effect, again(), act).await?;
    Ok(())
}

/// A snapshot older than what the target already executed of this source would skip what lies between.
async fn nothing_skipped(there: &mut Session, manifest: &Manifest) -> Result<()> {
    let executed = crate::services::mysql::replication::executed(there).await?.of_server(&manifest.server_uuid);
    let held = super::follow::gtid_set(manifest)?;
    if held.contains(&executed) {
        return Ok(());
    }
    Err(Failure::permanent("the target has executed transactions of the source that the snapshot does not hold")
        .because(format!("{} of them", executed.subtract(&held).count()))
        .next("take a newer snapshot: remove this step's directory and run it again"))
}

/// Shows rows as they go, and passes the crash point between the first chunk and the last.
pub(in crate::actions) fn listener(cx: &Reading, label: &'static str, between: &'static str) -> Listener {
    let cx = cx.clone();
    Arc::new(move |progress: snapshot::Progress| {
        cx.progress(label, progress.rows, Some(progress.total_rows), "rows");
        if progress.rows > 0 && progress.rows < progress.total_rows {
            cx.pass(between, CrashPoint::Effect);
        }
    })
}
