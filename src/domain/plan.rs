//! A runbook that was found to be without fault, with what identifies it.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::ids::StepId;
use super::runbook::{Runbook, Step};

/// A runbook ready to be driven.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The runbook, all references to values resolved.
    pub runbook: Arc<Runbook>,
    /// The file that it came from.
    pub file: PathBuf,
    /// The digest of its meaning, 64 hex digits: comments and layout do not count.
    pub digest: String,
}

impl Plan {
    /// A plan of a runbook without fault.
    pub fn new(runbook: Runbook, file: PathBuf) -> Self {
        let digest = digest(&runbook);
        Self { runbook: Arc::new(runbook), file, digest }
    }

    /// The step of that id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.runbook.steps.iter().find(|step| &step.id == id)
    }

    /// The first step with that action, by the action's name.
    pub fn step_with_action(&self, name: &str) -> Option<&Step> {
        self.runbook.steps.iter().find(|step| step.action.name() == name)
    }

    /// The directory that relative paths in the runbook start from.
    pub fn directory(&self) -> PathBuf {
        match self.file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        }
    }

    /// The digest of one step with the connections it may use: what a driver agrees to.
    pub fn step_digest(&self, step: &Step) -> String {
        digest(&(&self.runbook.connections, step))
    }
}

fn digest(value: &impl serde::Serialize) -> String {
    // A runbook is made of strings, numbers and maps with string keys: it always has a JSON form.
    let text = serde_json::to_string(value).unwrap_or_default();
    hex::encode(Sha256::digest(text))
}
