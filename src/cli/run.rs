//! `cutover run`: drives the steps that are not over yet, each through its gate.

use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::gate::{self, Given};
use super::{Stop, Which, present, summary};
use crate::domain::machine::{self, Command};
use crate::domain::state::Status;
use crate::domain::{Failure, StepId};
use crate::engine::{self, Handle, crash::CrashAt};

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    which: Which,
    /// Answer confirmations; not phrases, and not in production without a terminal.
    #[arg(long)]
    yes: bool,
    /// The phrase that a step's gate asks for.
    #[arg(long = "phrase", value_name = "STEP=PHRASE", value_parser = phrase)]
    phrases: Vec<(StepId, String)>,
    /// Stop after this step.
    #[arg(long, value_name = "STEP")]
    until: Option<String>,
    /// Take the run over from an engine on another machine that is known to be dead.
    #[arg(long)]
    take_over: bool,
    /// Consent to everything, for the lab alone; given by `cutover rehearse`.
    #[arg(long, hide = true)]
    rehearsal: bool,
}

fn phrase(text: &str) -> Result<(StepId, String), String> {
    let (step, phrase) = text.split_once('=').ok_or_else(|| format!("`{text}` is not STEP=PHRASE"))?;
    Ok((StepId::from(step), phrase.to_owned()))
}

/// Drives until every step is over, a gate waits, or something fails; the summary comes last, then too.
pub(super) async fn run(args: &RunArgs) -> Result<(), Stop> {
    let mut said = false;
    let result = begin_and_drive(args, &mut said).await;
    if args.which.json && !said {
        present::line(&summary::without_run(&result).to_string());
    }
    result
}

async fn begin_and_drive(args: &RunArgs, said: &mut bool) -> Result<(), Stop> {
    let plan = args.which.plan()?;
    let directory = args.which.directory(&plan);
    if args.rehearsal && plan.runbook.environment != "lab" {
        let environment = &plan.runbook.environment;
        return Err(
            Failure::refused(format!("a rehearsal drives the lab, and the environment is `{environment}`")).into()
        );
    }
    let until = args.until.as_deref().map(|id| known_step(&plan, id)).transpose()?;
    let handle = open(plan, directory, args)?;
    let presenter = present::start(handle.subscribe(), args.which.json);
    let given =
        Given { yes: args.yes, phrases: args.phrases.clone(), rehearsal: args.rehearsal, json: args.which.json };
    let result = tokio::select! {
        result = drive(&handle, &given, until.as_ref()) => result,
        stop = stopped(&handle) => stop,
    };
    let summary = summary::of(&handle.state(), handle.plan(), &result);
    handle.close()?;
    // The presenter ends with the engine's last event; should it not, the summary still stands.
    let _ = presenter.await;
    if args.which.json {
        present::line(&summary.to_string());
        *said = true;
    } else if result.is_ok() && !args.rehearsal {
        present::line("\nnothing is left to do");
    }
    result
}

fn open(plan: crate::domain::Plan, directory: PathBuf, args: &RunArgs) -> Result<Handle, Stop> {
    let crash_at = CrashAt::from_environment().map_err(Failure::refused)?;
    Ok(engine::open(plan, engine::Options { directory, take_over: args.take_over, crash_at })?)
}

fn known_step(plan: &crate::domain::Plan, id: &str) -> Result<StepId, Stop> {
    let id = StepId::from(id);
    match plan.step(&id) {
        Some(_) => Ok(id),
        None => Err(Failure::refused(format!("there is no step `{id}` in {}", plan.file.display())).into()),
    }
}

async fn drive(handle: &Handle, given: &Given, until: Option<&StepId>) -> Result<(), Stop> {
    let who = handle.holder().who;
    loop {
        let state = handle.state();
        if until.is_some_and(|until| state.is_over(until)) {
            return Ok(());
        }
        let Some(step) = machine::next(&state, handle.plan()) else { return Ok(()) };
        let id = step.id.clone();
        let command = if state.step(&id).status == Status::InDoubt {
            Command::Resume { step: id, by: who.clone() }
        } else {
            let preview = handle.preview(&id).await?;
            let consent = gate::pass(&handle.plan().runbook, step, &preview, given, &who)?;
            Command::Start { step: id, digest: preview.digest(), consent }
        };
        handle.command(command).await?;
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
    eprintln!("stopping: the step in flight goes to a place from which it can go on; once more leaves at once");
    handle.stop();
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = idle(handle) => {}
    }
    Err(Failure::interrupted().next("run the same command again: it goes on where it was").into())
}

/// Returns when no step is running.
async fn idle(handle: &Handle) {
    let mut notices = handle.subscribe();
    while handle.state().steps.values().any(|step| step.status == Status::Running) {
        if notices.recv().await.is_err_and(|error| error == tokio::sync::broadcast::error::RecvError::Closed) {
            return;
        }
    }
}
