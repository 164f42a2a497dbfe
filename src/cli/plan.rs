//! `cutover plan`: what each step would do, as far as it can be seen today.

use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Stop, Which, output, present};
use crate::actions::{Action, Reading};
use crate::domain::{RunId, RunState};
use crate::engine::forecast::Forecast;

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    which: Which,
}

/// Prints the forecast of every step that is not over. The next step has everything that it waits for: where
/// its preview cannot be taken, that is a failure. A later one's may wait for what an earlier one makes.
pub(super) async fn plan(args: &PlanArgs) -> Result<(), Stop> {
    let which = &args.which;
    let plan = Arc::new(which.plan_or_summary()?);
    if !which.json {
        present::line("A forecast: each step takes its preview anew at its gate, and that one counts.");
    }
    let directory = which.directory(&plan);
    let state = crate::engine::look(&directory).unwrap_or_else(|_| RunState::default());
    let run = state.run.clone().unwrap_or_else(|| RunId(plan.runbook.name.clone()));
    let (mut seen, mut not_yet, mut failed) = (0, 0, None);
    for step in plan.runbook.steps.iter().filter(|step| !state.is_over(&step.id)) {
        let recorder = Arc::new(Forecast(state.clone()));
        let place = (run.clone(), Arc::clone(&plan), directory.clone());
        let cx = Reading::new(place, (step.id.clone(), 0), recorder, CancellationToken::new());
        let preview = step.action.preview(&cx).await;
        let is_next = seen + not_yet == 0 && failed.is_none();
        if which.json {
            let line = match &preview {
                Ok(preview) => {
                    json!({ "event": "forecast", "step": step.id, "preview": preview, "digest": preview.digest() })
                }
                Err(failure) if is_next => json!({ "event": "forecast", "step": step.id, "failed": failure }),
                Err(failure) => json!({ "event": "forecast", "step": step.id, "not_yet": failure }),
            };
            present::json(&line);
        } else {
            present::line(&format!("\n{} ({}), owner {}, day {}", step.id, step.action.name(), step.owner, step.day));
            present::line(output::preview_or_not_yet(&preview).trim_end());
        }
        match preview {
            Ok(_) => seen += 1,
            Err(failure) if is_next => failed = Some(failure),
            Err(_) => not_yet += 1,
        }
    }
    if which.json {
        let outcome = if failed.is_none() { "succeeded" } else { "failed" };
        let summary =
            json!({ "event": "summary", "outcome": outcome, "previews": seen, "not_yet": not_yet, "error": failed });
        present::json(&summary);
    } else {
        present::line(&format!("\n{seen} previews, {not_yet} not there yet"));
    }
    failed.map_or(Ok(()), |failure| Err(Stop::Failed(failure)))
}
