//! Who is at the wheel, what was said, and whose hand is up.
//!
//! The driver commands; everybody else looks on, may leave a note, and may raise a hand, which holds the next
//! gate until the driver answers. All of it is in the journal, and so in the state.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How somebody came to drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taking {
    /// Nobody was driving.
    Free,
    /// The driver handed it over.
    HandedOver,
    /// The driver's terminal had gone silent.
    Silent,
}

/// The driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Driver {
    /// The name given with `--as`, or the login name.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
}

/// Something that somebody typed for everybody to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Its place in the journal.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What.
    pub text: String,
}

/// A raised hand, until it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hand {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub by: String,
    /// Why.
    pub text: String,
}

/// People and what they said, as folded from the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Who drives, if anybody does.
    pub driver: Option<Driver>,
    /// Notes, oldest first.
    pub notes: Vec<Note>,
    /// Hands that are up, by the place of their raising in the journal.
    pub hands: BTreeMap<u64, Hand>,
}
