//! `cutover status`: where a run stands, as its engine or its journal has it; nobody has to be driving.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use tokio::time::timeout;

use super::{Stop, Which, drive, history, output, present};
use crate::domain::state::Status;
use crate::domain::{Plan, RunState, figure};
use crate::engine;
use crate::journal::Lock;
use crate::protocol::client::Me;
use crate::protocol::derive::{self, Facts};
use crate::protocol::live::Live;
use crate::protocol::view::View;

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    which: Which,
    /// One sentence only, as for a status bar.
    #[arg(long)]
    oneline: bool,
}

/// How long a live engine may take to say where it stands.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows where the run stands.
pub(super) async fn status(args: &StatusArgs) -> Result<(), Stop> {
    let plan = args.which.plan()?;
    let directory = args.which.directory(&plan);
    let state = engine::look(&directory)?;
    let view = view(&state, &plan, &directory).await;
    let sentence = &view.sentence.text;
    if args.which.json {
        present::json(&json!({ "event": "status", "sentence": sentence, "state": state }));
    } else {
        present::line(sentence);
        if !args.oneline {
            table(&state, &plan);
        }
    }
    let failed = state.steps.values().any(|step| step.status == Status::Failed);
    if state.barring().is_some() || failed { Err(Stop::NotGood) } else { Ok(()) }
}

/// From the engine where one answers, which knows the figures of this moment; else from the journal.
async fn view(state: &RunState, plan: &Plan, directory: &Path) -> View {
    let alive = Lock::is_held(directory);
    if alive && let Ok(Ok((_, view))) = timeout(PATIENCE, drive::attach(directory, Me::new("status"))).await {
        return view;
    }
    let (live, history) = (Live::default(), history::of_rehearsals());
    let now = Timestamp::now();
    derive::view(&Facts { state, plan, live: &live, history: &history, now, alive, past: false })
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
