//! Where a run stands: nothing but its events, folded.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::check::Check;
use super::event::{Event, Found, Holder, Recorded};
use super::failure::Failure;
use super::ids::{RunId, StepId};

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
    /// The steps that something happened to.
    pub steps: BTreeMap<StepId, StepState>,
    /// What each service said it is, at first contact.
    pub identities: BTreeMap<String, String>,
    /// Fences that are shut, with the step that shut them.
    pub fences: BTreeMap<String, StepId>,
    /// Whether the intent to open the target was recorded and not taken back.
    pub switched: bool,
}

/// The status of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not started.
    #[default]
    Pending,
    /// An engine is at it.
    Running,
    /// Applied and verified.
    Done,
    /// Taken as done by others.
    Adopted,
    /// It did not go on.
    Failed,
    /// Taken back.
    RolledBack,
    /// Its engine went away in the middle: looked into when it is started again.
    InDoubt,
}

/// Where a step stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct StepState {
    /// Its status.
    pub status: Status,
    /// The last attempt, from 1.
    pub attempt: u32,
    /// When the first attempt started.
    pub started: Option<Timestamp>,
    /// When it ended, well or not.
    pub ended: Option<Timestamp>,
    /// Its effects, by key.
    pub effects: BTreeMap<String, Effect>,
    /// What it noted.
    pub checkpoints: BTreeMap<String, Value>,
    /// Scratch objects that may still be there: kind and name.
    pub scratch: Vec<(String, String)>,
    /// What later steps may use.
    pub outputs: BTreeMap<String, Value>,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// Why it did not go on.
    pub failure: Option<Failure>,
    /// The health of what it left running, once known.
    pub companion: Option<(bool, String)>,
    /// The inputs' digest of the attempt.
    pub inputs: String,
    /// The preview's digest that the driver agreed to.
    pub digest: String,
    /// Evidence typed in for a manual step.
    pub evidence: Option<String>,
}

/// One change to the outside world inside a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// In a reader's words.
    pub summary: String,
    /// What its undo needs.
    pub undo: Value,
    /// How far it is known to have come.
    pub stage: Stage,
}

/// How far an effect is known to have come.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Intended: it may have happened.
    Intended,
    /// It happened, and returned this.
    Happened(Value),
    /// It is known not to have happened.
    NotDone,
    /// It was taken back.
    Undone,
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

    /// Whether the step is over, and good.
    pub fn is_over(&self, id: &StepId) -> bool {
        self.steps.get(id).is_some_and(|step| matches!(step.status, Status::Done | Status::Adopted))
    }

    /// Takes one more event in. Events of an attempt that is not the last one change nothing.
    pub fn fold(&mut self, recorded: &Recorded) {
        self.seq = recorded.seq;
        if let (Some(step), Some(attempt)) = (recorded.event.step(), recorded.event.attempt())
            && !matches!(recorded.event, Event::StepStarted { .. })
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
            Event::PointOfSwitching { .. } => self.switched = true,
            other => {
                if let Some(step) = other.step() {
                    self.steps.entry(step.clone()).or_default().fold(recorded.at, other);
                }
            }
        }
    }

    fn engine_started(&mut self, by: &Holder) {
        self.engine = Some(by.clone());
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

impl StepState {
    fn fold(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::StepStarted { attempt, digest, inputs, consent, .. } => {
                self.status = Status::Running;
                self.attempt = *attempt;
                self.started.get_or_insert(at);
                self.ended = None;
                self.failure = None;
                self.digest.clone_from(digest);
                self.inputs.clone_from(inputs);
                if consent.evidence.is_some() {
                    self.evidence.clone_from(&consent.evidence);
                }
            }
            Event::Intended { effect, summary, undo, .. } => {
                let stage = Stage::Intended;
                let effect_state = Effect { summary: summary.clone(), undo: undo.clone(), stage };
                self.effects.insert(effect.clone(), effect_state);
            }
            Event::Happened { effect, outcome, .. } => self.stage(effect, Stage::Happened(outcome.clone())),
            Event::Looked { effect, found: Found::NotDone, .. } => self.stage(effect, Stage::NotDone),
            Event::Undone { effect, .. } => self.stage(effect, Stage::Undone),
            Event::Checkpoint { key, value, .. } => {
                self.checkpoints.insert(key.clone(), value.clone());
            }
            Event::ScratchMade { kind, name, .. } => {
                self.scratch.retain(|(k, n)| (k, n) != (kind, name));
                self.scratch.push((kind.clone(), name.clone()));
            }
            Event::ScratchGone { kind, name, .. } => self.scratch.retain(|(k, n)| (k, n) != (kind, name)),
            Event::Applied { outputs, .. } => self.outputs.clone_from(outputs),
            Event::Checked { checks, .. } => self.checks.clone_from(checks),
            Event::StepDone { .. } => self.end(at, Status::Done),
            Event::StepFailed { failure, .. } => {
                self.end(at, Status::Failed);
                self.failure = Some(failure.clone());
            }
            Event::StepAdopted { checks, .. } => {
                self.end(at, Status::Adopted);
                self.checks.clone_from(checks);
            }
            Event::Companion { healthy, detail, .. } => self.companion = Some((*healthy, detail.clone())),
            _ => {}
        }
    }

    fn end(&mut self, at: Timestamp, status: Status) {
        self.status = status;
        self.started.get_or_insert(at);
        self.ended = Some(at);
        self.failure = None;
    }

    fn stage(&mut self, effect: &str, stage: Stage) {
        if let Some(effect) = self.effects.get_mut(effect) {
            effect.stage = stage;
        }
    }
}
