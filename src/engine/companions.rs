//! Watches what finished steps left running: a channel that breaks on Thursday night is seen on Thursday night.

use std::collections::HashMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::handle::Notice;
use super::work::Engine;
use crate::actions::{Action, Health, Recorder};
use crate::domain::state::Status;
use crate::domain::{Event, StepId};

/// How often a companion is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// Looks at every companion until the engine stops; a change of health is journalled, its figures are told.
pub(super) async fn watch(engine: Engine, cancel: CancellationToken) {
    let mut known: HashMap<StepId, bool> = HashMap::new();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while cancel.run_until_cancelled(ticks.tick()).await.is_some() {
        let state = engine.book.state();
        for step in &engine.plan.runbook.steps {
            let was = state.step(&step.id);
            if was.status != Status::Done && !was.stands_after_all() {
                continue;
            }
            let cx = engine.reading(&step.id, &cancel);
            let health = match cancel.run_until_cancelled(step.action.companion(&cx)).await {
                None => return,
                Some(Ok(None)) => continue,
                Some(Ok(Some(health))) => health,
                Some(Err(failure)) => Health { healthy: false, detail: failure.what },
            };
            let Health { healthy, detail } = health;
            if known.insert(step.id.clone(), healthy) != Some(healthy) {
                let event = Event::Companion { step: step.id.clone(), healthy, detail: detail.clone() };
                if engine.book.record(event).is_err() {
                    return; // The journal cannot be written: the driver hears of it from the step in flight.
                }
            }
            engine.book.tell(Notice::Companion { companion: step.id.clone(), healthy, detail });
        }
    }
}
