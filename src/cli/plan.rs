//! `cutover plan`: what each step would do, as far as it can be seen today.

use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Stop, Which, output, present};
use crate::actions::{Action, Reading};
use crate::domain::{Failure, Plan, Preview, RunId, RunState};
use crate::engine::forecast::Forecast;

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    which: Which,
}

/// Prints the forecast of every step that is not over.
pub(super) async fn plan(args: &PlanArgs) -> Result<(), Stop> {
    let plan = args.which.plan()?;
    if !args.which.json {
        present::line("A forecast: each step takes its preview anew at its gate, and that one counts.");
    }
    forecast(&args.which, plan, output::preview_or_not_yet).await
}

/// Takes the preview of every step that is not over, and shows each.
pub(super) async fn forecast(
    which: &Which,
    plan: Plan,
    show: fn(&Result<Preview, Failure>) -> String,
) -> Result<(), Stop> {
    let directory = which.directory(&plan);
    let state = crate::engine::look(&directory).unwrap_or_else(|_| RunState::default());
    let run = state.run.clone().unwrap_or_else(|| RunId(plan.runbook.name.clone()));
    let plan = Arc::new(plan);
    for step in plan.runbook.steps.iter().filter(|step| !state.is_over(&step.id)) {
        let recorder = Arc::new(Forecast(state.clone()));
        let place = (run.clone(), Arc::clone(&plan), directory.clone());
        let cx = Reading::new(place, (step.id.clone(), 0), recorder, CancellationToken::new());
        let preview = step.action.preview(&cx).await;
        if which.json {
            let seen = match &preview {
                Ok(preview) => {
                    json!({ "event": "forecast", "step": step.id, "preview": preview, "digest": preview.digest() })
                }
                Err(failure) => json!({ "event": "forecast", "step": step.id, "not_yet": failure }),
            };
            present::line(&seen.to_string());
        } else {
            present::line(&format!("\n{} ({}), owner {}, day {}", step.id, step.action.name(), step.owner, step.day));
            present::line(show(&preview).trim_end());
        }
    }
    Ok(())
}
