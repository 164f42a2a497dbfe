//! Where a run stands: nothing but its events, folded.

mod seat;
mod step;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::approval::Approval;
use super::event::{Event, Holder, Recorded};
use super::ids::{RunId, StepId};
use super::resource::{Resource, SOURCE, TARGET};
use super::seat::Seat;
pub use step::{Direction, Effect, Stage, Status, StepState};

/// The checkpoint with the time from which a switch's budget runs.
pub const FROZEN_AT: &str = "frozen_at";

/// The checkpoint with the seconds that writes waited, made when the new side was seen to take one.
pub const FREEZE_SECONDS: &str = "freeze_seconds";

/// The checkpoint of a way back that was given up before anything was taken back, with its attempt.
pub const BACK_GIVEN_UP: &str = "back_given_up";

/// Where a run stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RunState {
    /// The run, once it was created.
    pub run: Option<RunId>,
    /// The digest of the runbook in force.
    pub runbook: String,
    /// The last event's place.
    pub seq: u64,
    /// The engine that has the journal, or had it last.
    pub engine: Option<Holder>,
    /// Whether that engine let it go in good order.
    pub stopped: bool,
    /// So many engines went away without letting it go.
    pub deaths: u32,
    /// The steps that something happened to.
    pub steps: BTreeMap<StepId, StepState>,
    /// What each service said it is, at first contact.
    pub identities: BTreeMap<String, String>,
    /// Fences that are shut, with the step that shut them.
    pub fences: BTreeMap<String, StepId>,
    /// Whether the intent to open the target was recorded and not taken back.
    pub switched: bool,
    /// When the record last came back to its old answer, if a switch was taken back and none made since.
    pub returned: Option<Returned>,
    /// What rollbacks left on purpose.
    pub kept: Vec<Kept>,
    /// Approvals, oldest first.
    pub approvals: Vec<Approval>,
    /// Who drives, what was said, whose hand is up.
    pub seat: Seat,
    /// What crossed its limit and is not back.
    pub crossed: BTreeSet<String>,
}

/// The record's way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Returned {
    /// When every server of the zone gave the old answer again.
    pub at: Timestamp,
    /// For so long after that, clients may hold the new answer.
    pub ttl_seconds: u32,
}

/// Something that a rollback left on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// The step that made it.
    pub step: StepId,
    /// What it is.
    pub what: String,
    /// Why it was not taken away.
    pub why: String,
}

impl RunState {
    /// The state after these events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Recorded>) -> Self {
        let mut state = Self::default();
        for event in events {
            state.fold(event);
        }
        state
    }

    /// A step's state; the default where nothing happened to it.
    pub fn step(&self, id: &StepId) -> StepState {
        self.steps.get(id).cloned().unwrap_or_default()
    }

    /// Everything in the world that the run's effects explain.
    pub fn touched(&self) -> BTreeSet<Resource> {
        self.steps.values().flat_map(StepState::touched).cloned().collect()
    }

    /// Whether the step is over, and good.
    pub fn is_over(&self, id: &StepId) -> bool {
        self.steps.get(id).is_some_and(|step| matches!(step.status, Status::Done | Status::Adopted))
    }

    /// The step that an engine is at, if any.
    pub fn running(&self) -> Option<&StepId> {
        self.steps.iter().find(|(_, step)| step.status == Status::Running).map(|(id, _)| id)
    }

    /// The service whose fence keeps tenants from writing: that of the side which serves, and this is the old one
    /// until the new one was seen to take a write. The other side's fence is what they are safe behind.
    pub fn barring(&self) -> Option<&str> {
        let took_a_write = self.steps.values().any(|step| step.checkpoints.contains_key(FREEZE_SECONDS));
        let serves = if self.switched && took_a_write { TARGET } else { SOURCE };
        let fences = self.fences.keys().map(String::as_str);
        fences.into_iter().find(|service| service.starts_with(serves))
    }

    /// Takes one more event in. Events of an attempt that is not the last one change nothing.
    pub fn fold(&mut self, recorded: &Recorded) {
        self.seq = recorded.seq;
        if let (Some(step), Some(attempt)) = (recorded.event.step(), recorded.event.attempt())
            && !recorded.event.begins_attempt()
            && self.steps.get(step).is_some_and(|state| state.attempt != attempt)
        {
            return;
        }
        match &recorded.event {
            Event::RunCreated { run, digest, .. } => {
                self.run = Some(run.clone());
                self.runbook.clone_from(digest);
            }
            Event::RunbookChanged { digest } => self.runbook.clone_from(digest),
            Event::EngineStarted { by, .. } => self.engine_started(by),
            Event::EngineStopped {} => self.stopped = true,
            Event::LockTakenOver { .. } | Event::Log { .. } | Event::Retrying { .. } => {}
            Event::Pinned { service, identity, .. } => {
                self.identities.insert(service.clone(), identity.clone());
            }
            Event::Fence { step, service, shut: true } => {
                self.fences.insert(service.clone(), step.clone());
            }
            Event::Fence { service, shut: false, .. } => {
                self.fences.remove(service);
            }
            Event::PointOfSwitching { .. } => {
                self.switched = true;
                self.returned = None;
            }
            Event::RecordReturned { ttl_seconds, .. } => {
                self.returned = Some(Returned { at: recorded.at, ttl_seconds: *ttl_seconds });
            }
            Event::SwitchedBack { .. } => self.switched = false,
            Event::LimitCrossed { what, .. } => {
                self.crossed.insert(what.clone());
            }
            Event::LimitBack { what, .. } => {
                self.crossed.remove(what);
            }
            Event::Approved { approval, .. } => self.approvals.push(approval.clone()),
            Event::WheelTaken { .. }
            | Event::WheelReleased { .. }
            | Event::Noted { .. }
            | Event::HandRaised { .. }
            | Event::HandAnswered { .. } => self.seat.fold(recorded),
            other => {
                if let Event::Kept { step, what, why, .. } = other {
                    self.kept.retain(|kept| kept.what != *what);
                    self.kept.push(Kept { step: step.clone(), what: what.clone(), why: why.clone() });
                }
                if let Some(step) = other.step() {
                    self.steps.entry(step.clone()).or_default().fold(recorded.seq, recorded.at, other);
                }
            }
        }
    }

    fn engine_started(&mut self, by: &Holder) {
        if self.engine.replace(by.clone()).is_some() && !self.stopped {
            self.deaths += 1;
        }
        self.stopped = false;
        self.engine_is_gone();
    }

    /// What was running is in doubt: its engine went away.
    pub fn engine_is_gone(&mut self) {
        for step in self.steps.values_mut() {
            if step.status == Status::Running {
                step.status = Status::InDoubt;
            }
        }
    }
}
