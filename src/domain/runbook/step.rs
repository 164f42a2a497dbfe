//! A step: one use of an action, with its inputs, gate, owner and bounds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gate::Gate;
use super::inputs;
use crate::domain::ids::StepId;
use crate::domain::period::Period;

/// One use of an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its id, unique in the runbook.
    pub id: StepId,
    /// What kind of step it is, and its inputs.
    #[serde(flatten)]
    pub action: ActionSpec,
    /// What must be given before it starts.
    #[serde(default)]
    pub gate: Gate,
    /// Who answers for it.
    pub owner: String,
    /// The longest that one attempt may take.
    #[serde(default = "timeout")]
    pub timeout: Period,
    /// How long the team expects it to take: the first guess of the forecast, until a rehearsal has measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Period>,
    /// How often a transient failure is tried again.
    #[serde(default = "retries")]
    pub retries: u32,
    /// The planned day of the week of the migration, 1 to 7.
    #[schemars(range(min = 1, max = 7))]
    pub day: u8,
}

/// The kinds of step, each with its inputs under `with`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", content = "with")]
pub enum ActionSpec {
    /// A consistent snapshot of the source, to disk.
    #[serde(rename = "mysql.snapshot")]
    Snapshot(inputs::Snapshot),
    /// What replication needs, on both servers.
    #[serde(rename = "mysql.prepare")]
    Prepare(inputs::Prepare),
    /// The record's TTL lowered ahead of the switch.
    #[serde(rename = "dns.lower-ttl")]
    LowerTtl(inputs::LowerTtl),
    /// A cluster adopted from a kubeconfig context.
    #[serde(rename = "kubernetes.adopt")]
    Cluster(inputs::Cluster),
    /// The backend's image built.
    #[serde(rename = "docker.build")]
    Containerise(inputs::Containerise),
    /// The image pushed to the registry.
    #[serde(rename = "registry.push")]
    Push(inputs::Push),
    /// The NGINX ingress controller installed.
    #[serde(rename = "ingress.install")]
    Ingress(inputs::Ingress),
    /// The backend deployed by digest.
    #[serde(rename = "kubernetes.deploy")]
    Deploy(inputs::Deploy),
    /// A second snapshot loaded into the target, followed by replication.
    #[serde(rename = "mysql.restore")]
    Restore(inputs::Restore),
    /// The switch.
    #[serde(rename = "dns.switch")]
    Switch(inputs::Switch),
    /// The soak, and the end of the old stack.
    #[serde(rename = "settle")]
    Settle(inputs::Settle),
    /// Work that people do.
    #[serde(rename = "manual")]
    Manual(inputs::Manual),
    /// A program of one's own.
    #[serde(rename = "command")]
    Command(inputs::Command),
}

impl ActionSpec {
    /// The action's name as written in a runbook.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Snapshot(_) => "mysql.snapshot",
            Self::Prepare(_) => "mysql.prepare",
            Self::LowerTtl(_) => "dns.lower-ttl",
            Self::Cluster(_) => "kubernetes.adopt",
            Self::Containerise(_) => "docker.build",
            Self::Push(_) => "registry.push",
            Self::Ingress(_) => "ingress.install",
            Self::Deploy(_) => "kubernetes.deploy",
            Self::Restore(_) => "mysql.restore",
            Self::Switch(_) => "dns.switch",
            Self::Settle(_) => "settle",
            Self::Manual(_) => "manual",
            Self::Command(_) => "command",
        }
    }

    /// The sections of the runbook that the action cannot do without.
    pub fn needs(&self) -> &'static [&'static str] {
        match self {
            Self::Snapshot(_) => &["source"],
            Self::Prepare(_) | Self::Restore(_) => &["source", "target"],
            Self::LowerTtl(_) => &["dns"],
            Self::Cluster(_) => &["kubernetes"],
            Self::Push(_) => &["registry"],
            Self::Ingress(_) => &["kubernetes", "registry"],
            Self::Deploy(_) => &["kubernetes", "registry", "source", "target"],
            Self::Switch(_) | Self::Settle(_) => &["source", "target", "kubernetes", "dns", "probe"],
            Self::Containerise(_) | Self::Manual(_) | Self::Command(_) => &[],
        }
    }

    /// The outputs that later steps may use as `${steps.ID.NAME}`.
    pub fn outputs(&self) -> &'static [&'static str] {
        match self {
            Self::Snapshot(_) => &["directory", "gtid_set"],
            Self::LowerTtl(_) => &["old_ttl_over_at"],
            Self::Containerise(_) => &["image", "id"],
            Self::Push(_) => &["image", "digest"],
            Self::Ingress(_) => &["address", "controller"],
            Self::Deploy(_) => &["digest"],
            Self::Restore(_) => &["gtid_set"],
            Self::Switch(_) => &["freeze_seconds", "freeze_handler_reads", "switched_at"],
            Self::Manual(_) => &["evidence"],
            Self::Prepare(_) | Self::Cluster(_) | Self::Settle(_) | Self::Command(_) => &[],
        }
    }
}

const fn timeout() -> Period {
    Period::seconds(3600)
}

const fn retries() -> u32 {
    2
}
