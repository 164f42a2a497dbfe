//! Whether a step may start at this moment: what depends on the clock, and on people other than the driver.
//!
//! The machine decides without a clock; the engine asks here with its own, before it does.

use jiff::Timestamp;

use super::approval::{self, Asked};
use super::event::Consent;
use super::failure::Failure;
use super::plan::Plan;
use super::runbook::{ActionSpec, Step};
use super::state::RunState;

/// Refuses a step outside its window, without the evidence that it asks for, or without the approval that its gate wants
/// for this preview.
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
    evidenced(state, plan, step, consent)?;
    let attempt = state.step(&step.id).attempt + 1;
    approval::given(plan, step, &state.approvals, digest, Asked { attempt, driver: Some(&consent.by), now })
}

/// Work of people that is to be told of, and was not, neither now nor at an earlier try, waits: it did not fail.
fn evidenced(state: &RunState, plan: &Plan, step: &Step, consent: &Consent) -> Result<(), Failure> {
    let ActionSpec::Manual(manual) = &step.action else { return Ok(()) };
    let Some(wanted) = &manual.evidence else { return Ok(()) };
    let (earlier, production) = (state.step(&step.id).evidence, plan.runbook.is_production());
    let given = [consent.evidence.as_deref(), earlier.as_deref()];
    if given.into_iter().any(|typed| manual.evidence_of(typed, production).is_some()) {
        return Ok(());
    }
    Err(Failure::refused(format!("step `{}` asks for evidence: {wanted}", step.id))
        .next("type it in, on a terminal or in the seat (`cutover drive`)"))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::event::ConsentKind;

    /// Whether a step of people's work starts in that environment with this typed in, `earlier` at an earlier try.
    fn starts(environment: &str, typed: Option<&str>, earlier: Option<&str>) -> Result<(), Failure> {
        let with =
            json!({ "instructions": "do it", "evidence": "the ticket", "rehearsed_evidence": "nothing in the lab" });
        let step = json!({ "id": "cron", "owner": "lead", "day": 5, "action": "manual", "with": with });
        let runbook = json!({ "name": "a", "environment": environment,
            "service": { "name": "a", "host": "a.example" }, "step": [step] });
        let plan = Plan::new(serde_json::from_value(runbook).unwrap(), "a.toml".into());
        let mut state = RunState::default();
        state.steps.entry("cron".into()).or_default().evidence = earlier.map(str::to_owned);
        let (by, how, evidence) = ("ana".to_owned(), ConsentKind::Typed, typed.map(str::to_owned));
        let consent = Consent { by, how, phrase: None, accepted: vec![], evidence };
        may_start(&state, &plan, &plan.runbook.steps[0], ("d", &consent), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn work_of_people_waits_for_its_evidence() {
        for nothing in [None, Some(""), Some("  ")] {
            let waits = starts("production", nothing, None).unwrap_err();
            assert_eq!(waits.what, "step `cron` asks for evidence: the ticket");
            starts("lab", nothing, None).unwrap();
            starts("production", nothing, Some("OPS-1")).unwrap();
        }
        starts("production", Some("OPS-1"), None).unwrap();
    }
}
