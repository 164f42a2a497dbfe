//! Looks again and again at what can run out between two steps, and tells it; what crosses its limit, or is back, is
//! journalled, once.

use std::sync::PoisonError;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::handle::Notice;
use super::work::Engine;
use crate::actions::{Recorder, limits};
use crate::domain::limit::Crossings;
use crate::domain::runbook::ActionSpec;
use crate::domain::state::Status;

/// How often they are looked at.
const EVERY: Duration = Duration::from_mins(1);

/// Looks until the engine stops.
pub(super) async fn watch(engine: Engine, cancel: CancellationToken) {
    let Some(first) = engine.plan.runbook.steps.first().map(|step| step.id.clone()) else { return };
    let mut crossings = Crossings::of(&engine.book.state().crossed);
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while cancel.run_until_cancelled(ticks.tick()).await.is_some() {
        if is_switching(&engine) {
            continue;
        }
        let cx = engine.reading(&first, &cancel);
        let Some(limits) = cancel.run_until_cancelled(Box::pin(limits::look(&cx))).await else { return };
        engine.limits.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&limits);
        for event in crossings.look(&limits, Timestamp::now()) {
            if engine.book.record(event).is_err() {
                return; // The journal cannot be written: the driver hears of it from the step in flight.
            }
        }
        engine.book.tell(Notice::Limits { limits });
    }
}

/// A switch has the servers to itself.
fn is_switching(engine: &Engine) -> bool {
    let state = engine.book.state();
    let mut switches = engine.plan.runbook.steps.iter().filter(|step| matches!(step.action, ActionSpec::Switch(_)));
    state.barring().is_some() || switches.any(|step| state.step(&step.id).status == Status::Running)
}
