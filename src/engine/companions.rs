//! Watches what finished steps left running: a channel that breaks on Thursday night is seen on Thursday night.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::handle::Notice;
use super::work::Engine;
use crate::actions::{Action, Health, Recorder, Watched};
use crate::domain::state::Status;
use crate::domain::{Event, RunState, StepId};

/// How often a companion is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// How often what is worth watching beside it is looked at: a front over ssh, logs, others' resolvers.
const NOW_AND_THEN: Duration = Duration::from_secs(10);

/// What was watched last.
struct Told {
    at: Instant,
    counts: Vec<(String, u64)>,
    words: Vec<String>,
}

impl Told {
    /// Words for what was watched, with how fast the counts grow since `before`.
    fn of(watched: Watched, before: Option<&Self>, at: Instant) -> Self {
        let Watched { mut words, counts } = watched;
        for (name, count) in &counts {
            let known =
                before.and_then(|before| Some((before, before.counts.iter().find(|(known, _)| known == name)?.1)));
            #[expect(clippy::cast_precision_loss, reason = "shown only")]
            let rate = known.map(|(before, known)| {
                count.saturating_sub(known) as f64 / at.duration_since(before.at).as_secs_f64().max(0.1)
            });
            let rate = rate.map(|rate| format!("{rate:.0} requests/s ")).unwrap_or_default();
            words.push(format!("{rate}{name}, {count} in all"));
        }
        Self { at, counts, words }
    }
}

/// Looks at every companion until the engine stops; a change of health is journalled, its figures are told.
pub(super) async fn watch(engine: Engine, cancel: CancellationToken) {
    let mut known: HashMap<StepId, bool> = HashMap::new();
    let mut told: HashMap<StepId, Told> = HashMap::new();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while cancel.run_until_cancelled(ticks.tick()).await.is_some() {
        let state = engine.book.state();
        for step in &engine.plan.runbook.steps {
            if !left_running(&state, &step.id) {
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
            if told.get(&step.id).is_none_or(|told| told.at.elapsed() >= NOW_AND_THEN) {
                let Some(watched) = cancel.run_until_cancelled(step.action.watched(&cx)).await else { return };
                let now = Told::of(watched, told.get(&step.id), Instant::now());
                told.insert(step.id.clone(), now);
            }
            let words = told.get(&step.id).map(|told| told.words.as_slice()).unwrap_or_default();
            let detail = std::iter::once(&detail).chain(words).map(String::as_str).collect::<Vec<_>>().join("; ");
            engine.book.tell(Notice::Companion { companion: step.id.clone(), healthy, detail });
        }
    }
}

/// Whether a step stands, and what it leaves running is relied on: whoever did it, this run or others. One that
/// failed past the point of switching has left it running too, and nothing takes that back but its own way back.
fn left_running(state: &RunState, step: &StepId) -> bool {
    let at = state.step(step);
    state.is_over(step) || at.stands_after_all() || (state.switched && at.status == Status::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Failure, Recorded};

    /// Whether the step is watched once this has happened too.
    fn relied_on_after(state: &mut RunState, step: &StepId, event: Event) -> bool {
        state.fold(&Recorded { seq: state.seq + 1, at: jiff::Timestamp::UNIX_EPOCH, event });
        left_running(state, step)
    }

    #[test]
    fn what_others_left_running_is_watched_once_their_step_is_adopted() {
        let (mut state, step) = (RunState::default(), StepId::from("restore"));
        let mut happens = |event| relied_on_after(&mut state, &step, event);
        let failure = Failure::permanent("load");
        assert!(!happens(Event::StepFailed { step: step.clone(), attempt: 0, failure }));
        assert!(happens(Event::StepAdopted { step: step.clone(), by: "ana".into(), checks: vec![] }));
        assert!(!happens(Event::RolledBack { step: step.clone(), attempt: 0, checks: vec![] }));
        assert!(happens(Event::StepDone { step: step.clone(), attempt: 0 }));
    }

    #[test]
    fn what_a_switch_left_running_is_watched_though_it_failed_past_its_point() {
        let (mut state, step) = (RunState::default(), StepId::from("dns"));
        let mut happens = |event| relied_on_after(&mut state, &step, event);
        let failed =
            || Event::StepFailed { step: step.clone(), attempt: 0, failure: Failure::permanent("the probe's write") };
        assert!(!happens(failed()), "before it there is nothing to watch");
        happens(Event::PointOfSwitching { step: step.clone() });
        assert!(happens(failed()));
        happens(Event::SwitchedBack { step: step.clone() });
        assert!(!happens(failed()), "its way back ended it");
    }

    #[test]
    fn what_grows_is_told_with_how_fast_from_the_second_look_on() {
        let watched =
            |count| Watched { words: vec!["1.1.1.1 new".to_owned()], counts: vec![("relayed".to_owned(), count)] };
        let began = Instant::now();
        let first = Told::of(watched(100), None, began);
        assert_eq!(first.words, ["1.1.1.1 new", "relayed, 100 in all"]);
        let second = Told::of(watched(410), Some(&first), began + Duration::from_secs(10));
        assert_eq!(second.words[1], "31 requests/s relayed, 410 in all");
    }
}
