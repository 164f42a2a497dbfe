//! Every row compared at one common point, while the source goes on.
//!
//! The target's applier is stopped, the source is seen at one moment G by consistent snapshots, and the
//! target applies exactly up to G and stops there by itself. Both then stand still for as long as it takes
//! to compare every chunk; afterwards the target goes on. The standing applier is a scratch state: a resume
//! lets it go on first.

use std::time::{Duration, Instant as Clock};

use tokio::time::Instant;

use super::super::servers::{alone, end_all, source, target};
use super::super::{Checking, Reading, Result};
use super::SOURCE;
use crate::domain::runbook::inputs::Restore;
use crate::domain::{Check, Failure, RunState, StepId};
use crate::services::mysql::compare::{Comparison, Pace, Pair, compare};
use crate::services::mysql::replication::{self, Applied};
use crate::services::mysql::snapshot::freeze::{Frozen, freeze};
use crate::services::mysql::snapshot::{Locks, Manifest, Patience};
use crate::services::mysql::table::read_tables;
use crate::services::mysql::{GtidSet, Session};

/// The kind of scratch state that a comparison makes.
pub(super) const STANDING: &str = "stopped applier";
/// How long the target may take to apply what lies between its stop and the source's moment.
const CATCH_UP: Duration = Duration::from_mins(5);
/// How long the target's channel may take to run again.
const GOES_ON: Duration = Duration::from_secs(30);
/// So many differences are named.
const NAMED: usize = 5;

/// Compares, and says what was seen.
pub(in crate::actions) async fn prove(inputs: &Restore, cx: &Checking) -> Result<Vec<Check>> {
    let to = target(cx).await?;
    let go_on = || async {
        let mut there = Session::open(&to).await?;
        Ok(replication::start(&mut there).await?)
    };
    let began = Clock::now();
    let (point, seen) = cx.scratch(STANDING, "verify-applier", go_on, at_one_point(inputs, cx)).await?;
    let mut there = Session::open(&to).await?;
    let channel = replication::until_running(&mut there, Instant::now() + GOES_ON).await?;
    let evidence = format!(
        "{} tables, {} chunks, {} rows at {point}, in {:.1} s",
        seen.tables,
        seen.chunks,
        seen.rows,
        began.elapsed().as_secs_f64()
    );
    let equal = match seen.differences.len() {
        0 => Check::passed("every row is on the target, at one GTID set", evidence),
        count => {
            let named = seen.differences.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
            Check::failed("every row is on the target, at one GTID set", format!("{count} differences: {named}"))
        }
    };
    Ok(vec![equal, Check::passed("the target follows the source again", channel.to_string())])
}

/// Whether a comparison that is being made now has stopped the applier. One that nobody is at any more left it so.
pub(super) fn stands_for_it(state: &RunState, step: &StepId) -> bool {
    let stopped = state.step(step).scratch.iter().any(|(kind, _)| kind == STANDING);
    stopped && state.running().is_some()
}

/// The names under which a comparison's sessions are found.
pub(super) fn locks(inputs: &Restore, cx: &Reading) -> Locks {
    Locks::new(cx.run().as_str(), &format!("{}-verify", cx.step_id()), inputs.workers.max(1))
}

async fn at_one_point(inputs: &Restore, cx: &Checking) -> Result<(GtidSet, Comparison)> {
    let (from, to) = (source(cx).await?, target(cx).await?);
    let schemas = cx.source()?.schemas.clone();
    let (mut here, mut there) = (Session::open(&from).await?, alone(cx, &to).await?);
    let locks = locks(inputs, cx);
    end_all(&mut here, locks.all()).await?;
    let tables = read_tables(&mut here, &schemas).await?;
    replication::stop(&mut there).await?;
    let Frozen { control, readers, position, .. } = freeze(&from, &tables, &locks, Patience::default()).await?;
    let point: GtidSet = position
        .gtid_executed
        .parse()
        .map_err(|why| Failure::permanent(format!("the GTID set of the {SOURCE} cannot be read: {why}")))?;
    replication::start_until(&mut there, &point).await?;
    match replication::wait_applied(&mut there, &point, Instant::now() + CATCH_UP).await? {
        Applied::All => {}
        Applied::NotInTime => {
            return Err(Failure::transient("the target did not reach the point of comparison in time")
                .next("compare when there is less to write"));
        }
    }
    replication::stop(&mut there).await?;
    stands_at(&mut there, &mut here, &point).await?;
    let mut pairs = Vec::new();
    for reader in readers {
        pairs.push(Pair { source: reader, target: Session::open(&to).await? });
    }
    let progress = |done, total| cx.progress("compare", done, Some(total), "chunks");
    let pace = Pace { progress: &progress, cancel: cx.cancel(), busy_percent: inputs.verify_busy_percent };
    // A snapshot that somebody has cleared away since says nothing of the counters any more.
    let counters = Manifest::read(&cx.directory()).map(|manifest| manifest.counters()).unwrap_or_default();
    let seen = compare(&mut pairs, &schemas, &counters, &pace).await?;
    control.close().await?;
    Ok((point, seen))
}

/// The target has applied no transaction of the source beyond the point.
async fn stands_at(there: &mut Session, here: &mut Session, point: &GtidSet) -> Result<()> {
    let source = replication::server_uuid(here).await?;
    let beyond = replication::executed(there).await?.of_server(&source).subtract(point);
    if beyond.is_empty() {
        return Ok(());
    }
    Err(Failure::transient("the target went past the point of comparison").because(format!("by {beyond}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::state::Status;

    #[test]
    fn an_applier_stands_on_purpose_only_while_somebody_compares() {
        let (restore, dns) = (StepId::from("restore"), StepId::from("dns"));
        let mut state = RunState::default();
        assert!(!stands_for_it(&state, &restore));
        let scratch = (STANDING.to_owned(), "verify-applier".to_owned());
        state.steps.entry(restore.clone()).or_default().scratch.push(scratch);
        state.steps.entry(dns.clone()).or_default().status = Status::Running;
        assert!(stands_for_it(&state, &restore));
        assert!(!stands_for_it(&state, &dns), "the applier is the restore's");
        state.steps.entry(dns).or_default().status = Status::InDoubt;
        assert!(!stands_for_it(&state, &restore), "its engine died, and left the applier standing");
    }
}
