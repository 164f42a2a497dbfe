//! Why a step did not go on: what failed, why, and what a person can do next.

use serde::{Deserialize, Serialize};

use super::plain;

/// What a failure means for the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Tried again by the engine, with backoff, within the step's retries.
    Transient,
    /// To the driver: retry, adopt, roll back, or pause.
    Permanent,
    /// An effect may have happened: looked into before anything else.
    InDoubt,
    /// The world, the lock or the preview is not what was agreed to (exit code 4).
    Refused,
    /// The driver asked to stop; nothing is wrong (exit code 130).
    Interrupted,
}

/// A failure as it is journalled and shown. Never holds a secret, nor what could draw on a terminal: services and
/// programs put their own words into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    /// What it means for the machine.
    pub kind: FailureKind,
    /// What failed, naming the service and its address.
    pub what: String,
    /// Why, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Failure {
    /// A failure of one kind.
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self { kind, what: plain::lines(&what.into()), why: Vec::new(), next: None }
    }

    /// Tried again by itself.
    pub fn transient(what: impl Into<String>) -> Self {
        Self::new(FailureKind::Transient, what)
    }

    /// Needs a person.
    pub fn permanent(what: impl Into<String>) -> Self {
        Self::new(FailureKind::Permanent, what)
    }

    /// Not what was agreed to.
    pub fn refused(what: impl Into<String>) -> Self {
        Self::new(FailureKind::Refused, what)
    }

    /// The driver asked to stop.
    pub fn interrupted() -> Self {
        Self::new(FailureKind::Interrupted, "stopped on request")
    }

    /// Adds a reason.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why.push(plain::lines(&why.into()));
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(plain::lines(&next.into()));
        self
    }

    /// What failed and why, in one line.
    pub fn in_full(&self) -> String {
        self.why.iter().fold(self.what.clone(), |text, why| format!("{text}: {why}"))
    }

    /// Puts what was being done in front; what failed becomes the first reason.
    #[must_use]
    pub fn while_doing(mut self, doing: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.what, plain::lines(&doing.into()));
        self.why.insert(0, inner);
        self
    }
}
