//! The inputs of each action, as written under `[step.with]`.
//!
//! A text input may name an earlier step's output as `${steps.ID.NAME}`; the engine puts it in when the
//! step starts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::defaults;
use crate::domain::period::Period;
use crate::domain::secret::SecretRef;

/// `mysql.snapshot`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Connections that read at the same time.
    #[serde(default = "defaults::four")]
    #[schemars(range(min = 1))]
    pub workers: usize,
    /// Size of a chunk, in MiB of rows before compression.
    #[serde(default = "defaults::chunk")]
    #[schemars(range(min = 1))]
    pub chunk_mib: u64,
    /// Image of a throw-away MySQL server into which verify restores the snapshot.
    pub scratch_image: String,
}

/// `mysql.prepare`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prepare {
    /// How long both servers keep their binary logs, in hours.
    #[schemars(range(min = 1))]
    pub binlog_retention_hours: u32,
}

/// `dns.lower-ttl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LowerTtl {
    /// The TTL during the migration.
    pub ttl: Period,
}

/// `kubernetes.adopt`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// How many nodes have to be Ready.
    #[serde(default = "defaults::two")]
    #[schemars(range(min = 1))]
    pub nodes: usize,
    /// How long to wait for a cluster that is still being made.
    #[serde(default = "defaults::wait")]
    pub wait: Period,
}

/// `docker.build`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Containerise {
    /// The backend's directory, beside the runbook unless absolute.
    pub context: PathBuf,
    /// Its Dockerfile, inside the context.
    pub dockerfile: Option<PathBuf>,
    /// A template of ours instead: `debian`.
    pub template: Option<String>,
    /// The base image of the template.
    pub base: Option<String>,
    /// The platform of the nodes: `linux/amd64`.
    #[serde(default = "defaults::platform")]
    pub platform: String,
    /// The port that the program listens on.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// The liveness path.
    pub live: String,
    /// The readiness path.
    pub ready: String,
    /// The environment variable that holds the database's URL.
    pub database_env: String,
    /// More environment for the trial container.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Image of a throw-away MySQL server for the trial.
    pub scratch_image: String,
    /// The step whose snapshot gives the trial its schema.
    pub snapshot: String,
}

/// `registry.push`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// The image: usually `${steps.containerise.image}`.
    pub image: String,
    /// The tag; the run's id where it is not given.
    pub tag: Option<String>,
}

/// `ingress.install`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ingress {
    /// The controller's image, as the nodes pull it.
    pub image: String,
    /// The ingress class.
    #[serde(default = "defaults::class")]
    pub class: String,
    /// The controller's namespace.
    #[serde(default = "defaults::ingress_namespace")]
    pub namespace: String,
    /// Controller pods.
    #[serde(default = "defaults::two")]
    #[schemars(range(min = 1))]
    pub replicas: usize,
    /// The certificate chain, in PEM.
    pub certificate: SecretRef,
    /// Its key, in PEM.
    pub key: SecretRef,
    /// Annotations for the Service of type LoadBalancer.
    #[serde(default)]
    pub service_annotations: BTreeMap<String, String>,
}

/// `kubernetes.deploy`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deploy {
    /// The image by digest: usually `${steps.push.image}`.
    pub image: String,
    /// The ingress class; `nginx` where it is not given.
    #[serde(default = "defaults::class")]
    pub class: String,
    /// The port that the program listens on.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// The liveness path.
    pub live: String,
    /// The readiness path.
    pub ready: String,
    /// The environment variable that holds the database's URL.
    pub database_env: String,
    /// What follows the database's name in that URL: `?ssl=true`.
    #[serde(default)]
    pub database_url_suffix: String,
    /// The environment variable that tells the program its build: it gets the image's digest.
    pub build_env: String,
    /// More environment for every pod.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Environment that makes a pod serve requests and run no background jobs.
    #[serde(default)]
    pub web_env: BTreeMap<String, String>,
    /// Environment that makes a pod run the background jobs; no such deployment where it is empty.
    #[serde(default)]
    pub jobs_env: BTreeMap<String, String>,
    /// Pods at the least.
    #[serde(default = "defaults::two")]
    #[schemars(range(min = 1))]
    pub replicas: usize,
    /// Pods at the most.
    #[serde(default = "defaults::six")]
    #[schemars(range(min = 1))]
    pub max_replicas: usize,
    /// The autoscaler's aim, percent of the requested CPU.
    #[serde(default = "defaults::cpu_target")]
    #[schemars(range(min = 1))]
    pub cpu_target: u8,
    /// Requested CPU: `100m`.
    #[serde(default = "defaults::cpu")]
    pub cpu: String,
    /// Requested memory, also the limit: `256Mi`.
    #[serde(default = "defaults::memory")]
    pub memory: String,
}

