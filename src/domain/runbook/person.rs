//! The people of a migration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody who takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The name that they drive, watch and approve under.
    pub name: String,
    /// What they are here for: `lead`, `dba`, `on-call`. Approvals are asked of a role.
    pub role: String,
    /// How to reach them at four in the morning.
    pub phone: Option<String>,
    /// Their SSH public key, as in `authorized_keys`: what they sign approvals with.
    pub key: Option<String>,
}

impl Person {
    /// Whether that is their name, however it was typed.
    pub fn goes_by(&self, name: &str) -> bool {
        Self::is_one(&self.name, name)
    }

    /// Whether two names are one person's: `Anna ` and `anna` are.
    pub fn is_one(name: &str, other: &str) -> bool {
        name.trim().to_lowercase() == other.trim().to_lowercase()
    }
}
