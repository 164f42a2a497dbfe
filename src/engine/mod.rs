//! The engine: owns the journal, carries out commands one at a time, and tells everybody what happened.
//!
//! [`open`] takes the run's lock and starts the engine; whoever drives talks to it through a [`Handle`].
//! The pure machine decides what a command means; what is here does it (`work`): appends events ([`book`]), runs
//! an attempt with its timeout and retries ([`attempt`]), and watches what finished steps left running
//! ([`companions`]).

pub mod attempt;
pub mod book;
pub mod companions;
pub mod crash;
pub mod forecast;
pub mod handle;
mod limits;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rand::Rng;

pub use crate::actions::Progress;
use crate::domain::machine::{self, Command};
use crate::domain::{Event, Failure, Plan, RunId, RunState};
use crate::journal::{Journal, Lock};
use book::Book;
use crash::CrashAt;
pub use handle::{Handle, Notice};

/// What an engine is opened with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The run's state directory; made if it is not there.
    pub directory: PathBuf,
    /// Pass over the name of a holder on another host.
    pub take_over: bool,
    /// Where to die on purpose, for tests and rehearsals.
    pub crash_at: Option<CrashAt>,
}

/// The state directory of a plan where none was named: `.cutover/NAME` beside the runbook.
pub fn state_directory(plan: &Plan) -> PathBuf {
    plan.directory().join(".cutover").join(&plan.runbook.name)
}

/// Takes the run's lock, reads its journal, and starts an engine for it; begins the run if there is none.
///
/// # Errors
/// Refused where another engine has the run or a crash is asked for in production; permanent where the
/// journal cannot be used.
pub fn open(plan: Plan, options: Options) -> Result<Handle, Failure> {
    if options.crash_at.is_some() && plan.runbook.is_production() {
        return Err(Failure::refused("CUTOVER_CRASH_AT is set, and the environment is production")
            .next("unset it: it ends the engine on purpose"));
    }
    let lock = Lock::take(&options.directory, options.take_over)?;
    let mut journal = Journal::open(&options.directory, &lock)?;
    let mut state = RunState::of(&journal.events_after(0)?);
    let mut first = Vec::new();
    if state.run.is_none() {
        first.push(Event::RunCreated {
            run: new_run(&plan),
            runbook: plan.file.display().to_string(),
            environment: plan.runbook.environment.clone(),
            digest: plan.digest.clone(),
            by: lock.holder().clone(),
        });
    }
    if let Some(from) = lock.previous() {
        first.push(Event::LockTakenOver { from: from.clone(), by: lock.holder().clone() });
    }
    first.push(Event::EngineStarted { by: lock.holder().clone(), version: env!("CARGO_PKG_VERSION").to_owned() });
    for event in first {
        state.fold(&journal.append(Timestamp::now(), event)?);
    }
    for event in machine::decide(&state, &plan, &Command::Reload)? {
        state.fold(&journal.append(Timestamp::now(), event)?);
    }
    let run = state.run.clone().ok_or_else(|| Failure::permanent("the journal begins without a run"))?;
    let book = Arc::new(Book::new(journal, lock, state, options.crash_at));
    Ok(Handle::start(run, Arc::new(plan), options.directory, book))
}

/// The state of a run as its journal has it, for whoever looks on. A step that was running when its engine
/// went away is in doubt.
///
/// # Errors
/// As for [`Journal::read`].
pub fn look(directory: &Path) -> Result<RunState, Failure> {
    let mut state = RunState::of(&Journal::read(directory)?.events_after(0)?);
    if !Lock::is_held(directory) {
        state.engine_is_gone();
    }
    Ok(state)
}

/// A run's id: short, because it is part of lock names (64 characters) and labels (63).
fn new_run(plan: &Plan) -> RunId {
    let name: String = plan.runbook.name.chars().take(16).collect();
    RunId(format!("{}-{:06x}", name.trim_end_matches('-'), rand::rng().random::<u32>() >> 8))
}
