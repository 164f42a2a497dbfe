//! One thing that the preflight looked at: what a later step needs, what was seen, and the exact fix.
//!
//! A [`super::Check`] proves a step that was made; a finding speaks of one that may be days away. So it can
//! also say "not there yet", which is no fault: an earlier step of the runbook makes it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ids::StepId;

/// A fact that some step of the runbook needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whose fact it is: `source MySQL`, `Kubernetes`.
    pub service: String,
    /// What it is about.
    pub topic: Topic,
    /// What has to hold: `the account may end sessions`.
    pub fact: String,
    /// How it stands.
    pub standing: Standing,
    /// What was seen.
    pub value: String,
    /// What it is held against, where it is a figure or a setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// The exact fix: a statement, a parameter with its value, a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The step that will make it, where it is not there yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// A login works, and as whom.
    Access,
    /// What the account may do.
    Privileges,
    /// Releases that fit together.
    Version,
    /// Settings of a server.
    Parameters,
    /// What is in the way inside a database: tables that replication cannot carry, rows that are there.
    Content,
    /// Free space.
    Disk,
    /// Clocks against this machine's.
    Clock,
    /// How long answers are kept.
    Ttl,
    /// Whose an object is.
    Owner,
    /// Whether an address is reached from here, and how fast.
    Reach,
    /// How long writes would wait, as far as it can be known.
    Freeze,
}

/// How a fact stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It holds.
    Green,
    /// It does not, and nobody but a person will mend it.
    Red,
    /// It does not, and an earlier step of the runbook makes it.
    NotYet,
    /// Worth knowing; nothing has to be done.
    Noted,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Access => "access",
            Self::Privileges => "privileges",
            Self::Version => "version",
            Self::Parameters => "parameters",
            Self::Content => "content",
            Self::Disk => "disk",
            Self::Clock => "clock",
            Self::Ttl => "ttl",
            Self::Owner => "owner",
            Self::Reach => "reach",
            Self::Freeze => "freeze",
        })
    }
}

/// How many findings there are of each standing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// [`Standing::Green`].
    pub green: usize,
    /// [`Standing::Red`].
    pub red: usize,
    /// [`Standing::NotYet`].
    pub not_yet: usize,
    /// [`Standing::Noted`].
    pub noted: usize,
}

impl Tally {
    /// Counts them.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut tally = Self::default();
        for finding in findings {
            *match finding.standing {
                Standing::Green => &mut tally.green,
                Standing::Red => &mut tally.red,
                Standing::NotYet => &mut tally.not_yet,
                Standing::Noted => &mut tally.noted,
            } += 1;
        }
        tally
    }
}
