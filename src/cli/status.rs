//! `cutover status`: where a run stands, read from its journal; nobody has to be driving.

use clap::Args;
use serde_json::json;

use super::{Stop, Which, output, present};
use crate::domain::state::Status;
use crate::domain::{Plan, RunState, figure, machine};

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    which: Which,
    /// One sentence only, as for a status bar.
    #[arg(long)]
    oneline: bool,
}

/// Shows where the run stands.
pub(super) fn status(args: &StatusArgs) -> Result<(), Stop> {
    let plan = args.which.plan()?;
    let state = crate::engine::look(&args.which.directory(&plan))?;
    if args.which.json {
        present::line(&json!({ "event": "status", "sentence": sentence(&state, &plan), "state": state }).to_string());
    } else {
        present::line(&sentence(&state, &plan));
        if !args.oneline {
            table(&state, &plan);
        }
    }
    let failed = state.steps.values().any(|step| step.status == Status::Failed);
    if !state.fences.is_empty() && !state.switched || failed { Err(Stop::NotGood) } else { Ok(()) }
}

/// Where it stands, in one sentence.
fn sentence(state: &RunState, plan: &Plan) -> String {
    if let Some((service, step)) = state.fences.iter().next()
        && !state.switched
    {
        return format!(
            "FENCE SHUT at the {service}, by step `{step}`: tenants cannot write. `cutover run` opens it again"
        );
    }
    let Some(step) = machine::next(state, plan) else { return "every step is over".to_owned() };
    let was = state.step(&step.id);
    match was.status {
        Status::Failed => {
            format!("{} FAILED: {}", step.id, was.failure.map(|failure| failure.what).unwrap_or_default())
        }
        Status::InDoubt => format!("{} is in doubt: its engine went away; `cutover run` looks and goes on", step.id),
        Status::Running => format!("{} is running, attempt {}", step.id, was.attempt),
        _ => format!("WAITING FOR YOU: {} is next", step.id),
    }
}

fn table(state: &RunState, plan: &Plan) {
    for step in &plan.runbook.steps {
        let was = state.step(&step.id);
        let took = was.took().map(figure::seconds).unwrap_or_default();
        let companion = was.companion.map(|(healthy, detail)| {
            format!("  {}: {detail}", if healthy { "left running" } else { "LEFT RUNNING, NOT HEALTHY" })
        });
        let (id, status) = (step.id.as_str(), output::status(was.status));
        present::line(&format!("  {id:<14} {status:<12} {took:>12}{}", companion.unwrap_or_default()));
    }
    for (service, step) in &state.fences {
        present::line(&format!("  fence shut at the {service}, by `{step}`"));
    }
}
