//! Exactly what a step would change, and its undo, read from the world before it starts.
//!
//! The digest covers what is stable: identities, settings, the objects a step changes. Sizes, positions,
//! counts and lag stand beside it in `figures`, because they move by themselves.

mod moved;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::condition::{Condition, Stands};
use super::risk::Risk;

/// What a step would do to the world as it stands now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// Which services, accounts and objects are talked to: name and identity.
    pub identities: Vec<(String, String)>,
    /// What would change, in order.
    pub changes: Vec<Change>,
    /// Settings that decide the outcome: name and value.
    pub settings: Vec<(String, String)>,
    /// How it would be undone, in a sentence or two.
    pub undo: String,
    /// Live figures shown beside it: sizes, estimates, lag. Not digested.
    #[serde(default)]
    pub figures: Vec<(String, String)>,
    /// What the driver has to know before saying yes. Not digested.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Its go/no-go board: what must hold before it begins. Not digested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// A loss or risk that only a typed phrase accepts; empty where there is none.
    #[serde(default)]
    pub accepts: Vec<Risk>,
    /// Of a way back: so many acknowledged writes would be lost. Not digested, because it moves; the engine
    /// asks for as much consent when it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loses: Option<u64>,
    /// How long it takes, in seconds, from what was measured in this run. Not digested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes: Option<f64>,
}

/// One change a step would make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What would happen to the object.
    pub verb: Verb,
    /// The object: `image 127.0.0.1:5077/shop/backend:run-1`, `record app.example. A`.
    pub object: String,
    /// From what to what, a line each; secrets only as changed or unchanged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detail: Vec<String>,
}

/// What would happen to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// It is not there yet.
    Create,
    /// It is there and would be different.
    Change,
    /// It would be gone.
    Remove,
    /// It is there already as wanted.
    Keep,
}

impl Preview {
    /// A preview that undoes in the way said.
    pub fn undone_by(undo: impl Into<String>) -> Self {
        Self { undo: undo.into(), ..Self::default() }
    }

    /// Adds a change.
    pub fn change(&mut self, verb: Verb, object: impl Into<String>, detail: Vec<String>) -> &mut Self {
        self.changes.push(Change { verb, object: object.into(), detail });
        self
    }

    /// Adds who is talked to.
    pub fn identity(&mut self, service: impl Into<String>, identity: impl Into<String>) -> &mut Self {
        self.identities.push((service.into(), identity.into()));
        self
    }

    /// Adds a setting that decides the outcome.
    pub fn setting(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Adds a live figure, not digested.
    pub fn figure(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        self.figures.push((name.into(), value.into()));
        self
    }

    /// The conditions that keep the step from starting.
    pub fn fails(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().filter(|condition| condition.stands == Stands::Fails)
    }

    /// Whether the step would start: no condition fails.
    pub fn is_go(&self) -> bool {
        self.fails().next().is_none()
    }

    /// The digest of the stable part, 64 hex digits.
    pub fn digest(&self) -> String {
        let stable = serde_json::json!([self.identities, self.changes, self.settings, self.undo, self.accepts]);
        hex::encode(Sha256::digest(stable.to_string()))
    }
}
