//! What the last rehearsals took, read from their journals.

use std::path::Path;

use serde_json::Value;

use super::rehearse;
use crate::engine;
use crate::protocol::derive::History;
use crate::protocol::derive::history::Rehearsal;

/// So many rehearsals make the forecast.
const KEPT: usize = 5;

/// The last finished rehearsals, oldest first; a journal that cannot be read is left out.
pub(super) fn of_rehearsals() -> History {
    of(|_| true)
}

/// The same, without the rehearsal whose state directory this is: it is no measure of itself.
pub(super) fn of_other_rehearsals(state: &Path) -> History {
    let canonical = |path: &Path| path.canonicalize().ok();
    let own = canonical(state);
    of(|directory| own.is_none() || canonical(&directory.join("state")) != own)
}

fn of(counts: impl Fn(&Path) -> bool) -> History {
    let all = rehearse::finished();
    let good: Vec<_> = all.iter().filter(|directory| counts(directory) && went_well(directory)).collect();
    let kept = &good[good.len().saturating_sub(KEPT)..];
    let states = kept.iter().filter_map(|directory| engine::look(&directory.join("state")).ok());
    History((1..).zip(states).map(|(number, state)| Rehearsal::of(number, &state)).collect())
}

fn went_well(directory: &Path) -> bool {
    let summary = std::fs::read_to_string(directory.join("summary.json")).unwrap_or_default();
    serde_json::from_str::<Value>(&summary).is_ok_and(|summary| summary["outcome"] != "failed")
}
