//! `cutover adopt STEP`: takes the next step as done by others; its checks must pass.

use clap::Args;

use super::{Stop, Which, session};
use crate::domain::machine::Command;
use crate::engine::Handle;

#[derive(Debug, Args)]
pub(super) struct AdoptArgs {
    #[command(flatten)]
    which: Which,
    /// The step: the next one.
    step: String,
    /// Take the run over from an engine on another machine that is known to be dead.
    #[arg(long)]
    take_over: bool,
}

/// Adopts a step; the summary comes last.
pub(super) async fn adopt(args: &AdoptArgs) -> Result<(), Stop> {
    let id = &args.step;
    session::drive(&args.which, args.take_over, "succeeded", |handle| async move { step(&handle, id).await }).await
}

async fn step(handle: &Handle, id: &str) -> Result<(), Stop> {
    let step = session::known_step(handle.plan(), id)?;
    let checks = handle.verify(&step).await?;
    handle.command(Command::Adopt { step, by: handle.holder().who, checks }).await?;
    Ok(())
}