/// `mysql.restore`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// Connections that read and load at the same time.
    #[serde(default = "defaults::four")]
    #[schemars(range(min = 1))]
    pub workers: usize,
    /// Size of a chunk, in MiB of rows before compression.
    #[serde(default = "defaults::chunk")]
    #[schemars(range(min = 1))]
    pub chunk_mib: u64,
    /// The replica is caught up when it is less than this behind.
    #[serde(default = "defaults::lag")]
    pub max_lag: Period,
    /// How long a verification is good for.
    #[serde(default = "defaults::expiry")]
    pub verify_expiry: Period,
    /// The share of the time in which the verification asks the servers anything, in percent, 1 to 100: less leaves
    /// more of them to the tenants, and takes as much longer.
    #[serde(default = "defaults::half")]
    #[schemars(range(min = 1, max = 100))]
    pub verify_busy_percent: u8,
}

/// `dns.switch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// The new answer: usually `${steps.ingress.address}`.
    pub address: String,
    /// The hosted zone of the load balancer, for an alias record.
    pub alias_zone: Option<String>,
    /// The longest that writes may wait.
    #[serde(default = "defaults::budget")]
    pub budget: Period,
    /// The switch does not begin while the replica is further behind than this.
    #[serde(default = "defaults::lag")]
    pub max_lag: Period,
    /// End statements that run at the fence, rather than wait for them until the budget is over.
    #[serde(default)]
    pub end_blockers: bool,
    /// No front: clients with the old answer fail until they resolve again, accepted by this phrase.
    pub accept_without_front: Option<String>,
    /// The source cannot follow the target (it is older): no way back without loss, accepted by this phrase.
    pub accept_no_way_back: Option<String>,
}

/// `settle`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// How long the service is watched before the way back is closed.
    pub soak: Period,
    /// The share of failed probes that ends the soak, percent.
    #[serde(default = "defaults::one")]
    pub max_failed_percent: u8,
    /// The TTL afterwards; the one found before the migration where it is not given.
    pub ttl: Option<Period>,
    /// Programs that stop what is left of the old stack, one after the other.
    #[serde(default)]
    pub stop_source: Vec<Vec<String>>,
}

/// `manual`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manual {
    /// What to do, in words for the person who does it.
    pub instructions: String,
    /// What to type in as evidence; nothing where it is not given.
    pub evidence: Option<String>,
    /// Evidence given beforehand: for rehearsals only.
    pub rehearsed_evidence: Option<String>,
    /// A program whose exit code 0 says that it is done.
    pub probe: Option<Vec<String>>,
    /// After `dns.switch`: it waits until the front at the old address relayed nothing for one TTL.
    #[serde(default)]
    pub when_unused: bool,
    /// Clients still came when it had waited: they are given up by this phrase.
    pub accept_relayed: Option<String>,
}

impl Manual {
    /// The evidence that the step has: what was typed in, or else, outside production, what was given beforehand.
    pub fn evidence_of(&self, typed: Option<&str>, production: bool) -> Option<String> {
        let typed = typed.filter(|text| !text.trim().is_empty()).map(str::to_owned);
        typed.or_else(|| self.rehearsed_evidence.clone().filter(|_| !production))
    }
}

/// `command`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The program and its arguments.
    pub run: Vec<String>,
    /// A program whose exit code 0 says that it is done: asked before, in doubt, and afterwards.
    pub check: Vec<String>,
    /// A program that takes it back.
    pub undo: Option<Vec<String>>,
    /// Environment, as references to secrets.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretRef>,
}
