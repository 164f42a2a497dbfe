//! `cutover adopt STEP`: takes the next step as done by others; its checks must pass.

use clap::Args;

use super::{Stop, Which, present, summary};
use crate::domain::StepId;
use crate::domain::machine::Command;
use crate::engine;

#[derive(Debug, Args)]
pub(super) struct AdoptArgs {
    #[command(flatten)]
    which: Which,
    /// The step: the next one.
    step: String,
}

/// Adopts a step.
pub(super) async fn adopt(args: &AdoptArgs) -> Result<(), Stop> {
    let plan = args.which.plan()?;
    let directory = args.which.directory(&plan);
    let handle = engine::open(plan, engine::Options { directory, take_over: false, crash_at: None })?;
    let presenter = present::start(handle.subscribe(), args.which.json);
    let step = StepId::from(args.step.as_str());
    let result = match handle.verify(&step).await {
        Ok(checks) => handle.command(Command::Adopt { step, by: handle.holder().who, checks }).await,
        Err(failure) => Err(failure),
    };
    let result: Result<(), Stop> = result.map_err(Stop::from);
    let summary = summary::of(&handle.state(), handle.plan(), &result, "succeeded");
    handle.close()?;
    // The presenter ends with the engine's last event.
    let _ = presenter.await;
    if args.which.json {
        present::json(&summary);
    }
    result
}
