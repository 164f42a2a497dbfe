//! Where one step stands: what began, what happened, what was taken back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::check::Check;
use crate::domain::event::{ConsentKind, Event, Found};
use crate::domain::failure::Failure;
use crate::domain::resource::Resource;

/// The status of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// Which way a step is being driven.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To its end.
    #[default]
    Forward,
    /// Back to where it was before it began.
    Back,
}

/// Where a step stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct StepState {
    /// Its status.
    pub status: Status,
    /// The place of its last event in the journal.
    pub seq: u64,
    /// The last attempt, from 1.
    pub attempt: u32,
    /// Which way the last attempt went.
    pub direction: Direction,
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
    /// The phrases that accepted the preview's risks, as typed.
    pub accepted: Vec<String>,
    /// Evidence typed in for a manual step.
    pub evidence: Option<String>,
    /// When the rollback began, if one did since the step was last started.
    pub back_started: Option<Timestamp>,
    /// When the rollback ended, well or not.
    pub back_ended: Option<Timestamp>,
    /// So many lost writes the driver accepted for the rollback.
    pub accepted_loss: u64,
    /// The phrase that the driver gave for the rollback.
    pub back_phrase: Option<String>,
    /// How long its effects took to be taken back in its last rollback, in seconds.
    pub undo_seconds: Option<f64>,
    /// Effects that its rollback leaves on purpose.
    kept: BTreeSet<String>,
}

/// One change to the outside world inside a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// In a reader's words.
    pub summary: String,
    /// What its undo needs.
    pub undo: Value,
    /// What it makes, changes or removes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<Resource>,
    /// How far it is known to have come.
    pub stage: Stage,
    /// The place of its last intent in the journal: what came later is taken back first.
    pub seq: u64,
    /// When it began to happen, or to be taken back; nothing where a doubt came in between.
    pub since: Option<Timestamp>,
    /// How long it took to happen, in seconds, where that was seen.
    pub seconds: Option<f64>,
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
    /// It is being taken back.
    Undoing,
    /// It was taken back.
    Undone,
}

impl Effect {
    /// Whether it is known to have happened, and was not taken back.
    pub fn happened(&self) -> bool {
        matches!(self.stage, Stage::Happened(_))
    }
}

