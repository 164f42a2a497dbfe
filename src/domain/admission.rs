//! Whether a step may start at this moment: what depends on the clock, and on people other than the driver.
//!
//! The machine decides without a clock; the engine asks here with its own, before it does.

use jiff::Timestamp;

use super::approval;
use super::event::Consent;
use super::failure::Failure;
use super::plan::Plan;
use super::runbook::Step;
use super::state::RunState;

/// Refuses a step outside its window, or without the approval that its gate wants for this preview.
///
/// # Errors
/// Refused, with what it waits for.
pub fn may_start(
    state: &RunState,
    plan: &Plan,
    step: &Step,
    (digest, consent): (&str, &Consent),
    now: Timestamp,
) -> Result<(), Failure> {
    in_window(step, now)?;
    let attempt = state.step(&step.id).attempt + 1;
    approval::given(plan, step, &state.approvals, (attempt, digest, &consent.by, now))
}

/// Refuses a step outside its window.
///
/// # Errors
/// Refused, with the window.
pub fn in_window(step: &Step, now: Timestamp) -> Result<(), Failure> {
    match &step.gate.window {
        Some(window) if !window.holds(now) => {
            let (from, to) = (window.from, window.to);
            let next = if now < from { "wait for it" } else { "agree on another window and write it into the runbook" };
            Err(Failure::refused(format!("step `{}` starts between {from} and {to}, and it is {now}", step.id))
                .next(next))
        }
        _ => Ok(()),
    }
}
