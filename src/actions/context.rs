//! What an action is handed: its step, the run's plan and state, and nothing else.
//!
//! [`Reading`] reads. [`Working`] also makes effects and checkpoints. [`Checking`] reads, and may make
//! scratch objects, which are journalled and cleaned up, by a resume too.

use std::future::Future;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Result;
use super::ports::{CrashPoint, Progress, Recorder};
use crate::domain::plain;
use crate::domain::{Event, Failure, Plan, RunId, RunState, SecretRef, StepId};
use crate::services::secrets;

/// What every phase of an action may ask.
#[derive(Clone)]
pub struct Reading {
    run: RunId,
    plan: Arc<Plan>,
    step: StepId,
    attempt: u32,
    directory: PathBuf,
    recorder: Arc<dyn Recorder>,
    cancel: CancellationToken,
}

/// What `apply` may do besides reading.
pub struct Working(Reading);

/// What `verify` may do besides reading.
pub struct Checking(Reading);

impl Reading {
    /// A context for one attempt at one step; `directory` is the run's state directory.
    pub fn new(
        (run, plan, directory): (RunId, Arc<Plan>, PathBuf),
        (step, attempt): (StepId, u32),
        recorder: Arc<dyn Recorder>,
        cancel: CancellationToken,
    ) -> Self {
        Self { run, plan, step, attempt, directory, recorder, cancel }
    }

    /// The same attempt, with leave to change the world.
    pub fn working(&self) -> Working {
        Working(self.clone())
    }

    /// The same attempt, with leave to make scratch objects.
    pub fn checking(&self) -> Checking {
        Checking(self.clone())
    }

    /// The same run, seen from another step: for an action that asks another's verify.
    #[must_use]
    pub fn as_step(&self, step: &StepId) -> Self {
        Self { step: step.clone(), ..self.clone() }
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The step's id.
    pub fn step_id(&self) -> &StepId {
        &self.step
    }

    /// The number of this try, from 1; 0 in a preview before the first.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The run's state as it stands.
    pub fn state(&self) -> RunState {
        self.recorder.state()
    }

    /// A directory of the step's own inside the run's state directory; not made here.
    pub fn directory(&self) -> PathBuf {
        self.directory.join(self.step.as_str())
    }

    /// A path of the runbook: `~/` is the home directory, relative ones start beside the runbook.
    pub fn path(&self, path: &Path) -> PathBuf {
        secrets::expand(path, &self.plan.directory())
    }

    /// A secret, fetched now.
    pub async fn secret(&self, reference: &SecretRef) -> Result<SecretString> {
        Ok(secrets::fetch(reference, &self.plan.directory()).await?)
    }

    /// A text input with each `${steps.ID.NAME}` replaced by that output.
    pub fn resolve(&self, text: &str) -> Result<String> {
        let mut rest = text;
        let mut resolved = String::new();
        while let Some((before, after)) = rest.split_once("${steps.") {
            let (reference, after) = after.split_once('}').ok_or_else(|| broken_reference(text))?;
            let (step, name) = reference.split_once('.').ok_or_else(|| broken_reference(text))?;
            let value = self.output(&StepId::from(step), name)?;
            resolved.push_str(before);
            resolved.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            rest = after;
        }
        resolved.push_str(rest);
        Ok(resolved)
    }

    /// An output of an earlier step.
    pub fn output(&self, step: &StepId, name: &str) -> Result<Value> {
        self.state().step(step).outputs.remove(name).ok_or_else(|| {
            Failure::permanent(format!("step `{step}` has no output `{name}` yet"))
                .next(format!("drive `{step}` first; an adopted step gives no outputs: write the value itself"))
        })
    }

    /// What the step noted under a key, in this attempt or an earlier one.
    pub fn checkpointed<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let value = self.state().step(&self.step).checkpoints.remove(key);
        value.map(serde_json::from_value).transpose().map_err(|why| {
            Failure::permanent(format!("the journal's checkpoint `{key}` is not what this version expects"))
                .because(why.to_string())
        })
    }

    /// Compares a service's identity with the one at first contact.
    pub fn recognise(&self, service: &str, identity: &str) -> Result<()> {
        match self.state().identities.get(service) {
            Some(known) if known != identity => {
                Err(Failure::refused(format!("{service} is not the one that this run began with"))
                    .because(format!("it was {known}, and is {identity} now"))
                    .next("put the runbook's address back, or begin a new run"))
            }
            _ => Ok(()),
        }
    }

