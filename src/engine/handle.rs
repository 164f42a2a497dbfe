//! The one way to an engine: commands in, state and notices out. Cheap to clone.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::attempt::Attempt;
use super::book::Book;
use super::companions;
use crate::actions::{Action, Progress, Reading, Recorder};
use crate::domain::admission;
use crate::domain::event::Holder;
use crate::domain::machine::{self, Command};
use crate::domain::saying::Saying;
use crate::domain::state::Direction;
use crate::domain::{Check, Failure, Plan, Preview, Recorded, RunId, RunState, StepId};

/// What an engine tells.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Notice {
    /// Something happened, and is in the journal.
    Event(Box<Recorded>),
    /// How far something is.
    Progress(Progress),
    /// How what a step left running is doing: the step, whether later ones may rely on it, and its figures.
    #[expect(missing_docs, reason = "said in the line above")]
    Companion { companion: StepId, healthy: bool, detail: String },
}

/// A driver's access to an engine.
#[derive(Clone)]
pub struct Handle {
    orders: mpsc::Sender<(Command, oneshot::Sender<Result<(), Failure>>)>,
    engine: Engine,
    /// Ends when the engine was told to stop.
    cancel: CancellationToken,
}

/// What the engine's task and its handles share.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) run: RunId,
    pub(super) plan: Arc<Plan>,
    pub(super) directory: PathBuf,
    pub(super) book: Arc<Book>,
}

impl Handle {
    pub(super) fn start(run: RunId, plan: Arc<Plan>, directory: PathBuf, book: Arc<Book>) -> Self {
        let engine = Engine { run, plan, directory, book };
        let cancel = CancellationToken::new();
        let (orders, inbox) = mpsc::channel(16);
        tokio::spawn(engine.clone().carry_out(inbox, cancel.clone()));
        tokio::spawn(companions::watch(engine.clone(), cancel.clone()));
        Self { orders, engine, cancel }
    }

    /// The plan being driven.
    pub fn plan(&self) -> &Plan {
        &self.engine.plan
    }

    /// The run's id.
    pub fn run(&self) -> &RunId {
        &self.engine.run
    }

    /// The engine's own name, as the lock has it.
    pub fn holder(&self) -> Holder {
        self.engine.book.holder()
    }

    /// The state as it stands.
    pub fn state(&self) -> RunState {
        self.engine.book.state()
    }

    /// What happens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.engine.book.subscribe()
    }

    /// What a step would change, read from the world now.
    ///
    /// # Errors
    /// What the action says.
    pub async fn preview(&self, step: &StepId) -> Result<Preview, Failure> {
        self.engine.preview(step, &self.cancel).await
    }

    /// What taking a step back would change, take and lose, read from the world now.
    ///
    /// # Errors
    /// That there is no way back now, and why.
    pub async fn way_back(&self, step: &StepId) -> Result<Preview, Failure> {
        self.engine.way_back(step, &self.cancel).await
    }

    /// A step's facts, looked at now; for adopting it.
    ///
    /// # Errors
    /// What the action says.
    pub async fn verify(&self, step: &StepId) -> Result<Vec<Check>, Failure> {
        let action = self.engine.step(step)?.action.clone();
        action.verify(&self.engine.reading(step, &self.cancel).checking()).await
    }

    /// Carries out a command; returns when it is over.
    ///
    /// # Errors
    /// Refusals, and what ended the step.
    pub async fn command(&self, command: Command) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        let gone = || Failure::permanent("the engine is gone").next("start it again: it goes on where it was");
        self.orders.send((command, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Records what somebody says, at once: also while a step runs.
    ///
    /// # Errors
    /// As [`saying::decide`](crate::domain::saying::decide), and that the journal could not be written.
    pub fn say(&self, saying: Saying) -> Result<(), Failure> {
        self.engine.book.decided(|state| machine::decide(state, &self.engine.plan, &Command::Say(saying)))
    }

    /// Asks the step in flight to stop where it can go on later.
    pub fn stop(&self) {
        self.cancel.cancel();
    }

    /// Lets the journal go in good order.
    ///
    /// # Errors
    /// That the journal or the lock could not be written.
    pub fn close(self) -> Result<(), Failure> {
        self.cancel.cancel();
        self.engine.book.close()
    }
}

impl Engine {
    async fn carry_out(
        self,
        mut inbox: mpsc::Receiver<(Command, oneshot::Sender<Result<(), Failure>>)>,
        cancel: CancellationToken,
    ) {
        while let Some((command, reply)) = inbox.recv().await {
            let result = self.one(&command, &cancel).await;
            // A driver who is gone hears of it from the journal.
            let _ = reply.send(result);
        }
    }

    async fn one(&self, command: &Command, cancel: &CancellationToken) -> Result<(), Failure> {
        let mut command = command.clone();
        match &mut command {
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
        for event in machine::decide(&self.book.state(), &self.plan, &command)? {
            self.book.record(event)?;
        }
        match &command {
            Command::Start { step, .. } | Command::Resume { step, .. } | Command::RollBack { step, .. } => {
                let attempt = Attempt::new(self, self.step(step)?, self.reading(step, cancel));
                match self.book.state().step(step).direction {
                    Direction::Forward => attempt.run().await,
                    Direction::Back => attempt.back().await,
                }
            }
            Command::Adopt { .. } | Command::Reload | Command::Say(_) => Ok(()),
        }
    }

    async fn preview(&self, step: &StepId, cancel: &CancellationToken) -> Result<Preview, Failure> {
        let action = self.step(step)?.action.clone();
        action.preview(&self.reading(step, cancel)).await
    }

    async fn way_back(&self, step: &StepId, cancel: &CancellationToken) -> Result<Preview, Failure> {
        let action = self.step(step)?.action.clone();
        action.way_back(&self.reading(step, cancel)).await
    }

    fn step(&self, id: &StepId) -> Result<&crate::domain::runbook::Step, Failure> {
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
