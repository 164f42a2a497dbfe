//! What every command that drives a run shares: the engine opened, shown, stopped on a signal, closed; the
//! summary last, also where it did not come that far.

use std::path::{Path, PathBuf};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Stop, Which, history, present, summary, supervisor};
use crate::domain::{Failure, Plan, StepId};
use crate::engine::{self, Handle, crash::CrashAt};
use crate::journal::private;
use crate::notify::{self, Notifier};
use crate::server::{self, Server};
use crate::services::stderr;

/// What the driver agrees to beforehand.
#[derive(Debug, Args)]
pub(super) struct Agreed {
    /// Answer confirmations; not phrases, not a loss, and not in production without a terminal.
    #[arg(long)]
    pub yes: bool,
    /// Take the run over from an engine on another machine that is known to be dead.
    #[arg(long)]
    pub take_over: bool,
    /// Consent to everything, for the lab alone; given by `cutover rehearse`.
    #[arg(long, hide = true)]
    pub rehearsal: bool,
}

/// Opens the engine of a run, drives it with `work`, and prints the summary for programs; `good` is the word
/// for an outcome that is.
pub(super) async fn drive<F>(
    which: &Which,
    take_over: bool,
    good: &'static str,
    work: impl FnOnce(Handle) -> F,
) -> Result<(), Stop>
where
    F: Future<Output = Result<(), Stop>>,
{
    let mut said = false;
    let result = open_and_drive(which, (take_over, good), work, &mut said).await;
    if said { result } else { which.or_summary(result) }
}

async fn open_and_drive<F>(
    which: &Which,
    (take_over, good): (bool, &'static str),
    work: impl FnOnce(Handle) -> F,
    said: &mut bool,
) -> Result<(), Stop>
where
    F: Future<Output = Result<(), Stop>>,
{
    let plan = which.plan()?;
    let directory = which.directory(&plan);
    let handle = open(plan, &directory, take_over)?;
    let window = window(&handle, directory);
    let presenter = present::start(handle.subscribe(), which.json);
    let result = tokio::select! {
        result = work(handle.clone()) => result,
        stop = stopped(&handle) => stop,
    };
    let summary = summary::of(&handle.state(), handle.plan(), &result, good);
    if let Some((window, told)) = window {
        window.publish();
        told.stop().await;
        window.stop().await;
    }
    handle.close()?;
    // The presenter ends with the engine's last event; should it not, the summary still stands.
    let _ = presenter.await;
    if which.json {
        present::json(&summary);
        *said = true;
    }
    result
}

fn open(plan: Plan, directory: &Path, take_over: bool) -> Result<Handle, Stop> {
    let crash_at = CrashAt::from_environment(&plan)?;
    let handle = engine::open(plan, engine::Options { directory: directory.to_path_buf(), take_over, crash_at })?;
    if let Some(warning) = private::open_to_others(directory) {
        stderr::line(&format!("note: {warning}"));
    }
    Ok(handle)
}

/// Lets others look on while this command drives. The run does not hang on it.
fn window(handle: &Handle, directory: PathBuf) -> Option<(Server, Notifier)> {
    let driven_by =
        Some(format!("a command without a seat, process {} on {}", std::process::id(), handle.holder().host));
    let options =
        server::Options { directory, history: history::of_rehearsals(), driven_by, supervisor: supervisor::watching() };
    let started = server::start(handle.clone(), options);
    let server = started.inspect_err(|failure| stderr::line(&format!("nobody can look on: {failure}"))).ok()?;
    let told = told_to_others(handle, &server);
    Some((server, told))
}

/// Tells the runbook's webhooks how the run stands, from now on.
pub(super) fn told_to_others(handle: &Handle, server: &Server) -> Notifier {
    let plan = handle.plan();
    notify::start(&plan.runbook.webhooks, &plan.directory(), server.outlook().views())
}

/// A step of the plan by its id.
pub(super) fn known_step(plan: &Plan, id: &str) -> Result<StepId, Stop> {
    let id = StepId::from(id);
    match plan.step(&id) {
        Some(_) => Ok(id),
        None => Err(Failure::refused(format!("there is no step `{id}` in {}", plan.file.display())).into()),
    }
}

/// Waits for Ctrl-C or TERM, and asks the step in flight to stop; a second one leaves at once. A terminal
/// that goes away (HUP) does not end an effect in flight.
async fn stopped(handle: &Handle) -> Result<(), Stop> {
    let fault = |why: std::io::Error| Stop::Failed(Failure::permanent("listen for signals").because(why.to_string()));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(fault)?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = hangup.recv() => {}
        }
    }
    stderr::line("stopping: the step in flight goes to a place from which it can go on; once more leaves at once");
    handle.stop();
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = idle(handle) => {}
    }
    Err(Failure::interrupted().next("run the same command again: it goes on where it was").into())
}

/// Returns when no step is running, nor looked at to be adopted: what that made to look with is gone then.
pub(super) async fn idle(handle: &Handle) {
    handle.looked().await;
    let mut notices = handle.subscribe();
    while handle.state().running().is_some() {
        if notices.recv().await.is_err_and(|error| error == tokio::sync::broadcast::error::RecvError::Closed) {
            return;
        }
    }
}
