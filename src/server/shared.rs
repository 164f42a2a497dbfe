//! What the server's tasks and requests share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::Options;
use super::figures::Figures;
use super::logs::Store;
use super::orders::Answers;
use super::people::People;
use super::recall;
use crate::domain::{Failure, StepId};
use crate::engine::Handle;
use crate::protocol::derive::{self, Facts, History};
use crate::protocol::live::{Live, Supervisor};
use crate::protocol::told;
use crate::protocol::view::View;

pub(super) struct Shared {
    pub(super) handle: Handle,
    history: History,
    driven_by: Option<String>,
    supervisor: Option<i32>,
    figures: Mutex<Figures>,
    people: Mutex<People>,
    logs: Mutex<Store>,
    directory: PathBuf,
    looking_at: Mutex<Option<StepId>>,
    pub(super) answers: Mutex<Answers>,
    /// Held while an order that may begin an attempt is decided: one at a time.
    pub(super) deciding: tokio::sync::Mutex<()>,
    /// The newest view, as it is sent.
    pub(super) newest: watch::Sender<Bytes>,
    /// The same, for those who draw it otherwise.
    pub(super) views: watch::Sender<Option<Arc<View>>>,
    /// Something of a view changed that the engine does not tell.
    pub(super) changed: Notify,
    /// Ends when the server does.
    pub(super) over: CancellationToken,
}

impl Shared {
    pub(super) fn new(handle: Handle, options: Options) -> Result<Self, Failure> {
        let Options { directory, history, driven_by, supervisor } = options;
        let mut logs = Store::new(&directory);
        for recorded in handle.events(0, usize::MAX)? {
            told::of_event(&recorded, |line| logs.remember(line));
        }
        Ok(Self {
            handle,
            history,
            driven_by,
            supervisor,
            figures: Mutex::default(),
            people: Mutex::new(People::new(Timestamp::now())),
            logs: Mutex::new(logs),
            directory,
            looking_at: Mutex::default(),
            answers: Mutex::default(),
            deciding: tokio::sync::Mutex::default(),
            newest: watch::Sender::new(Bytes::new()),
            views: watch::Sender::new(None),
            changed: Notify::new(),
            over: CancellationToken::new(),
        })
    }

    /// Refuses what only a driver among the clients could give or answer.
    pub(super) fn driven_by_clients(&self) -> Result<(), Failure> {
        match &self.driven_by {
            None => Ok(()),
            Some(by) => Err(Failure::refused(format!("this run is driven by {by}"))
                .because("its clients only look on, and leave notes")
                .next("stop it there; `cutover drive` goes on where it was")),
        }
    }

    pub(super) fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn logs(&self) -> MutexGuard<'_, Store> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says which step is looked at before it starts.
    pub(super) fn look_at(&self, step: Option<StepId>) {
        *self.looking_at.lock().unwrap_or_else(PoisonError::into_inner) = step;
        self.changed.notify_one();
    }

    /// Where the run stands now.
    pub(super) fn view(&self) -> View {
        let now = Timestamp::now();
        let mut live = self.figures().live();
        self.people().fill(&mut live, now);
        live.looking_at.clone_from(&self.looking_at.lock().unwrap_or_else(PoisonError::into_inner));
        live.limits = self.handle.limits();
        live.since = self.logs().telemetry().since();
        // Whoever takes in an orphan is another process.
        live.supervisor = self.supervisor.map(|pid| Supervisor { pid, alive: nix::unistd::getppid().as_raw() == pid });
        let state = self.handle.state();
        derive::view(&Facts {
            state: &state,
            plan: self.handle.plan(),
            live: &live,
            history: &self.history,
            now,
            alive: true,
            past: false,
        })
    }

    /// Where the run stood after the first `seq` events.
    pub(super) fn view_at(&self, seq: u64) -> Result<View, Failure> {
        let last = self.handle.state().seq;
        if seq == 0 || seq > last {
            return Err(Failure::refused(format!("the journal has the places 1 to {last}, not {seq}")));
        }
        let (state, at) = self.handle.state_at(seq)?;
        let since = {
            let mut logs = self.logs();
            logs.telemetry().flush();
            logs.telemetry().since()
        };
        let live = Live { since, ..recall::live(&self.directory, &state, at) };
        Ok(derive::view(&Facts {
            state: &state,
            plan: self.handle.plan(),
            live: &live,
            history: &self.history,
            now: at,
            // As it looked then: the engine that wrote the event had the journal.
            alive: true,
            past: true,
        }))
    }
}
