//! `cutover check`: every fault of a runbook at once; with `--live`, the preflight.

use clap::Args;
use serde_json::json;

use super::{Stop, Which, output, plan, present};
use crate::loader;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    which: Which,
    /// Ask every service whether it is ready for its step; changes nothing.
    #[arg(long)]
    live: bool,
}

/// Checks a runbook.
pub(super) async fn check(args: &CheckArgs) -> Result<(), Stop> {
    let plan = match loader::load(&args.which.runbook) {
        Ok(plan) => plan,
        Err(faults) if args.which.json => {
            present::line(&json!({ "event": "summary", "outcome": "faults", "faults": faults }).to_string());
            return Err(faults.into());
        }
        Err(faults) => return Err(faults.into()),
    };
    if args.live {
        return plan::forecast(&args.which, plan, output::preview_or_not_yet).await;
    }
    if args.which.json {
        present::line(&json!({ "event": "summary", "outcome": "succeeded", "faults": [] }).to_string());
    } else {
        present::line(&format!("{}: {} steps, no fault", plan.file.display(), plan.runbook.steps.len()));
    }
    Ok(())
}
