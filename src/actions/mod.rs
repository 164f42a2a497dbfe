//! What each kind of step means: what it would change, how it is applied, how it is proved.
//!
//! The set of actions is the enum [`ActionSpec`]; each variant's inputs implement [`Action`], one module
//! an action. An action reaches the world through `services`, and the run only through the context that
//! it is handed ([`Reading`], [`Working`], [`Checking`]): every change to the outside is an
//! [`Working::effect`], with its intent on disk before and its outcome after.
//!
//! On resume an effect whose outcome is on disk is not done again, and returns what it returned; one that
//! is in doubt is looked for by its own `look`, first. So `apply` is written once, from start to end, and
//! goes on wherever it was.

mod access;
mod cluster;
mod containerise;
pub mod context;
mod deploy;
pub mod effect;
mod followers;
mod ingress;
pub mod limits;
pub mod names;
mod objects;
pub mod ports;
pub mod preflight;
mod push;
mod quiet;
mod restore;
mod sections;
mod servers;

mod command;
pub mod dns;
mod lower_ttl;
mod manual;
mod prepare;
mod program;
mod record;
mod settle;
mod snapshot;
mod stragglers;
pub mod undo;
mod unused;

use std::collections::BTreeMap;
use std::future::Future;

use serde_json::Value;

pub use context::{Checking, Reading, Working};
pub use effect::{Effect, Reality, again};
pub use ports::{CrashPoint, Progress, Recorder};

use crate::domain::runbook::ActionSpec;
use crate::domain::{Check, Failure, Preview};

/// What an action's parts return.
pub type Result<T> = std::result::Result<T, Failure>;

/// What later steps may use: a value for each name in [`ActionSpec::outputs`].
pub type Outputs = BTreeMap<String, Value>;

/// The health of what a step left running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether later steps may rely on it.
    pub healthy: bool,
    /// In a reader's words, with figures: `0.2 s behind, 0 transactions to apply`.
    pub detail: String,
}

/// What is worth watching beside the health of what a step left running.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// In a reader's words.
    pub words: Vec<String>,
    /// What only ever grows, with its name: the engine tells how fast.
    pub counts: Vec<(String, u64)>,
}

/// A kind of step.
pub trait Action: Sync {
    /// What would change, read from the world as it stands; changes nothing. A preview of a step that was
    /// half done shows what is there already as kept.
    fn preview(&self, cx: &Reading) -> impl Future<Output = Result<Preview>> + Send;

    /// Makes the changes, each an effect; goes on from what an earlier attempt did.
    fn apply(&self, cx: &Working) -> impl Future<Output = Result<Outputs>> + Send;

    /// Looks at the facts by another way than the one that wrote them.
    fn verify(&self, cx: &Checking) -> impl Future<Output = Result<Vec<Check>>> + Send;

    /// What taking the step back would change, take and lose, read from the world as it stands; changes
    /// nothing. An error says that there is no way back now, and why.
    fn way_back(&self, cx: &Reading) -> impl Future<Output = Result<Preview>> + Send {
        async move { Ok(undo::by_effects(cx)) }
    }

    /// Takes the step back, from what its effects recorded, and looks at what is there then. Safe where the
    /// step was half done, or half taken back, or never began.
    fn rollback(&self, cx: &Working) -> impl Future<Output = Result<Vec<Check>>> + Send {
        async move { undo::nothing_stands(cx) }
    }

    /// The health of what the step left running; nothing where it left nothing.
    fn companion(&self, _cx: &Reading) -> impl Future<Output = Result<Option<Health>>> + Send {
        async { Ok(None) }
    }

    /// What to watch beside it; asked for now and then, because it costs others something. It cannot fail: what does
    /// not answer is a word.
    fn watched(&self, _cx: &Reading) -> impl Future<Output = Watched> + Send {
        async { Watched::default() }
    }
}

macro_rules! dispatch {
    ($spec:expr, $inputs:ident => $call:expr) => {
        match $spec {
            ActionSpec::Snapshot($inputs) => $call,
            ActionSpec::Prepare($inputs) => $call,
            ActionSpec::LowerTtl($inputs) => $call,
            ActionSpec::Cluster($inputs) => $call,
            ActionSpec::Containerise($inputs) => $call,
            ActionSpec::Push($inputs) => $call,
            ActionSpec::Ingress($inputs) => $call,
            ActionSpec::Deploy($inputs) => $call,
            ActionSpec::Restore($inputs) => $call,
            ActionSpec::Switch($inputs) => $call,
            ActionSpec::Settle($inputs) => $call,
            ActionSpec::Manual($inputs) => $call,
            ActionSpec::Command($inputs) => $call,
        }
    };
}

impl Action for ActionSpec {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        dispatch!(self, inputs => inputs.preview(cx).await)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        dispatch!(self, inputs => inputs.apply(cx).await)
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        dispatch!(self, inputs => inputs.verify(cx).await)
    }

    async fn way_back(&self, cx: &Reading) -> Result<Preview> {
        dispatch!(self, inputs => inputs.way_back(cx).await)
    }

    async fn rollback(&self, cx: &Working) -> Result<Vec<Check>> {
        dispatch!(self, inputs => inputs.rollback(cx).await)
    }

    async fn companion(&self, cx: &Reading) -> Result<Option<Health>> {
        dispatch!(self, inputs => inputs.companion(cx).await)
    }

    async fn watched(&self, cx: &Reading) -> Watched {
        dispatch!(self, inputs => inputs.watched(cx).await)
    }
}
