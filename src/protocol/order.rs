//! What a client asks of an engine, and what it was looking at when it asked.

use serde::{Deserialize, Serialize};

use crate::domain::StepId;

/// A command, with what it was drawn from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Made by the client; the same id again is the same order again, answered as before and done once.
    pub command_id: String,
    /// The view's place in the journal. Refused where anything happened to the step since.
    pub seq: u64,
    /// What is asked.
    #[serde(flatten)]
    pub verb: Verb,
}

/// What may be asked.
#[expect(missing_docs, reason = "the fields repeat the words of the variant's own line")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Verb {
    /// Start a step: the attempt that the view showed, the preview's digest, and what its gate asked for.
    Start {
        step: StepId,
        attempt: u32,
        digest: String,
        #[serde(default)]
        given: Given,
    },
    /// Go on with a step whose engine went away.
    Resume { step: StepId, attempt: u32 },
    /// Take a step as done by others, once its checks pass.
    Adopt { step: StepId, attempt: u32 },
    /// Take a step back, for the way back of that digest; so many lost writes are given up.
    RollBack {
        step: StepId,
        attempt: u32,
        digest: String,
        #[serde(default)]
        given: Given,
        #[serde(default)]
        accepted_loss: u64,
    },
    /// Ask the step in flight to stop at a place from which it can go on; in a freeze that is the abort.
    Stop { step: StepId, attempt: u32 },
    /// Say something for everybody to read.
    Note { text: String },
    /// Answer the hand that was raised at that place of the journal.
    AnswerHand { hand: u64, text: String },
    /// Take the wheel: free, handed over, or from a driver who has gone silent. The step typed by the taker is
    /// the current one; empty where there is none.
    TakeWheel { current: String, why: String },
    /// Offer the wheel to the one who asks for it; they take it, having read where the run stands.
    HandOver { to: String },
    /// Let the wheel go.
    ReleaseWheel,
    /// End the engine once no step runs: nothing is watched from then on.
    Shutdown,
}

/// What anybody may say who looks on; recorded under the name of who says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Message {
    /// For everybody to read.
    Note {
        /// At most 500 characters.
        text: String,
    },
    /// To be answered by the driver before the next gate is passed.
    RaiseHand {
        /// Why.
        text: String,
    },
    /// Ask the driver for the wheel.
    AskWheel {
        /// Why.
        why: String,
    },
}

/// An order or a message was taken: what it led to is in the journal up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The journal's place.
    pub seq: u64,
}

/// What a gate asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The gate's phrase, as typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phrase: Option<String>,
    /// The phrases that accept the preview's risks, as typed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<String>,
    /// Evidence of a manual step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

impl Verb {
    /// The step and the attempt that it is about, where it is about one.
    pub fn about(&self) -> Option<(&StepId, u32)> {
        match self {
            Self::Start { step, attempt, .. }
            | Self::Resume { step, attempt }
            | Self::Adopt { step, attempt }
            | Self::RollBack { step, attempt, .. }
            | Self::Stop { step, attempt } => Some((step, *attempt)),
            _ => None,
        }
    }
}

/// What every request of a client says about itself, in headers.
pub mod header {
    /// The person's name: `drive --as NAME`.
    pub const NAME: &str = "x-cutover-name";
    /// A random id of the client, for as long as it lives: the wheel is its.
    pub const CLIENT: &str = "x-cutover-client";
}

/// A preview or a way back with the digest that an order has to repeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Previewed {
    /// What would change.
    pub preview: crate::domain::Preview,
    /// Its digest.
    pub digest: String,
    /// The journal's place when it was taken.
    pub seq: u64,
}
