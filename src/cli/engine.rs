//! `cutover engine`: the engine as a process of its own, in its own session, until a driver shuts it down.
//!
//! `cutover drive` starts it where there is none. It runs under the supervisor; one that was started again
//! because a fence is shut goes on with the step in doubt by itself, as `cutover run` does.

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::share::window::{self, WindowArgs};
use super::{Stop, Which, history, session, supervisor};
use crate::domain::machine::Command;
use crate::domain::state::Status;
use crate::domain::{Failure, StepId};
use crate::engine::{self, Handle, crash::CrashAt};
use crate::journal::private;
use crate::server::{self, Server};
use crate::services::stderr;

#[derive(Debug, Args)]
pub(super) struct EngineArgs {
    #[command(flatten)]
    pub(super) which: Which,
    /// Take the run over from an engine on another machine that is known to be dead.
    #[arg(long)]
    take_over: bool,
    #[command(flatten)]
    window: WindowArgs,
}

/// Serves until it is shut down, under supervision.
pub(super) async fn engine(args: &EngineArgs) -> Result<(), Stop> {
    // Already a session's leader, where somebody started it by hand: then it stays in that one.
    let _ = nix::unistd::setsid();
    Box::pin(supervisor::over(&args.which, serve(args))).await
}

async fn serve(args: &EngineArgs) -> Result<(), Stop> {
    let plan = args.which.plan()?;
    let directory = args.which.directory(&plan);
    let crash_at = CrashAt::from_environment(&plan)?;
    let options = engine::Options { directory: directory.clone(), take_over: args.take_over, crash_at };
    let handle = engine::open(plan, options)?;
    if let Some(warning) = private::open_to_others(&directory) {
        stderr::line(&format!("note: {warning}"));
    }
    let options = server::Options {
        directory: directory.clone(),
        history: history::of_rehearsals(),
        driven_by: None,
        supervisor: supervisor::watching(),
    };
    let server = server::start(handle.clone(), options)?;
    stderr::line(&format!("listening at {}, process {}", server.address().display(), std::process::id()));
    let cut_off = cut_off_behind_a_fence(&handle);
    let share = match args.window.open(&server, &directory).await {
        Ok(share) => share,
        // Tenants cannot write: that comes before the page.
        Err(failure) if cut_off.is_some() => {
            stderr::line(&format!("the page is not shared: {failure}"));
            None
        }
        Err(failure) => {
            server.stop().await;
            handle.close()?;
            return Err(failure.into());
        }
    };
    let told = session::told_to_others(&handle, &server);
    if let Some(step) = cut_off {
        stderr::line(&format!("step `{step}` was under way when its engine died, with a fence shut: going on with it"));
        handle.begin(Command::Resume { step, by: handle.holder().who }).await?;
    }
    let result = until_the_end(&handle, &server).await;
    server.publish();
    told.stop().await;
    window::close(share, &directory).await;
    server.stop().await;
    handle.close()?;
    result
}

/// The step that must not wait for a person: tenants cannot write until somebody goes on with it.
fn cut_off_behind_a_fence(handle: &Handle) -> Option<StepId> {
    let state = handle.state();
    supervisor::cut_off(&state)?;
    state.steps.iter().find(|(_, step)| step.status == Status::InDoubt).map(|(id, _)| id.clone())
}

/// Returns when a driver shuts the engine down, or a signal does; a terminal that goes away does not.
async fn until_the_end(handle: &Handle, server: &Server) -> Result<(), Stop> {
    let fault = |why: std::io::Error| Stop::Failed(Failure::permanent("listen for signals").because(why.to_string()));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(fault)?;
    loop {
        tokio::select! {
            () = server.shut_down() => {
                // Nothing runs, and nothing begins any more.
                handle.stop();
                session::idle(handle).await;
                return Ok(());
            }
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = hangup.recv() => {}
        }
    }
    stderr::line("stopping: the step in flight goes to a place from which it can go on");
    handle.stop();
    tokio::select! {
        _ = terminate.recv() => {}
        () = session::idle(handle) => {}
    }
    Err(Failure::interrupted().next("`cutover drive` starts it again: it goes on where it was").into())
}
