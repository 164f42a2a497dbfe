//! Everything that can happen in a run. The journal is a list of these, and nothing else is the state.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::approval::Approval;
use super::check::Check;
use super::failure::Failure;
use super::ids::{RunId, StepId};
use super::resource::Resource;
use super::seat::Taking;

/// An event with its place in the journal and the engine's clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its place, from 1, without gaps.
    pub seq: u64,
    /// When it was recorded, by the clock of the engine's machine.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Who holds a run's lock, or did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The person: login name.
    pub who: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
}

/// How a gate was passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Who gave it.
    pub by: String,
    /// In which way.
    pub how: ConsentKind,
    /// The phrase as typed, where the gate asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phrase: Option<String>,
    /// The phrases that accepted the preview's risks, as typed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<String>,
    /// Evidence typed in for a manual step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// In which way consent was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// Typed on a terminal.
    Typed,
    /// Given beforehand on the command line.
    Beforehand,
    /// By the rehearsal, for the lab alone.
    Rehearsal,
    /// The gate asks for nothing.
    NotNeeded,
}

/// What a look at the world found after a doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// The effect is there.
    Done,
    /// It is not there.
    NotDone,
    /// A part of it is: it is done again over what is there.
    Partly,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::NotDone => "not done",
            Self::Partly => "partly done",
        })
    }
}

/// Something that happened in a run.
#[expect(missing_docs, reason = "the fields repeat the words of the variant's own line")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run began to exist.
    RunCreated { run: RunId, runbook: String, environment: String, digest: String, by: Holder },
    /// The runbook is another than before; the steps that are over stay over.
    RunbookChanged { digest: String },
    /// An engine took the journal. A step that was running is in doubt from here on.
    EngineStarted { by: Holder, version: String },
    /// The lock of a holder that is gone was taken over.
    LockTakenOver { from: Holder, by: Holder },
    /// The engine let the journal go in good order.
    EngineStopped {},
    /// A step was started; its gate was passed for this preview.
    StepStarted { step: StepId, attempt: u32, digest: String, inputs: String, consent: Consent },
    /// What a step talked to at first contact.
    Pinned { step: StepId, service: String, identity: String },
    /// An effect is about to happen; with what its undo will need, and what it makes, changes or removes.
    Intended {
        step: StepId,
        attempt: u32,
        effect: String,
        summary: String,
        undo: Value,
        #[serde(default)]
        touches: Vec<Resource>,
    },
    /// An effect happened, with what it returned.
    Happened { step: StepId, attempt: u32, effect: String, outcome: Value },
    /// An effect failed; whether a part of it happened is looked into before it is tried again.
    EffectFailed { step: StepId, attempt: u32, effect: String, failure: Failure },
    /// An effect in doubt was looked for.
    Looked { step: StepId, attempt: u32, effect: String, found: Found },
    /// An effect is about to be taken back; doing so is safe to repeat.
    Undoing { step: StepId, attempt: u32, effect: String },
    /// An effect was taken back.
    Undone { step: StepId, effect: String },
    /// A step noted something that it goes on from, or is undone with.
    Checkpoint { step: StepId, attempt: u32, key: String, value: Value },
    /// A scratch object is about to be made; a resume removes it.
    ScratchMade { step: StepId, kind: String, name: String },
    /// A scratch object is gone.
    ScratchGone { step: StepId, kind: String, name: String },
    /// Every effect of a step happened.
    Applied { step: StepId, attempt: u32, outputs: BTreeMap<String, Value> },
    /// A step's facts were looked at.
    Checked { step: StepId, attempt: u32, checks: Vec<Check> },
    /// A step is over, and good.
    StepDone { step: StepId, attempt: u32 },
    /// A transient failure: tried again after a while.
    Retrying { step: StepId, attempt: u32, failure: Failure, wait_ms: u64 },
    /// A step did not go on.
    StepFailed { step: StepId, attempt: u32, failure: Failure },
    /// A step was taken as done by others; its facts were looked at.
    StepAdopted { step: StepId, by: String, checks: Vec<Check> },
    /// A fence was shut or opened.
    Fence { step: StepId, service: String, shut: bool },
    /// The intent to open the target for writes: from here on the source stays fenced.
    PointOfSwitching { step: StepId },
    /// What a step left running changed its health.
    Companion { step: StepId, healthy: bool, detail: String },
    /// The intent to open the source again: the point of switching is taken back, and there is only the way
    /// to the source from here on.
    SwitchedBack { step: StepId },
    /// The record holds its old answer again; until so many seconds later clients may have the new one.
    RecordReturned { step: StepId, ttl_seconds: u32 },
    /// A step is being taken back; its way back was looked at, and so many lost writes were accepted.
    RollbackStarted { step: StepId, attempt: u32, digest: String, consent: Consent, accepted_loss: u64 },
    /// Something that the rollback leaves on purpose; `effect` is the one that made it, and is not done again.
    Kept { step: StepId, attempt: u32, effect: Option<String>, what: String, why: String },
    /// A step was taken back; what was looked at afterwards.
    RolledBack { step: StepId, attempt: u32, checks: Vec<Check> },
    /// Somebody other than the driver signed a step's preview; the signature was verified, by the key with this
    /// fingerprint.
    Approved {
        #[serde(flatten)]
        approval: Approval,
        key: String,
    },
    /// Somebody took the wheel; from whom, in which way, and why.
    WheelTaken { by: String, from: Option<String>, how: Taking, why: String },
    /// The driver let the wheel go.
    WheelReleased { by: String },
    /// Somebody typed something for everybody to read.
    Noted { by: String, text: String },
    /// Somebody wants an answer before the next gate is passed.
    HandRaised { by: String, text: String },
    /// The driver answered the hand that was raised at that place of the journal.
    HandAnswered { hand: u64, by: String, text: String },
    /// Something that can run out between two steps came near its limit, or passed it.
    LimitCrossed { what: String, value: String },
    /// It is far from its limit again.
    LimitBack { what: String, value: String },
    /// A line worth keeping.
    Log { step: StepId, attempt: u32, line: String },
}

