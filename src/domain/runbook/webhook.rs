//! Where a run tells others how it stands, without being asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::secret::SecretRef;

/// An address that is sent to when something happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// A reference to the whole URL: whoever has it can write there.
    pub url: SecretRef,
    /// What it reads.
    #[serde(default)]
    pub format: Format,
    /// When it is sent to; always where nothing is said.
    #[serde(default = "Occasion::all")]
    pub on: Vec<Occasion>,
}

/// What a webhook reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Slack's, which Mattermost, Rocket.Chat and others read as well: an object with a `text`.
    #[default]
    Slack,
    /// For programs: the occasion, the service, the run, the step and the sentence, each by itself.
    Json,
}

/// Something that others want to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// An engine has the run.
    Started,
    /// The driver is waited for, or somebody's signature.
    Waiting,
    /// A step did not go on.
    Failed,
    /// Tenants' writes wait.
    Frozen,
    /// They go on again.
    Thawed,
    /// Every step is over.
    Done,
}

impl Occasion {
    /// Every one.
    pub fn all() -> Vec<Self> {
        vec![Self::Started, Self::Waiting, Self::Failed, Self::Frozen, Self::Thawed, Self::Done]
    }
}
