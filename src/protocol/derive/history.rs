//! What earlier rehearsals measured: the ground under every forecast.

use std::collections::BTreeMap;

use crate::domain::{RunState, StepId};

/// Rehearsals, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History(pub Vec<Rehearsal>);

/// What one rehearsal took, in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rehearsal {
    /// Its number, from 1, the oldest that is kept.
    pub number: u32,
    /// Each step that ended well.
    pub steps: BTreeMap<StepId, f64>,
    /// Each effect of a step, by its key.
    pub parts: BTreeMap<(StepId, String), f64>,
    /// Taking each step back.
    pub undo: BTreeMap<StepId, f64>,
    /// The freeze of the switch.
    pub freeze_s: Option<f64>,
}

impl Rehearsal {
    /// What the state of a finished rehearsal's journal tells.
    pub fn of(number: u32, state: &RunState) -> Self {
        let mut measured = Self { number, ..Self::default() };
        for (id, step) in &state.steps {
            if let Some(took) = step.took().filter(|_| step.failure.is_none()) {
                measured.steps.insert(id.clone(), took);
            }
            if let Some(undo) = step.undo_seconds {
                measured.undo.insert(id.clone(), undo);
            }
            for (key, effect) in &step.effects {
                if let Some(seconds) = effect.seconds {
                    measured.parts.insert((id.clone(), key.clone()), seconds);
                }
            }
            let freeze = step.outputs.get(crate::domain::state::FREEZE_SECONDS).and_then(serde_json::Value::as_f64);
            measured.freeze_s = measured.freeze_s.or(freeze);
        }
        measured
    }
}

impl History {
    /// The newest rehearsal.
    pub fn last(&self) -> Option<&Rehearsal> {
        self.0.last()
    }

    /// What a step took in the newest rehearsal that has it: seconds, and the rehearsal's number.
    pub fn step(&self, step: &StepId) -> Option<(f64, u32)> {
        self.0.iter().rev().find_map(|rehearsal| Some((*rehearsal.steps.get(step)?, rehearsal.number)))
    }

    /// The least and the most that a step ever took.
    pub fn range(&self, step: &StepId) -> Option<(f64, f64)> {
        let took = self.0.iter().filter_map(|rehearsal| rehearsal.steps.get(step).copied());
        took.fold(None, |range, took| match range {
            None => Some((took, took)),
            Some((least, most)) => Some((f64::min(least, took), f64::max(most, took))),
        })
    }

    /// What an effect took in the newest rehearsal that has it.
    pub fn part(&self, step: &StepId, key: &str) -> Option<f64> {
        let key = (step.clone(), key.to_owned());
        self.0.iter().rev().find_map(|rehearsal| rehearsal.parts.get(&key).copied())
    }

    /// What taking a step back took in the newest rehearsal that did: seconds, and the rehearsal's number.
    pub fn undo(&self, step: &StepId) -> Option<(f64, u32)> {
        self.0.iter().rev().find_map(|rehearsal| Some((*rehearsal.undo.get(step)?, rehearsal.number)))
    }
}
