//! The supervisor: the same program, which runs the engine as a child and starts it again at once when it
//! dies with a fence shut.
//!
//! An engine that dies while tenants cannot write must not wait for a person: the one that follows aborts
//! first, or finishes within what is left of the budget. One that dies at any other time is left to the
//! driver, and this process ends in the same way as it did.

use std::io::IsTerminal as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::handed_on::HandedOn;
use super::{Stop, Which};
use crate::domain::state::{Status, StepState};
use crate::domain::{Failure, RunState};
use crate::engine::{self, crash};
use crate::services::stderr;

/// Set for the child: it is the engine.
const SUPERVISED: &str = "CUTOVER_SUPERVISED";

/// An engine that dies so often with a fence shut will not get it open by itself.
const RESTARTS: u32 = 5;

/// Runs `engine` under supervision: in a child that is this very command.
pub(super) async fn over(which: &Which, engine: impl Future<Output = Result<(), Stop>>) -> Result<(), Stop> {
    if std::env::var_os(SUPERVISED).is_some() {
        return engine.await;
    }
    // A runbook with faults is named before anything is started.
    let plan = which.plan_or_summary()?;
    let directory = which.directory(&plan);
    let handed_on = HandedOn::new(&plan)?;
    let mut places = crash::places();
    // Each engine is handed the next one: what is wrong with the last is to be known before the first.
    which.or_summary(crash::known(&places, &plan).map_err(Stop::from))?;
    for _ in 0..=RESTARTS {
        let status = once(&places, &handed_on)
            .await
            .map_err(|why| Failure::permanent("run the engine as a process of its own").because(why.to_string()))?;
        let how = status.signal().map_or_else(|| status.to_string(), |signal| format!("signal {signal}"));
        let Some(fence) = engine::look(&directory).ok().and_then(|state| cut_off(&state)) else {
            return match status.signal() {
                Some(died) => Err(die_of(died)),
                None => ended(status),
            };
        };
        stderr::line(&format!("the engine died ({how}) with a fence shut at the {fence}: starting it again"));
        places = places.into_iter().skip(1).collect();
    }
    let given_up = Failure::permanent(format!("the engine died {} times with a fence shut", RESTARTS + 1))
        .next("`cutover status` names the fence; `cutover run` opens it again, `cutover journal` shows what went on");
    which.or_summary(Err(Stop::Failed(given_up)))
}

/// The process that watches over this one, where one does.
pub(super) fn watching() -> Option<i32> {
    std::env::var_os(SUPERVISED).map(|_| nix::unistd::getppid().as_raw())
}

/// The fence that keeps tenants from writing, where the step that shut it was left in the middle. One that
/// failed is the driver's: what it needs, an engine has tried already.
pub(super) fn cut_off(state: &RunState) -> Option<String> {
    let barring = state.barring()?;
    let left = |step: &StepState| matches!(step.status, Status::Running | Status::InDoubt);
    let by = state.fences.get(barring).and_then(|by| state.steps.get(by));
    by.is_some_and(left).then(|| barring.to_owned())
}

async fn once(places: &[String], handed_on: &HandedOn) -> std::io::Result<ExitStatus> {
    let mut command = Command::new(this_program()?);
    command.args(std::env::args_os().skip(1)).env(SUPERVISED, "1");
    handed_on.to(&mut command);
    match places.first() {
        Some(place) => command.env(crash::VARIABLE, place),
        None => command.env_remove(crash::VARIABLE),
    };
    // Ready for signals before there is a child that they are meant for.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut child = command.spawn()?;
    loop {
        tokio::select! {
            status = child.wait() => return status,
            // Ctrl-C on a terminal reaches the child by itself; a second one would mean "leave at once".
            _ = interrupt.recv() => if !std::io::stdin().is_terminal() { pass_on(&child, Signal::SIGINT) },
            _ = terminate.recv() => pass_on(&child, Signal::SIGTERM),
            _ = hangup.recv() => pass_on(&child, Signal::SIGHUP),
        }
    }
}

/// This very program, also where its file was replaced since: an upgrade in the middle of a week must not be what keeps
/// a fence shut.
fn this_program() -> std::io::Result<PathBuf> {
    let own = Path::new("/proc/self/exe");
    if own.exists() { Ok(own.to_owned()) } else { std::env::current_exe() }
}

fn pass_on(child: &Child, signal: Signal) {
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        // A child that is gone has nothing to be told.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

fn ended(status: ExitStatus) -> Result<(), Stop> {
    match status.code() {
        Some(0) => Ok(()),
        code => Err(Stop::Said(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))),
    }
}

/// Ends this process as its child ended, so that whoever waits for it sees the same.
fn die_of(signal: i32) -> Stop {
    if let Ok(signal) = Signal::try_from(signal) {
        let _ = kill(Pid::this(), signal);
    }
    Failure::permanent(format!("the engine died of signal {signal}"))
        .next("run the same command again: it goes on where it was")
        .into()
}
