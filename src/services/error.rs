//! The one error of all services: what was being done, to whom, what went wrong, what to do next.
//!
//! The kind decides what the engine does with it: a transient fault is retried within a budget, a
//! permanent one goes to the driver, and an unknown outcome is looked into before anything else happens.

use std::error::Error as StdError;
use std::fmt;

use crate::domain::failure::{Failure, FailureKind};

/// The result of every call to an outside service.
pub type Result<T> = std::result::Result<T, Error>;

/// What a fault means for whoever called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The same call may succeed later (a timeout before sending, throttling, a lost connection on a read).
    Transient,
    /// The same call will fail again until somebody changes something.
    Permanent,
    /// The thing asked for is not there.
    NotFound,
    /// The world is not as the caller said it was (a compare-and-swap that lost, a foreign owner).
    Conflict,
    /// The request was sent and its answer was lost: it may have taken effect.
    Unknown,
    /// The caller asked to stop; nothing is wrong.
    Interrupted,
}

/// A fault of an outside service. Never holds a secret: build it from messages that cannot.
#[derive(Debug)]
pub struct Error {
    /// The service in a reader's words: `source MySQL`, `registry`, `Route 53`.
    pub service: String,
    /// Where it was reached: `172.30.77.10:3306`.
    pub address: String,
    /// What was being attempted: `open a session as 'repl'`.
    pub doing: String,
    /// What the fault means for the caller.
    pub kind: Kind,
    /// What the service or the library said.
    pub why: Option<Box<dyn StdError + Send + Sync>>,
    /// What a person can do about it.
    pub next: Option<String>,
}

impl Error {
    /// A fault of `service` at `address` while `doing` something.
    #[must_use]
    pub fn new(service: impl Into<String>, address: impl Into<String>, doing: impl Into<String>, kind: Kind) -> Self {
        Self { service: service.into(), address: address.into(), doing: doing.into(), kind, why: None, next: None }
    }

    /// What the service or library said.
    #[must_use]
    pub fn because(mut self, why: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// What a person can do about it.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): could not {}", self.service, self.address, self.doing)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.why.as_deref().map(|why| why as &(dyn StdError + 'static))
    }
}

/// What lies below an error, the outermost first.
pub fn causes(error: &dyn StdError) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause: &&(dyn StdError + 'static)| (*cause).source())
}

/// An error in one line: a library's own sentence often hides the reason in its sources.
pub(super) fn with_causes(error: &dyn StdError) -> String {
    let mut said = error.to_string();
    for cause in causes(error).map(ToString::to_string) {
        if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match error.kind {
            Kind::Transient => FailureKind::Transient,
            Kind::Permanent | Kind::NotFound => FailureKind::Permanent,
            Kind::Conflict => FailureKind::Refused,
            Kind::Unknown => FailureKind::InDoubt,
            Kind::Interrupted => {
                let Error { service, address, doing, .. } = error;
                return Failure::interrupted().because(format!("{service} ({address}): on the way to {doing}"));
            }
        };
        let mut failure = Failure::new(kind, error.to_string());
        failure.why.extend(causes(&error).map(ToString::to_string));
        failure.next = error.next;
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stopped_on_request_did_not_fail_and_is_not_tried_again() {
        let failure = Failure::from(Error::new("source MySQL", "db:3306", "read shop.orders", Kind::Interrupted));
        assert_eq!(failure.kind, FailureKind::Interrupted);
        assert_eq!(failure.in_full(), "stopped on request: source MySQL (db:3306): on the way to read shop.orders");
    }
}
