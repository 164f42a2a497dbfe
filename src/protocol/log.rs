//! Log lines, fetched by range: a client asks for what it shows, and is never sent what it does not.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::StepId;

/// Which lines are wanted; all that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Only lines before this number, the newest of them; the newest of all where nothing is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Only lines after this number, the oldest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most so many.
    pub limit: usize,
    /// Only of this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// Only of this level or graver.
    #[serde(default)]
    pub level: Level,
    /// Only with this text in them, whatever its case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

/// The lines that were asked for, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The lines.
    pub lines: Vec<Line>,
    /// The oldest and the newest number that are kept; older ones were let go, and the file beside the journal
    /// says so where it was cut.
    pub kept: (u64, u64),
    /// When these numbers began: another engine counts anew.
    #[serde(default)]
    pub began: Timestamp,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 1, without gaps.
    pub n: u64,
    /// When.
    pub at: Timestamp,
    /// The step, where it belongs to one.
    pub step: Option<StepId>,
    /// How grave.
    pub level: Level,
    /// What, on one line, without anything that could draw on a terminal.
    pub text: String,
}

/// How grave a line is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// What is being done.
    #[default]
    Info,
    /// A thing to know: a retry, a doubt, a fence.
    Warn,
    /// Something failed.
    Error,
}
