//! One verified fact with its evidence.

use serde::{Deserialize, Serialize};

use super::plain;

/// A fact that was looked at after a step, or in preflight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was to hold: `every table equal at one GTID set`.
    pub fact: String,
    /// Whether it held.
    pub verdict: Verdict,
    /// What was seen: `7 tables, 41 chunks, GTID set ...:1-5123`.
    pub evidence: String,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It held.
    Passed,
    /// It did not.
    Failed,
    /// It could not be looked at here, or is expected to hold only later; says why in the evidence.
    Noted,
}

impl Check {
    /// A fact that held.
    pub fn passed(fact: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self::new(fact, Verdict::Passed, evidence)
    }

    /// A fact that did not hold.
    pub fn failed(fact: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self::new(fact, Verdict::Failed, evidence)
    }

    /// Something worth saying that is neither.
    pub fn noted(fact: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self::new(fact, Verdict::Noted, evidence)
    }

    /// Services put their own words into the evidence: nothing in it draws on a terminal.
    fn new(fact: impl Into<String>, verdict: Verdict, evidence: impl Into<String>) -> Self {
        Self { fact: plain::lines(&fact.into()), verdict, evidence: plain::lines(&evidence.into()) }
    }

    /// A fact that held or not.
    pub fn of(held: bool, fact: impl Into<String>, evidence: impl Into<String>) -> Self {
        if held { Self::passed(fact, evidence) } else { Self::failed(fact, evidence) }
    }

    /// Whether it failed.
    pub fn is_failed(&self) -> bool {
        self.verdict == Verdict::Failed
    }
}
