//! The report as a page of Markdown: steps, times, evidence, and who decided what.

use jiff::Timestamp;

use crate::cli::{output, present};
use crate::domain::{Event, Plan, Recorded, RunState, figure};

/// Prints the report.
pub(super) fn print(plan: &Plan, events: &[Recorded], state: &RunState) {
    let run = state.run.as_ref().map_or("", |run| run.as_str());
    present::line(&format!("# {run}: {}\n", plan.file.display()));
    present::line("| step | state | attempts | started | took |\n|---|---|---|---|---|");
    for step in &plan.runbook.steps {
        let was = state.step(&step.id);
        let started = was.started.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()).unwrap_or_default();
        let took = was.took().map(figure::seconds);
        let status = output::status(was.status);
        present::line(&format!(
            "| {} | {status} | {} | {started} | {} |",
            step.id,
            was.attempt,
            took.unwrap_or_default()
        ));
    }
    for step in &plan.runbook.steps {
        let was = state.step(&step.id);
        if was.checks.is_empty() {
            continue;
        }
        present::line(&format!("\n## {}\n", step.id));
        for check in &was.checks {
            present::line(&format!("- {}", output::check(check).trim()));
        }
    }
    present::line("\n## Decisions and incidents\n");
    for recorded in events {
        if let Some(said) = said(&recorded.event) {
            present::line(&format!("- {} {said}", time(recorded.at)));
        }
    }
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn said(event: &Event) -> Option<String> {
    Some(match event {
        Event::RunCreated { by, environment, .. } => {
            format!("{} began the run in `{environment}` on {}", by.who, by.host)
        }
        Event::RunbookChanged { digest } => format!("the runbook changed ({})", digest.get(..12).unwrap_or(digest)),
        Event::LockTakenOver { from, by } => format!("{} took over from {} on {}", by.who, from.who, from.host),
        Event::StepStarted { step, attempt, consent, .. } => {
            let evidence = consent.evidence.as_ref().map(|text| format!(", evidence: {text}")).unwrap_or_default();
            format!("{} started `{step}`, attempt {attempt}{evidence}", consent.by)
        }
        Event::StepFailed { step, failure, .. } => format!("`{step}` failed: {}", failure.what),
        Event::StepAdopted { step, by, .. } => format!("{by} adopted `{step}`"),
        Event::Fence { service, shut: true, .. } => format!("fence shut at the {service}"),
        Event::Fence { service, .. } => format!("fence opened at the {service}"),
        Event::PointOfSwitching { .. } => "the point of switching was passed".to_owned(),
        Event::Companion { step, healthy, detail } => {
            format!("what `{step}` left running is {}: {detail}", if *healthy { "healthy" } else { "not healthy" })
        }
        Event::LimitCrossed { what, value } => format!("a limit was crossed: {what}: {value}"),
        Event::LimitBack { what, .. } => format!("back from its limit: {what}"),
        _ => return None,
    })
}