impl Event {
    /// The step that it belongs to, if any.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::RunCreated { .. }
            | Self::RunbookChanged { .. }
            | Self::EngineStarted { .. }
            | Self::LockTakenOver { .. }
            | Self::Approved { .. }
            | Self::WheelTaken { .. }
            | Self::WheelReleased { .. }
            | Self::Noted { .. }
            | Self::HandRaised { .. }
            | Self::HandAnswered { .. }
            | Self::LimitCrossed { .. }
            | Self::LimitBack { .. }
            | Self::EngineStopped {} => None,
            Self::StepStarted { step, .. }
            | Self::Pinned { step, .. }
            | Self::Intended { step, .. }
            | Self::Happened { step, .. }
            | Self::EffectFailed { step, .. }
            | Self::Looked { step, .. }
            | Self::Undoing { step, .. }
            | Self::Undone { step, .. }
            | Self::Checkpoint { step, .. }
            | Self::ScratchMade { step, .. }
            | Self::ScratchGone { step, .. }
            | Self::Applied { step, .. }
            | Self::Checked { step, .. }
            | Self::StepDone { step, .. }
            | Self::Retrying { step, .. }
            | Self::StepFailed { step, .. }
            | Self::StepAdopted { step, .. }
            | Self::Fence { step, .. }
            | Self::PointOfSwitching { step }
            | Self::SwitchedBack { step }
            | Self::RecordReturned { step, .. }
            | Self::RollbackStarted { step, .. }
            | Self::Kept { step, .. }
            | Self::RolledBack { step, .. }
            | Self::Companion { step, .. }
            | Self::Log { step, .. } => Some(step),
        }
    }

    /// Whether it begins an attempt: every other event of an attempt belongs to one that was begun.
    pub fn begins_attempt(&self) -> bool {
        matches!(self, Self::StepStarted { .. } | Self::RollbackStarted { .. })
    }

    /// The attempt that it was made by, where it belongs to one.
    pub fn attempt(&self) -> Option<u32> {
        match self {
            Self::StepStarted { attempt, .. }
            | Self::Intended { attempt, .. }
            | Self::Happened { attempt, .. }
            | Self::EffectFailed { attempt, .. }
            | Self::Looked { attempt, .. }
            | Self::Undoing { attempt, .. }
            | Self::RollbackStarted { attempt, .. }
            | Self::Kept { attempt, .. }
            | Self::RolledBack { attempt, .. }
            | Self::Checkpoint { attempt, .. }
            | Self::Applied { attempt, .. }
            | Self::Checked { attempt, .. }
            | Self::StepDone { attempt, .. }
            | Self::Retrying { attempt, .. }
            | Self::StepFailed { attempt, .. }
            | Self::Log { attempt, .. } => Some(*attempt),
            _ => None,
        }
    }
}
