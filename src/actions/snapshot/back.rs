//! `mysql.snapshot` taken back: the first backup is kept, and listed as kept; what is no backup goes.
//!
//! A snapshot that was interrupted has lost its moment, so it is removed, and so is the throw-away server of a
//! proof that died. The kept one stays on the journal's record: started again, the step takes it as it is.

use super::{EFFECT, trial};
use crate::actions::servers::{end_all, source};
use crate::actions::{Reading, Result, Working};
use crate::domain::preview::Verb;
use crate::domain::runbook::inputs::Snapshot;
use crate::domain::{Check, Failure, Preview};
use crate::services::mysql::Session;
use crate::services::mysql::snapshot::{self, Manifest};

const WHY: &str = "the first backup of what the tenants had before the migration: no rollback deletes it";

pub(super) fn way_back(cx: &Reading) -> Preview {
    let mut preview = Preview::undone_by("starting the step again: a complete snapshot is taken as it is");
    preview.loses = Some(0);
    preview.takes = cx.measured(|_| false);
    for (_, name) in cx.state().step(cx.step_id()).scratch {
        preview.change(Verb::Remove, format!("container {name}"), vec!["a proof that died left it".to_owned()]);
    }
    if !cx.standing().is_empty() {
        let directory = cx.directory();
        let object = format!("snapshot in {}", directory.display());
        match Manifest::read(&directory) {
            Ok(_) => preview.change(Verb::Keep, object, vec![WHY.to_owned()]),
            Err(_) => preview.change(Verb::Remove, object, vec!["it is not complete: its moment is lost".to_owned()]),
        };
    }
    preview
}

pub(super) async fn rollback(inputs: &Snapshot, cx: &Working) -> Result<Vec<Check>> {
    trial::clear(cx).await?;
    if cx.standing().is_empty() {
        return Ok(Vec::new());
    }
    let directory = cx.directory();
    if let Ok(manifest) = Manifest::read(&directory) {
        manifest.check_files(&directory, cx.cancel()).await?;
        cx.keep(Some(EFFECT), format!("the first snapshot, in {}", directory.display()), WHY)?;
        let evidence = format!("{} files, {} rows", manifest.chunks.len(), manifest.rows());
        return Ok(vec![Check::passed("the first snapshot is kept, every file as its manifest says", evidence)]);
    }
    cx.take_back(EFFECT, async |_| {
        let mut session = Session::open(&source(cx).await?).await?;
        end_all(&mut session, inputs.options(cx)?.locks.all()).await?;
        session.close().await?;
        snapshot::remove(&directory).map_err(|why| {
            Failure::permanent(format!("remove the interrupted snapshot in {}", directory.display()))
                .because(why.to_string())
                .next("move away what is not the snapshot's, then take the step back again")
        })
    })
    .await?;
    Ok(vec![Check::of(!directory.exists(), "no interrupted snapshot is left", directory.display().to_string())])
}