    /// Shows how far something is.
    pub fn progress(&self, label: &str, done: u64, total: Option<u64>, unit: &'static str) {
        self.recorder.progress(Progress { step: self.step.clone(), label: label.to_owned(), done, total, unit });
    }

    /// The token that is cancelled when the driver asks to stop, or the step's time is over.
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// An interruption, if one was asked for: for loops that can stop between two pieces of work.
    pub fn check_cancelled(&self) -> Result<()> {
        if self.cancel.is_cancelled() { Err(Failure::interrupted()) } else { Ok(()) }
    }

    pub(super) fn record(&self, event: Event) -> Result<()> {
        self.recorder.record(event)
    }

    pub(super) fn pass(&self, effect: &str, point: CrashPoint) {
        self.recorder.pass(&self.step, effect, point);
    }
}

impl Working {
    /// The same attempt, deaf to a request to stop: for an abort, and for what can only go forward.
    #[must_use]
    pub fn unstoppable(&self) -> Self {
        Self(Reading { cancel: CancellationToken::new(), ..self.0.clone() })
    }

    /// Notes something to go on from, or to be undone with; durable when it returns.
    pub fn checkpoint<T: Serialize>(&self, key: &str, value: &T) -> Result<()> {
        let value = serde_json::to_value(value)
            .map_err(|why| Failure::permanent(format!("keep the checkpoint `{key}`")).because(why.to_string()))?;
        self.record(Event::Checkpoint { step: self.step.clone(), attempt: self.attempt, key: key.to_owned(), value })
    }

    /// Compares a service's identity with the one at first contact, and records it if this is the first.
    pub fn pin(&self, service: &str, identity: &str) -> Result<()> {
        self.recognise(service, identity)?;
        if self.state().identities.contains_key(service) {
            return Ok(());
        }
        let (service, identity) = (service.to_owned(), identity.to_owned());
        self.record(Event::Pinned { step: self.step.clone(), service, identity })
    }

    /// Keeps a line in the journal, whatever a program put into it: nothing in it draws on a terminal.
    pub fn log(&self, line: impl Into<String>) -> Result<()> {
        self.record(Event::Log { step: self.step.clone(), attempt: self.attempt, line: plain::lines(&line.into()) })
    }

    /// Records that a fence was shut (before it is) or opened (after it is); `status` names shut ones.
    pub fn fence(&self, service: &str, shut: bool) -> Result<()> {
        self.record(Event::Fence { step: self.step.clone(), service: service.to_owned(), shut })
    }

    /// Records the intent to open the target: from here on the source stays fenced.
    pub fn point_of_switching(&self) -> Result<()> {
        self.record(Event::PointOfSwitching { step: self.step.clone() })
    }
}

impl Checking {
    /// Works with a scratch object: journalled before it is made, removed afterwards, and removed first if
    /// an earlier attempt left it. The name has to be the same on every attempt.
    pub async fn scratch<T, R>(
        &self,
        kind: &str,
        name: &str,
        remove: impl Fn() -> R,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T>
    where
        R: Future<Output = Result<()>>,
    {
        let (step, kind, name) = (self.step.clone(), kind.to_owned(), name.to_owned());
        if self.state().step(&step).scratch.iter().any(|(k, n)| *k == kind && *n == name) {
            remove().await?;
        } else {
            self.record(Event::ScratchMade { step: step.clone(), kind: kind.clone(), name: name.clone() })?;
        }
        self.pass(&name, CrashPoint::Intent);
        let result = work.await;
        self.pass(&name, CrashPoint::Effect);
        remove().await?;
        self.record(Event::ScratchGone { step, kind, name })?;
        result
    }
}

impl Deref for Working {
    type Target = Reading;

    fn deref(&self) -> &Reading {
        &self.0
    }
}

impl Deref for Checking {
    type Target = Reading;

    fn deref(&self) -> &Reading {
        &self.0
    }
}

fn broken_reference(text: &str) -> Failure {
    Failure::permanent(format!("`{text}` is not a reference such as ${{steps.push.image}}"))
}
