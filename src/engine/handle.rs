//! The one way to an engine: commands in, state and notices out. Cheap to clone.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::book::Book;
use super::work::{Asked, Engine, InFlight};
use super::{companions, limits};
use crate::actions::{Action, Progress, Recorder};
use crate::domain::event::Holder;
use crate::domain::limit::Limit;
use crate::domain::machine::{self, Command};
use crate::domain::saying::Saying;
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
    /// What can run out between two steps, all of it as it was seen now.
    #[expect(missing_docs, reason = "said in the line above")]
    Limits { limits: Vec<Limit> },
}

/// So many events are read from the journal at once: appending has to wait meanwhile.
const PAGE: usize = 1000;

/// A driver's access to an engine.
#[derive(Clone)]
pub struct Handle {
    orders: mpsc::Sender<Asked>,
    engine: Engine,
    /// Ends when the engine was told to stop.
    cancel: CancellationToken,
}

impl Handle {
    pub(super) fn start(run: RunId, plan: Arc<Plan>, directory: PathBuf, book: Arc<Book>) -> Self {
        let engine = Engine {
            run,
            plan,
            directory,
            book,
            in_flight: InFlight::default(),
            looking: Arc::default(),
            limits: Arc::default(),
        };
        let cancel = CancellationToken::new();
        let (orders, inbox) = mpsc::channel(16);
        tokio::spawn(engine.clone().carry_out(inbox, cancel.clone()));
        tokio::spawn(companions::watch(engine.clone(), cancel.clone()));
        tokio::spawn(limits::watch(engine.clone(), cancel.clone()));
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

    /// What can run out between two steps, as last looked at; empty until then.
    pub fn limits(&self) -> Vec<Limit> {
        self.engine.limits.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        let _looking = self.engine.looking.read().await;
        action.verify(&self.engine.reading(step, &self.cancel).checking()).await
    }

    /// Comes back when no [`verify`](Self::verify) is under way.
    pub async fn looked(&self) {
        drop(self.engine.looking.write().await);
    }

    /// Carries out a command; returns when it is over.
    ///
    /// # Errors
    /// Refusals, and what ended the step.
    pub async fn command(&self, command: Command) -> Result<(), Failure> {
        let (over, answer) = oneshot::channel();
        self.ask(Asked { command, driver: None, decided: None, over: Some(over) }, answer).await
    }

    /// Begins a command; returns once it is decided and in the journal, while the engine goes on with it.
    ///
    /// # Errors
    /// Refusals.
    pub async fn begin(&self, command: Command) -> Result<(), Failure> {
        self.begin_as(command, None).await
    }

    /// The same in the name of a driver, who has to have the wheel still when it is decided.
    ///
    /// # Errors
    /// Refusals.
    pub async fn begin_for(&self, driver: &str, command: Command) -> Result<(), Failure> {
        self.begin_as(command, Some(driver.to_owned())).await
    }

    async fn begin_as(&self, command: Command, driver: Option<String>) -> Result<(), Failure> {
        let (decided, answer) = oneshot::channel();
        self.ask(Asked { command, driver, decided: Some(decided), over: None }, answer).await
    }

    async fn ask(&self, asked: Asked, answer: oneshot::Receiver<Result<(), Failure>>) -> Result<(), Failure> {
        let gone = || Failure::permanent("the engine is gone").next("start it again: it goes on where it was");
        self.orders.send(asked).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Records what somebody says, at once: also while a step runs.
    ///
    /// # Errors
    /// As [`saying::decide`](crate::domain::saying::decide), and that the journal could not be written.
    pub fn say(&self, saying: Saying) -> Result<(), Failure> {
        self.engine.book.decided(|state| machine::decide(state, &self.engine.plan, &Command::Say(saying)))
    }

    /// Asks that attempt, and nothing else, to stop where it can go on later.
    ///
    /// # Errors
    /// Refused where it is not the one in flight.
    pub fn stop_attempt(&self, step: &StepId, attempt: u32) -> Result<(), Failure> {
        if self.engine.in_flight.stop(step, attempt) {
            return Ok(());
        }
        Err(Failure::refused(format!("attempt {attempt} at step `{step}` is not under way: there is nothing to stop")))
    }

    /// Events after that place of the journal, at most so many.
    ///
    /// # Errors
    /// That the journal could not be read.
    pub fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>, Failure> {
        self.engine.book.events(after, limit)
    }

    /// The state as it was after that many events.
    ///
    /// # Errors
    /// That the journal could not be read.
    pub fn state_at(&self, seq: u64) -> Result<(RunState, Timestamp), Failure> {
        let (mut state, mut at) = (RunState::default(), Timestamp::UNIX_EPOCH);
        while state.seq < seq {
            let limit = usize::try_from(seq - state.seq).unwrap_or(usize::MAX).min(PAGE);
            let page = self.events(state.seq, limit)?;
            let Some(last) = page.last() else { break };
            at = last.at;
            for recorded in &page {
                state.fold(recorded);
            }
        }
        Ok((state, at))
    }

    /// Asks the step in flight to stop where it can go on later, and the engine to begin nothing more.
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
