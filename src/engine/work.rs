//! Carrying out commands, one at a time: what was agreed to is compared with the world, the machine decides, and
//! the attempt runs to its end.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::{RwLock, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::attempt::Attempt;
use super::book::Book;
use crate::actions::{Action, Reading, Recorder};
use crate::domain::limit::Limit;
use crate::domain::machine::{self, Command};
use crate::domain::runbook::Step;
use crate::domain::state::Direction;
use crate::domain::{Failure, Plan, Preview, RunId, RunState, StepId, admission};

/// A command, and who wants to hear of it.
pub(super) struct Asked {
    pub(super) command: Command,
    /// Who must still drive when it is decided: a look at the world may take minutes, and the wheel change hands.
    pub(super) driver: Option<String>,
    /// Told once it is decided and recorded, or refused.
    pub(super) decided: Option<oneshot::Sender<Result<(), Failure>>>,
    /// Told once it is over.
    pub(super) over: Option<oneshot::Sender<Result<(), Failure>>>,
}

/// What the engine's task and its handles share.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) run: RunId,
    pub(super) plan: Arc<Plan>,
    pub(super) directory: PathBuf,
    pub(super) book: Arc<Book>,
    pub(super) in_flight: InFlight,
    /// Read by whoever looks at a step's facts to adopt it: that may have scratch objects to take away.
    pub(super) looking: Arc<RwLock<()>>,
    /// What can run out between two steps, as last looked at.
    pub(super) limits: Arc<Mutex<Vec<Limit>>>,
}

/// The attempt that runs, if one does.
#[derive(Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<Option<(StepId, u32, CancellationToken)>>>);

impl InFlight {
    fn set(&self, attempt: Option<(StepId, u32, CancellationToken)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = attempt;
    }

    /// Asks that attempt to stop; whether it was the one that runs.
    pub(super) fn stop(&self, step: &StepId, attempt: u32) -> bool {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let this = running.as_ref().filter(|(id, number, _)| id == step && *number == attempt);
        this.inspect(|(_, _, cancel)| cancel.cancel()).is_some()
    }
}

impl Engine {
    pub(super) async fn carry_out(self, mut inbox: mpsc::Receiver<Asked>, cancel: CancellationToken) {
        while let Some(Asked { mut command, driver, decided, over }) = inbox.recv().await {
            let begun = self.begin(&mut command, driver.as_deref(), &cancel).await;
            // Who is gone hears of it from the journal.
            let _ = decided.map(|decided| decided.send(begun.as_ref().map(drop).map_err(Clone::clone)));
            let result = match begun {
                Ok(Some((step, cx))) => self.attempt(&step, cx).await,
                Ok(None) => Ok(()),
                Err(failure) => Err(failure),
            };
            let _ = over.map(|over| over.send(result));
        }
    }

    /// Decides a command; the attempt that it begins can be stopped from here on.
    async fn begin(
        &self,
        command: &mut Command,
        driver: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<Option<(StepId, Reading)>, Failure> {
        self.decide(command, driver, cancel).await?;
        let (Command::Start { step, .. } | Command::Resume { step, .. } | Command::RollBack { step, .. }) = command
        else {
            return Ok(None);
        };
        let cx = self.reading(step, cancel);
        self.in_flight.set(Some((step.clone(), cx.attempt(), cx.cancel().clone())));
        Ok(Some((step.clone(), cx)))
    }

    /// Compares what was agreed to with the world, and records what the command means.
    async fn decide(
        &self,
        command: &mut Command,
        driver: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        match command {
            Command::Start { step, digest, risks, consent } => {
                let now = self.preview(step, cancel).await?;
                agreed(step, &now, digest)?;
                *risks = now.accepts;
                let (state, spec) = (self.book.state(), self.step(step)?);
                admission::may_start(&state, &self.plan, spec, (digest, consent), Timestamp::now())?;
            }
            Command::RollBack { step, digest, accepted_loss, .. } => {
                let way_back = self.way_back(step, cancel).await?;
                agreed(step, &way_back, digest)?;
                loss_accepted(step, &way_back, *accepted_loss)?;
            }
            Command::Resume { .. } | Command::Adopt { .. } | Command::Reload | Command::Say(_) => {}
        }
        self.book.decided(|state| {
            // Asked to end meanwhile: nothing is begun any more.
            if cancel.is_cancelled() {
                return Err(Failure::interrupted());
            }
            if let Some(by) = driver {
                still_drives(state, by)?;
            }
            machine::decide(state, &self.plan, command)
        })
    }

    async fn attempt(&self, step: &StepId, cx: Reading) -> Result<(), Failure> {
        let attempt = Attempt::new(self, self.step(step)?, cx);
        let result = match self.book.state().step(step).direction {
            Direction::Forward => attempt.run().await,
            Direction::Back => attempt.back().await,
        };
        self.in_flight.set(None);
        result
    }

    pub(super) async fn preview(&self, step: &StepId, cancel: &CancellationToken) -> Result<Preview, Failure> {
        let action = self.step(step)?.action.clone();
        action.preview(&self.reading(step, cancel)).await
    }

    pub(super) async fn way_back(&self, step: &StepId, cancel: &CancellationToken) -> Result<Preview, Failure> {
        let action = self.step(step)?.action.clone();
        action.way_back(&self.reading(step, cancel)).await
    }

    pub(super) fn step(&self, id: &StepId) -> Result<&Step, Failure> {
        let unknown = || Failure::refused(format!("there is no step `{id}` in {}", self.plan.file.display()));
        self.plan.step(id).ok_or_else(unknown)
    }

    pub(super) fn reading(&self, step: &StepId, cancel: &CancellationToken) -> Reading {
        let attempt = self.book.state().step(step).attempt;
        let book: Arc<dyn Recorder> = Arc::clone(&self.book) as Arc<dyn Recorder>;
        let run = (self.run.clone(), Arc::clone(&self.plan), self.directory.clone());
        Reading::new(run, (step.clone(), attempt), book, cancel.child_token())
    }
}

/// What is agreed to is what would be done now.
fn agreed(step: &StepId, now: &Preview, digest: &str) -> Result<(), Failure> {
    if now.digest() == digest {
        return Ok(());
    }
    Err(Failure::refused(format!("what step `{step}` would do is not what was agreed to any more"))
        .because("the world, or the runbook, changed since its preview")
        .next("look at the new preview and decide again"))
}

/// No write is lost that the driver did not give up by number.
fn loss_accepted(step: &StepId, way_back: &Preview, accepted: u64) -> Result<(), Failure> {
    match way_back.loses {
        Some(loses) if loses > accepted => Err(Failure::refused(format!(
            "taking `{step}` back would lose {loses} writes, and {accepted} are accepted"
        ))
        .next(format!("bring them over by hand first, or give up exactly so many: --accept-loss {loses}"))),
        _ => Ok(()),
    }
}

/// Refuses what was ordered by somebody who has let the wheel go since.
fn still_drives(state: &RunState, by: &str) -> Result<(), Failure> {
    match &state.seat.driver {
        Some(driver) if driver.name == by => Ok(()),
        driver => Err(Failure::refused(match driver {
            Some(driver) => format!("{} has taken the wheel since {by} ordered this", driver.name),
            None => format!("{by} has let the wheel go since this was ordered"),
        })
        .next("whoever drives now looks at it, and decides")),
    }
}
