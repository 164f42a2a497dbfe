//! A recorder for looking ahead: it knows the state, and lets nothing be recorded.

use crate::actions::{CrashPoint, Progress, Recorder};
use crate::domain::{Event, Failure, RunState, StepId};

/// The state of a run that nobody drives at the moment.
pub struct Forecast(pub RunState);

impl Recorder for Forecast {
    fn record(&self, _event: Event) -> Result<(), Failure> {
        Err(Failure::refused("a forecast changes nothing"))
    }

    fn state(&self) -> RunState {
        self.0.clone()
    }

    fn progress(&self, _progress: Progress) {}

    fn pass(&self, _step: &StepId, _effect: &str, _point: CrashPoint) {}
}
