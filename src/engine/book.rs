//! The journal with the state that it folds to, and everybody who wants to hear of both.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::broadcast;

use super::crash::CrashAt;
use super::handle::Notice;
use crate::actions::{CrashPoint, Progress, Recorder};
use crate::domain::event::Holder;
use crate::domain::failure::FailureKind;
use crate::domain::{Event, Failure, Recorded, RunState, StepId};
use crate::journal::{Journal, Lock};

/// How many notices a slow listener may be behind before it has to look at the state again.
const BACKLOG: usize = 4096;

/// The journal of a run that is being driven.
pub struct Book {
    inner: Mutex<Inner>,
    notices: broadcast::Sender<Notice>,
    crash_at: Option<CrashAt>,
}

struct Inner {
    journal: Journal,
    state: RunState,
    /// Held for as long as the journal may be written.
    lock: Lock,
}

impl Inner {
    fn append(&mut self, event: Event) -> Result<Recorded, Failure> {
        let recorded = self.journal.append(Timestamp::now(), event)?;
        self.state.fold(&recorded);
        Ok(recorded)
    }
}

impl Book {
    /// A journal, its lock, and what it folds to.
    pub fn new(journal: Journal, lock: Lock, state: RunState, crash_at: Option<CrashAt>) -> Self {
        let (notices, _) = broadcast::channel(BACKLOG);
        Self { inner: Mutex::new(Inner { journal, state, lock }), notices, crash_at }
    }

    /// Lets the journal go in good order.
    ///
    /// # Errors
    /// That the journal or the lock could not be written.
    pub fn close(&self) -> Result<(), Failure> {
        self.record(Event::EngineStopped {})?;
        let signed_off = self.inner().lock.sign_off();
        signed_off.map_err(|why| Failure::permanent("sign off in the run's lock").because(why.to_string()))
    }

    /// What happens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// Who holds the lock: this process.
    pub fn holder(&self) -> Holder {
        self.inner().lock.holder().clone()
    }

    /// Tells everybody something that is not journalled.
    pub fn tell(&self, notice: Notice) {
        // Nobody listening is no fault.
        let _ = self.notices.send(notice);
    }

    /// Events after that place, at most so many.
    ///
    /// # Errors
    /// That the journal could not be read.
    pub fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>, Failure> {
        Ok(self.inner().journal.page(after, limit)?)
    }

    /// Records what `decide` makes of the state, with nothing in between.
    ///
    /// # Errors
    /// What it refuses, and that the journal could not be written.
    pub fn decided(&self, decide: impl FnOnce(&RunState) -> Result<Vec<Event>, Failure>) -> Result<(), Failure> {
        let mut inner = self.inner();
        let events = decide(&inner.state)?;
        for event in events {
            let recorded = inner.append(event)?;
            self.tell(Notice::Event(Box::new(recorded)));
        }
        Ok(())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic in between left the journal and the state as they were: both change by whole events.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder for Book {
    fn record(&self, event: Event) -> Result<(), Failure> {
        let mut inner = self.inner();
        if let (Some(step), Some(attempt)) = (event.step(), event.attempt())
            && !event.begins_attempt()
            && inner.state.step(step).attempt != attempt
        {
            return Err(Failure::new(FailureKind::Refused, format!("attempt {attempt} at step `{step}` is over"))
                .because("a later attempt is under way, and this result is not taken in"));
        }
        let recorded = inner.append(event)?;
        drop(inner);
        self.tell(Notice::Event(Box::new(recorded)));
        Ok(())
    }

    fn state(&self) -> RunState {
        self.inner().state.clone()
    }

    fn progress(&self, progress: Progress) {
        self.tell(Notice::Progress(progress));
    }

    fn pass(&self, step: &StepId, effect: &str, point: CrashPoint) {
        if let Some(crash_at) = &self.crash_at {
            crash_at.pass(step, effect, point);
        }
    }
}
