//! One step, ready to be drawn.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use crate::domain::state::{Direction, Status};

use crate::domain::runbook::Window;
use crate::domain::{Check, Failure, StepId};
use crate::protocol::live::{Companion, Meter};

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// Its action's name.
    pub action: String,
    /// Who answers for it.
    pub owner: String,
    /// The planned day, 1 to 7.
    pub day: u8,
    /// Its status.
    pub status: Status,
    /// Which way it was last driven.
    pub direction: Direction,
    /// The last attempt, from 1; 0 where there was none.
    pub attempt: u32,
    /// When the first attempt started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How long it took, or has been at it, in seconds.
    pub took_s: Option<f64>,
    /// How long it is planned to take, in seconds, and where that figure comes from.
    pub planned_s: Option<(f64, Origin)>,
    /// How far it is, 0 to 1: by time where that is known, else by what it counts now.
    pub fraction: Option<f64>,
    /// So much longer, in seconds, and where that figure comes from.
    pub left_s: Option<(f64, Origin)>,
    /// Since when what it counts stands still, where it does: then nobody knows how much longer.
    #[serde(default)]
    pub stands_since: Option<Timestamp>,
    /// What must be given before it starts.
    pub gate: Gate,
    /// What it did or is doing, in order.
    pub parts: Vec<Part>,
    /// What it counts.
    pub meters: Vec<Meter>,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// Why it did not go on.
    pub failure: Option<Failure>,
    /// What can be done now, none preselected; the recommended one says why.
    pub choices: Vec<Choice>,
    /// What it left running.
    pub companion: Option<Companion>,
    /// What undoing it would take and lose now, as far as it is known without looking.
    pub undo: Undo,
    /// A line that is crossed with it.
    pub point: Option<Point>,
    /// What it tells later steps, as text.
    pub outputs: Vec<(String, String)>,
}

/// Where a figure comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Measured in the rehearsal of that number.
    Rehearsal(u32),
    /// From how fast it goes now.
    Rate,
    /// What the runbook's author expects.
    Runbook,
    /// Measured in this run.
    Measured,
}

/// The conditions of a start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The driver confirms.
    pub confirm: bool,
    /// The driver types this.
    pub phrase: Option<String>,
    /// Only in this time.
    pub window: Option<Window>,
    /// Somebody with this role signs the preview first.
    pub approval: Option<String>,
    /// Who may: the people with that role and a key, but for the driver; each with a phone number, where it is known.
    pub approvers: Vec<String>,
    /// Who signed a preview for the next attempt, and until when that is good. Whether it is this preview shows
    /// its digest.
    pub approved: Vec<Approved>,
}

/// An approval for the next attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// Who.
    pub by: String,
    /// Of the preview with this digest.
    pub digest: String,
    /// Good until then.
    pub expires: Timestamp,
}

/// A change to the world inside a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its key in the journal.
    pub key: String,
    /// In a reader's words.
    pub summary: String,
    /// How far it came.
    pub state: PartState,
    /// How long it took, in seconds.
    pub seconds: Option<f64>,
    /// How long it took in the last rehearsal, in seconds.
    pub rehearsed_s: Option<f64>,
    /// When it began, while it is under way.
    pub since: Option<Timestamp>,
}

/// How far a change came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// Under way, or in doubt where nobody is at it.
    Doing,
    /// It happened.
    Done,
    /// It is known not to have happened.
    NotDone,
    /// It is being taken back.
    Undoing,
    /// It was taken back.
    Undone,
}

/// Something that the driver may do about a step now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The verb; what a key is bound to: `start`, `retry`, `adopt`, `roll_back`, `resume`, `stop`, `preview`.
    pub verb: String,
    /// What it does: `goes on with the load where it was, nothing is dropped`.
    pub effect: String,
    /// The way back from it.
    pub way_back: Option<String>,
    /// Why it is recommended; nothing where it is not.
    pub recommended: Option<String>,
}

/// What undoing a step takes and loses.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    /// Seconds, and where that figure comes from.
    pub takes_s: Option<(f64, Origin)>,
    /// Whether it can lose writes: then the way back's preview says how many.
    pub loses: bool,
    /// Why there is no way back; nothing where there is one.
    pub none: Option<String>,
}

/// A line that cannot be crossed back in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// From inside this step on, the source stays fenced.
    Switching,
    /// After this step, going back would lose something.
    NoReturn,
}
