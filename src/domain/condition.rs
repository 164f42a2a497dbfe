//! A line of a step's go/no-go board: something that must hold before the step begins.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Failure;

/// What must hold, and how it stood when it was looked at. Not digested: it moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What: `the copy follows the source`.
    pub what: String,
    /// How it stands: `0 s behind`.
    pub value: String,
    /// The limit that it must keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// Go or no-go.
    pub stands: Stands,
    /// When it was looked at.
    pub at: Timestamp,
    /// What to do about it; nothing where it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// Go or no-go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// It holds.
    Holds,
    /// It does not hold yet; the step itself waits for it, or sees to it, before anything is touched.
    Waits,
    /// It does not hold: the step would refuse.
    Fails,
}

impl Condition {
    /// One that holds.
    pub fn holds(what: &str, value: impl Into<String>, at: Timestamp) -> Self {
        Self { what: what.to_owned(), value: value.into(), limit: None, stands: Stands::Holds, at, fix: None }
    }

    /// One that the step sees to by itself.
    #[must_use]
    pub fn waits(self, fix: impl Into<String>) -> Self {
        Self { stands: Stands::Waits, fix: Some(fix.into()), ..self }
    }

    /// One that keeps the step from starting.
    #[must_use]
    pub fn fails(self, fix: impl Into<String>) -> Self {
        Self { stands: Stands::Fails, fix: Some(fix.into()), ..self }
    }

    /// The same with its limit.
    #[must_use]
    pub fn within(self, limit: impl Into<String>) -> Self {
        Self { limit: Some(limit.into()), ..self }
    }

    /// What a look gave: its value, or the failure that keeps the step from starting.
    pub fn of(what: &str, looked: Result<String, Failure>, at: Timestamp) -> Self {
        match looked {
            Ok(value) => Self::holds(what, value, at),
            Err(failure) => {
                let value = failure.why.first().cloned().unwrap_or_else(|| failure.what.clone());
                Self::holds(what, value, at).fails(failure.next.unwrap_or(failure.what))
            }
        }
    }
}
