//! `cutover journal`: everything that happened in a run, a JSON line each.

use clap::Args;
use serde_json::json;

use super::{Stop, Which, present};
use crate::domain::Failure;
use crate::journal::Journal;

#[derive(Debug, Args)]
pub(super) struct JournalArgs {
    #[command(flatten)]
    which: Which,
    /// Only what happened after this place.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
}

/// Prints the journal.
pub(super) fn journal(args: &JournalArgs) -> Result<(), Stop> {
    let plan = args.which.plan()?;
    let journal = Journal::read(&args.which.directory(&plan)).map_err(Failure::from)?;
    for recorded in journal.events_after(args.after).map_err(Failure::from)? {
        present::json(&json!(recorded));
    }
    Ok(())
}
