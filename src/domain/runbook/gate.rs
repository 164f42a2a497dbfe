//! What must be given before a step starts.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
}

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

impl Default for Gate {
    fn default() -> Self {
        Self { confirm: true, phrase: None, window: None }
    }
}

const fn yes() -> bool {
    true
}
