//! A runbook: the connections, and the ordered steps of one migration, as its author wrote them.
//!
//! These types are the single source of the runbook's form: the loader checks files against the JSON
//! Schema derived from them, and `cutover schema` prints the same for editors.

pub mod connections;
mod defaults;
pub mod gate;
pub mod inputs;
mod person;
pub mod step;
mod webhook;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use connections::{
    Account, Connections, Dns, Docker, Front, Kubernetes, MySql, Probe, Registry, Request, Service, Source, Target, Tls,
};
pub use gate::{Gate, Window};
pub use person::Person;
pub use step::{ActionSpec, Step};
pub use webhook::{Format, Occasion, Webhook};

/// One migration: what it talks to, and what is done in which order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runbook {
    /// A short name, used for the state directory: lower-case letters, digits, dashes.
    #[schemars(extend("format" = "short-name", "pattern" = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub name: String,
    /// `production`, or a name of your own such as `staging`. In `production`, `--yes` and `--phrase`
    /// work on a terminal only.
    pub environment: String,
    /// The date of day 1, as `2026-11-23`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub begins: Option<Date>,
    /// By when all of it has to be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub deadline: Option<Timestamp>,
    /// Who takes part.
    #[serde(default, rename = "person", skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<Person>,
    /// Whom the run tells how it stands.
    #[serde(default, rename = "webhook", skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<Webhook>,
    /// Whom each step talks to.
    #[serde(flatten)]
    pub connections: Connections,
    /// The steps, in the order in which they are driven.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

impl Runbook {
    /// Whether mistakes here reach customers.
    pub fn is_production(&self) -> bool {
        self.environment == "production"
    }
}