impl StepState {
    pub(super) fn fold(&mut self, seq: u64, at: Timestamp, event: &Event) {
        self.seq = seq;
        match event {
            Event::StepStarted { attempt, digest, inputs, consent, .. } => {
                self.begin(*attempt, Direction::Forward);
                if self.back_ended.take().is_some() {
                    self.started = None;
                }
                self.back_started = None;
                self.started.get_or_insert(at);
                self.ended = None;
                self.digest.clone_from(digest);
                self.inputs.clone_from(inputs);
                self.accepted.clone_from(&consent.accepted);
                // A field that was left empty says nothing, and takes nothing back.
                if let Some(said) = consent.evidence.as_ref().filter(|said| !said.trim().is_empty()) {
                    self.evidence = Some(said.clone());
                }
            }
            Event::RollbackStarted { attempt, digest, accepted_loss, consent, .. } => {
                self.begin(*attempt, Direction::Back);
                if self.back_started.is_none() {
                    self.back_started = Some(at);
                    self.undo_seconds = None;
                    self.back_phrase = None;
                }
                self.back_ended = None;
                self.digest.clone_from(digest);
                self.accepted_loss = *accepted_loss;
                // Going on after a death says nothing anew.
                if consent.how != ConsentKind::NotNeeded || consent.phrase.is_some() {
                    self.back_phrase.clone_from(&consent.phrase);
                }
            }
            Event::Intended { effect, summary, undo, touches, .. } => {
                let mut touches = touches.clone();
                // An earlier try of it may have touched something else.
                touches.extend(self.effects.remove(effect).into_iter().flat_map(|earlier| earlier.touches));
                let (summary, undo, stage) = (summary.clone(), undo.clone(), Stage::Intended);
                let intended = Effect { summary, undo, touches, stage, seq, since: Some(at), seconds: None };
                self.effects.insert(effect.clone(), intended);
            }
            Event::Happened { effect, outcome, .. } => self.happened(at, effect, outcome),
            Event::Looked { effect, found, .. } => self.looked(effect, *found),
            Event::Undoing { effect, .. } => self.undoing(at, effect),
            Event::Undone { effect, .. } => self.undone(at, effect),
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
                if self.direction == Direction::Back {
                    self.status = Status::Failed;
                    self.back_ended = Some(at);
                } else {
                    self.end(at, Status::Failed);
                }
                self.failure = Some(failure.clone());
            }
            Event::StepAdopted { checks, .. } => {
                self.end(at, Status::Adopted);
                self.direction = Direction::Forward;
                self.checks.clone_from(checks);
            }
            Event::Kept { effect: Some(effect), .. } => {
                self.kept.insert(effect.clone());
            }
            Event::RolledBack { checks, .. } => self.rolled_back(at, checks),
            Event::Companion { healthy, detail, .. } => self.companion = Some((*healthy, detail.clone())),
            _ => {}
        }
    }

    /// What its effects made, changed or removed, as far as they were not taken back or are kept.
    pub fn touched(&self) -> impl Iterator<Item = &Resource> {
        let stands = |(key, effect): &(&String, &Effect)| {
            self.kept.contains(*key) || !matches!(effect.stage, Stage::NotDone | Stage::Undone)
        };
        self.effects.iter().filter(stands).flat_map(|(_, effect)| &effect.touches)
    }

    /// Whether its way back was given up before anything was taken back: it stands as it did.
    pub fn stands_after_all(&self) -> bool {
        self.checkpoints.get(super::BACK_GIVEN_UP).and_then(Value::as_u64) == Some(self.attempt.into())
    }

    /// How long it took from its first start to its end, in seconds; nothing while it is not over.
    pub fn took(&self) -> Option<f64> {
        Some(self.ended?.duration_since(self.started?).as_secs_f64())
    }

    /// How long taking it back took, in seconds; nothing while it is not over.
    pub fn took_back(&self) -> Option<f64> {
        Some(self.back_ended?.duration_since(self.back_started?).as_secs_f64())
    }

    fn begin(&mut self, attempt: u32, direction: Direction) {
        self.status = Status::Running;
        self.attempt = attempt;
        self.direction = direction;
        self.failure = None;
    }

    /// As if it had never been started, but for what was kept.
    fn rolled_back(&mut self, at: Timestamp, checks: &[Check]) {
        self.status = Status::RolledBack;
        self.back_ended = Some(at);
        self.effects.retain(|key, _| self.kept.contains(key));
        self.checkpoints.clear();
        self.outputs.clear();
        self.evidence = None;
        self.checks = checks.to_vec();
        self.companion = None;
        self.failure = None;
    }

    fn end(&mut self, at: Timestamp, status: Status) {
        self.status = status;
        self.started.get_or_insert(at);
        self.ended = Some(at);
        self.failure = None;
    }

    fn happened(&mut self, at: Timestamp, effect: &str, outcome: &Value) {
        let Some(effect) = self.effects.get_mut(effect) else { return };
        effect.stage = Stage::Happened(outcome.clone());
        effect.seconds = effect.since.map(|since| at.duration_since(since).as_secs_f64());
    }

    fn looked(&mut self, effect: &str, found: Found) {
        let Some(effect) = self.effects.get_mut(effect) else { return };
        effect.since = None;
        if found == Found::NotDone {
            effect.stage = Stage::NotDone;
        }
    }

    fn undoing(&mut self, at: Timestamp, effect: &str) {
        let Some(effect) = self.effects.get_mut(effect) else { return };
        effect.stage = Stage::Undoing;
        effect.since = Some(at);
    }

    fn undone(&mut self, at: Timestamp, effect: &str) {
        let Some(effect) = self.effects.get_mut(effect) else { return };
        if let (Stage::Undoing, Some(since)) = (&effect.stage, effect.since) {
            *self.undo_seconds.get_or_insert_default() += at.duration_since(since).as_secs_f64();
        }
        effect.stage = Stage::Undone;
    }
}
