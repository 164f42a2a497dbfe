//! Where a run stands, ready to be drawn. Times are the engine's own; a client counts ages from `at`.

mod risk;
mod step;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::live::Asking;
use crate::domain::seat::Note;
use crate::domain::state::Status;
use crate::domain::{StepId, figure};
pub use risk::{Level, Risk};
pub use step::{Approved, Choice, Direction, Gate, Origin, Part, PartState, Point, Step, Undo};

/// Where a run stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// [`super::VERSION`].
    pub protocol: u32,
    /// The last event of the journal that is in it.
    pub seq: u64,
    /// The engine's clock when it was made.
    pub at: Timestamp,
    /// A look back at an earlier place of the journal: nothing can be commanded from it.
    pub past: bool,
    /// The run's id.
    pub run: String,
    /// The runbook's file.
    pub runbook: String,
    /// The service that moves, and the name by which tenants find it.
    pub service: String,
    /// See [`View::service`].
    pub host: String,
    /// `production`, `lab`, or a name of the team's own.
    pub environment: String,
    /// Whether mistakes reach customers.
    pub production: bool,
    /// The process that carries out commands.
    pub engine: Option<Engine>,
    /// Who drives.
    pub driver: Option<Driver>,
    /// So many clients look on.
    pub clients: u32,
    /// Where it stands, in one sentence.
    pub sentence: Sentence,
    /// The step that the driver would act on next: what waits, what failed, what runs.
    pub current: Option<StepId>,
    /// Whom the run talks to: service and identity.
    pub identities: Vec<(String, String)>,
    /// Fences that are shut: the service, and the step that shut it.
    pub fences: Vec<(String, StepId)>,
    /// The one of them that keeps tenants from writing: the other side's is what they are safe behind.
    #[serde(default)]
    pub barred: Option<String>,
    /// Writes wait, or waited in the last try of a switch.
    pub freeze: Option<Freeze>,
    /// Whether the point of switching is passed.
    pub switched: bool,
    /// Every step, in order.
    pub steps: Vec<Step>,
    /// What can run out or break, nearest limit first.
    pub risks: Vec<Risk>,
    /// When it will be over.
    pub forecast: Option<Forecast>,
    /// What people said lately, oldest first.
    pub notes: Vec<Note>,
    /// Hands that are up.
    pub hands: Vec<Hand>,
    /// What rollbacks left on purpose: what and why.
    pub kept: Vec<(String, String)>,
    /// Figures of the time before this were let go: a look back has none. Nothing where all of them are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures_since: Option<Timestamp>,
}

/// The engine's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// The login that started it.
    pub who: String,
    /// Its machine.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
    /// So many engines of this run died before it.
    pub deaths: u32,
    /// Whether it still has the journal.
    pub alive: bool,
}

/// Who drives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Driver {
    /// The name given with `--as`, or the login name.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
    /// When their client was last heard of.
    pub seen: Option<Timestamp>,
    /// Whether it has been silent for so long that the wheel can be taken.
    pub silent: bool,
    /// Who asks for the wheel.
    pub asking: Option<Asking>,
}

/// One sentence, and what it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// For its colour and symbol.
    pub mood: Mood,
    /// `WAITING FOR YOU: confirm dns, window closes in 12 min`.
    pub text: String,
}

/// What a sentence is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    /// Nothing is asked of anybody.
    #[default]
    Calm,
    /// Something runs.
    Running,
    /// The driver is waited for.
    You,
    /// Something failed.
    Failed,
    /// Tenants cannot write.
    Frozen,
    /// Every step is over.
    Done,
}

/// The time in which writes wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Freeze {
    /// The step.
    pub step: StepId,
    /// Since when.
    pub since: Timestamp,
    /// When writes went on again.
    pub ended: Option<Timestamp>,
    /// The longest it may last, in seconds.
    pub budget_s: f64,
    /// How long it lasted in the last rehearsal, in seconds.
    pub rehearsed_s: Option<f64>,
    /// Whether the point of switching was passed in it: an abort is no more.
    pub switched: bool,
}

/// When all of it will be over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// The work that is left, in seconds: at the best and at the worst.
    pub left_s: (f64, f64),
    /// What it comes from: `2 rehearsals`, `the runbook's guess`.
    pub from: String,
    /// By when it has to be over.
    pub deadline: Option<Timestamp>,
    /// What is left between the worst end and the deadline, in seconds; negative where it is too late.
    pub slack_s: Option<f64>,
    /// The first step whose window closes before the run comes there at the worst, and by how much, in seconds.
    #[serde(default)]
    pub misses: Option<(StepId, f64)>,
    /// The step that took most more than planned, and how much, in seconds.
    pub eaten_by: Option<(StepId, f64)>,
}

/// A raised hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hand {
    /// Its place in the journal: what an answer names.
    pub hand: u64,
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub by: String,
    /// Why.
    pub text: String,
}

impl Forecast {
    /// The work that is left, in words.
    pub fn left(&self) -> String {
        format!("{} left", figure::range(self.left_s.0, self.left_s.1))
    }

    /// What is left until the deadline, in words; nothing where there is none.
    pub fn slack(&self) -> Option<String> {
        self.slack_s.map(|slack| match slack {
            ..0.0 => format!("{} TOO LATE", figure::seconds(-slack)),
            _ => format!("slack {}", figure::rough(slack)),
        })
    }
}

impl Sentence {
    /// The sentence as it is told to those who do not drive.
    pub fn to_others(&self, driver: Option<&Driver>) -> String {
        match self.text.strip_prefix("WAITING FOR YOU") {
            Some(rest) => format!("WAITING FOR {}{rest}", driver.map_or("A DRIVER", |driver| &driver.name)),
            None => self.text.clone(),
        }
    }
}

impl View {
    /// Whether an engine has the journal.
    pub fn alive(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.alive)
    }

    /// The step that is under way, if any.
    pub fn running(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.status == Status::Running)
    }

    /// Who asks for the wheel and waits for the driver's answer.
    pub fn asks_for_the_wheel(&self) -> Option<&Asking> {
        self.driver.as_ref()?.asking.as_ref().filter(|asking| !asking.offered)
    }

    /// How far the copy is behind, in the words of what keeps it.
    pub fn lag(&self) -> Option<&str> {
        let companion = self.steps.iter().rev().find_map(|step| step.companion.as_ref())?;
        // Of its words, those about how far it is behind; what else it says is in the step's own panel.
        companion.detail.split([',', ';']).map(str::trim).find(|part| part.contains("behind"))
    }

    /// The step that moves the tenants.
    pub fn switch(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.action == "dns.switch")
    }

    /// A step by its id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }
}
