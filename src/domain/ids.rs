//! Names that must not be mixed up: the run and its steps.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One migration being driven; also the ownership label on everything it makes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

/// A step of the runbook, by the id its author gave it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StepId(pub String);

impl RunId {
    /// The id as text, fit for labels and lock names (lower-case letters, digits, dashes).
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl StepId {
    /// The id as the runbook's author wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for StepId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}
