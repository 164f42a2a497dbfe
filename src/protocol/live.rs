//! What is known only while an engine lives: progress, figures of companions, who is looking on.
//!
//! None of it is in the journal; where it is lost, it is measured anew.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::StepId;
use crate::domain::limit::Limit;

/// How many samples of a rate are kept: a sparkline's width.
pub const SAMPLES: usize = 60;

/// The living part of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Live {
    /// What is being counted, in the order in which it began, by step.
    pub meters: BTreeMap<StepId, Vec<Meter>>,
    /// The last figures of what finished steps left running.
    pub companions: BTreeMap<StepId, Companion>,
    /// What can run out between two steps, as last looked at.
    pub limits: Vec<Limit>,
    /// The process that starts the engine again should it die behind a fence; nothing where none does.
    pub supervisor: Option<Supervisor>,
    /// When the driver's client was last heard of; nothing where it never was.
    pub driver_seen: Option<Timestamp>,
    /// Who asks for the wheel.
    pub asking: Option<Asking>,
    /// So many clients look on, the driver's among them.
    pub clients: u32,
    /// The step that the engine is looking at before it starts it.
    pub looking_at: Option<StepId>,
    /// Figures from before then were let go; nothing where all of them are kept.
    pub since: Option<Timestamp>,
}

/// The process that watches over the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Supervisor {
    /// Its number.
    pub pid: i32,
    /// Whether it is still there.
    pub alive: bool,
}

/// One thing being counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meter {
    /// What is being done: `load orders`.
    pub label: String,
    /// So much is done.
    pub done: u64,
    /// Of so much, where that is known.
    pub total: Option<u64>,
    /// Of what: `rows`, `bytes`, `layers`, `s`.
    pub unit: String,
    /// So much a second, over the last seconds.
    pub rate: f64,
    /// So much longer, in seconds.
    pub eta_s: Option<f64>,
    /// The rate of the last minute, a sample each second, the newest last.
    pub samples: Vec<f64>,
    /// When it last moved.
    pub moved: Timestamp,
}

/// The health of something left running, with its figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Companion {
    /// Whether later steps may rely on it.
    pub healthy: bool,
    /// In a reader's words: `0.2 s behind, 0 transactions to apply`.
    pub detail: String,
    /// When it was looked at.
    pub at: Timestamp,
}

/// Somebody who wants to drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub at: Timestamp,
    /// Whether the driver offers it to them: they have only to take it.
    #[serde(default)]
    pub offered: bool,
}
