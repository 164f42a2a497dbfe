//! What the engine does for an action: the ports that it implements.

use serde::Serialize;

use crate::domain::{Event, Failure, RunState, StepId};

/// The engine, as an action sees it.
pub trait Recorder: Send + Sync {
    /// Appends an event; durable when it returns. Refused when this attempt is not the last one any more.
    fn record(&self, event: Event) -> Result<(), Failure>;

    /// The state as it stands.
    fn state(&self) -> RunState;

    /// Shows how far something is; not journalled.
    fn progress(&self, progress: Progress);

    /// Passes a point at which the engine may be asked to die (`CUTOVER_CRASH_AT`).
    fn pass(&self, step: &StepId, effect: &str, point: CrashPoint);
}

/// How far something is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// The step.
    pub step: StepId,
    /// What is being done: `load orders`.
    pub label: String,
    /// So much is done.
    pub done: u64,
    /// Of so much, where that is known.
    pub total: Option<u64>,
    /// Of what: `rows`, `bytes`, `layers`, `s`.
    pub unit: &'static str,
}

/// Where around an effect the engine may be asked to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashPoint {
    /// The intent is durable, nothing has happened.
    Intent,
    /// It has happened, its outcome is not recorded.
    Effect,
    /// The outcome is durable.
    Outcome,
}
