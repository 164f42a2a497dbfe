//! What must be given before a step starts.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::approval::Wanted;

/// The conditions of a step's start; all of them must be met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The driver confirms the preview.
    #[serde(default = "yes")]
    pub confirm: bool,
    /// The driver types this phrase.
    pub phrase: Option<String>,
    /// The step starts in this time only.
    pub window: Option<Window>,
    /// Somebody other than the driver has signed the preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Wanted>,
}

/// A window that closes later than this is none that anybody hurries for.
const CLOSING: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A stretch of time, each end an RFC 3339 time such as `2026-11-26T02:00:00Z`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The first moment.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub from: Timestamp,
    /// The moment after the last.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub to: Timestamp,
}

impl Window {
    /// Whether it closes so soon after that moment that people think of it.
    pub fn is_closing(&self, at: Timestamp) -> bool {
        self.to.duration_since(at) < CLOSING
    }

    /// Whether that moment is in it.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self { confirm: true, phrase: None, window: None, approval: None }
    }
}

const fn yes() -> bool {
    true
}
