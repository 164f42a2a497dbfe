//! The last line of a run for programs: how it ended, and each step with its state and what it took.

use serde_json::{Value, json};

use super::{Stop, output};
use crate::domain::{Failure, Plan, RunState};

/// Outputs of steps that the summary repeats by these names, where they were measured.
const REPEATED: &[(&str, &str)] = &[
    ("freeze_seconds", "freeze_seconds"),
    ("freeze_handler_reads", "freeze_handler_reads"),
    ("ingress_controller", "controller"),
    ("switched_at", "switched_at"),
];

/// The summary of a run that ended in this way, in `good` words where it ended well; what was not measured
/// is absent.
pub fn of(state: &RunState, plan: &Plan, result: &Result<(), Stop>, good: &'static str) -> Value {
    let steps: Vec<Value> = plan.runbook.steps.iter().map(|step| entry(state, &step.id)).collect();
    let (outcome, error) = outcome(result, good);
    let mut summary = json!({ "event": "summary", "outcome": outcome, "steps": steps });
    if let Some(run) = &state.run {
        summary["run"] = json!(run);
    }
    for (field, output) in REPEATED {
        if let Some(value) = state.steps.values().find_map(|step| step.outputs.get(*output)) {
            summary[*field] = value.clone();
        }
    }
    summary["kept"] = json!(state.kept);
    summary["error"] = error;
    summary
}

/// The figures of a summary that were measured by steps.
pub fn measured(summary: &Value) -> impl Iterator<Item = (String, Value)> + '_ {
    REPEATED.iter().filter_map(|(field, _)| Some(((*field).to_owned(), summary.get(*field)?.clone())))
}

/// The summary of a command that ended before there was a run to speak of.
pub fn without_run(stop: &Stop) -> Value {
    let (outcome, error) = ended(stop);
    json!({ "event": "summary", "outcome": outcome, "error": error })
}

fn outcome(result: &Result<(), Stop>, good: &'static str) -> (&'static str, Value) {
    result.as_ref().map_or_else(ended, |()| (good, Value::Null))
}

/// The word for how a command ended otherwise than well, and why.
fn ended(stop: &Stop) -> (&'static str, Value) {
    match stop {
        Stop::AtGate(waiting) => ("waiting", json!(Failure::permanent(waiting))),
        Stop::Failed(failure) => ("failed", json!(failure)),
        Stop::Faults(faults) => ("failed", json!({ "what": "the runbook has faults", "why": faults })),
        Stop::NotGood | Stop::Said(_) => ("failed", json!({ "what": "see the lines above" })),
    }
}

fn entry(state: &RunState, id: &crate::domain::StepId) -> Value {
    let was = state.step(id);
    let mut entry = json!({ "id": id, "state": output::status(was.status), "attempts": was.attempt });
    if let Some(seconds) = was.took() {
        entry["seconds"] = json!(seconds);
    }
    if let Some(seconds) = was.took_back() {
        entry["undo_seconds"] = json!(seconds);
    }
    entry
}
