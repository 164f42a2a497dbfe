//! Something that can run out or break.

use serde::{Deserialize, Serialize};

use crate::domain::StepId;

/// Something that can run out or break, with how near it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// What: `binlog retention on the source`.
    pub what: String,
    /// How it stands: `24 h`.
    pub value: String,
    /// The limit that it must not pass.
    pub limit: Option<String>,
    /// Time left until it does, in seconds, where that is known.
    pub left_s: Option<f64>,
    /// How bad it is now.
    pub level: Level,
    /// What to do about it.
    pub fix: Option<String>,
    /// The step that it belongs to.
    pub step: Option<StepId>,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Far from its limit.
    #[default]
    Fine,
    /// Near it.
    Near,
    /// Over it: what relies on it is refused.
    Over,
}
