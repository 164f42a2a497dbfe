//! One step driven without an engine: its actions over a journal that lives in memory.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, Mutex};

use cutover::actions::{Action, CrashPoint, Health, Outputs, Progress, Reading, Recorder};
use cutover::domain::event::{Consent, ConsentKind, Recorded};
use cutover::domain::runbook::Runbook;
use cutover::domain::{Check, Event, Failure, Plan, Preview, RunId, RunState, StepId};
use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;

/// A journal in memory.
#[derive(Default)]
pub struct Memory {
    inner: Mutex<(Vec<Recorded>, RunState)>,
    /// Where the engine is to die.
    crash_at: Mutex<Option<(String, CrashPoint)>>,
    /// What it said that it was at, last.
    at: Mutex<String>,
}

impl Memory {
    fn put(&self, event: Event) {
        let mut inner = self.inner.lock().unwrap();
        let seq = inner.0.len() as u64 + 1;
        let recorded = Recorded { seq, at: jiff::Timestamp::now(), event };
        inner.1.fold(&recorded);
        inner.0.push(recorded);
    }

    /// Everything recorded, as JSON: to look for what must not be in it.
    pub fn text(&self) -> String {
        serde_json::to_string(&self.inner.lock().unwrap().0).unwrap()
    }
}

impl Memory {
    /// Waits until a step says that it is at this, from now on.
    pub async fn until_at(&self, label: &str) {
        self.at.lock().unwrap().clear();
        while *self.at.lock().unwrap() != label {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

impl Recorder for Memory {
    fn record(&self, event: Event) -> Result<(), Failure> {
        self.put(event);
        Ok(())
    }

    fn state(&self) -> RunState {
        self.inner.lock().unwrap().1.clone()
    }

    fn progress(&self, progress: Progress) {
        *self.at.lock().unwrap() = progress.label;
    }

    fn pass(&self, _step: &StepId, effect: &str, point: CrashPoint) {
        let here = (effect.to_owned(), point);
        let dies = self.crash_at.lock().unwrap().take_if(|crash_at| *crash_at == here).is_some();
        assert!(!dies, "{DEATH}");
    }
}

/// What an engine says that dies where it was asked to.
const DEATH: &str = "the engine dies here";

/// A run of a runbook, step by step.
pub struct Drive {
    pub memory: Arc<Memory>,
    pub plan: Arc<Plan>,
    run: RunId,
    directory: tempfile::TempDir,
}

impl Drive {
    /// A run `run` of this runbook; its relative paths start from `beside`.
    pub fn new(run: &str, runbook: &str, beside: &Path) -> Self {
        let runbook: Runbook = toml::from_str(runbook).unwrap();
        let plan = Arc::new(Plan::new(runbook, beside.join("runbook.toml")));
        Self { memory: Arc::default(), plan, run: RunId(run.to_owned()), directory: tempfile::tempdir().unwrap() }
    }

    /// Goes on with another version of the runbook.
    pub fn replanned(&mut self, runbook: &str) {
        let runbook: Runbook = toml::from_str(runbook).unwrap();
        self.plan = Arc::new(Plan::new(runbook, self.plan.file.clone()));
    }

    /// What an action of `step` is handed.
    pub fn context(&self, step: &str) -> Reading {
        let attempt = self.memory.state().step(&StepId::from(step)).attempt;
        Reading::new(
            (self.run.clone(), Arc::clone(&self.plan), self.directory.path().to_owned()),
            (StepId::from(step), attempt),
            self.memory.clone(),
            CancellationToken::new(),
        )
    }

    fn action(&self, step: &str) -> &impl Action {
        &self.plan.step(&StepId::from(step)).unwrap().action
    }

    /// Takes a step as applied, with these outputs.
    pub fn given(&self, step: &str, outputs: Outputs) {
        self.memory.put(Event::Applied { step: StepId::from(step), attempt: 0, outputs });
    }

    pub async fn preview(&self, step: &str) -> Result<Preview, Failure> {
        self.action(step).preview(&self.context(step)).await
    }

    /// Begins an attempt and applies the step.
    pub async fn apply(&self, step: &str) -> Result<Outputs, Failure> {
        let id = StepId::from(step);
        let attempt = self.memory.state().step(&id).attempt + 1;
        let (digest, inputs) = (String::new(), String::new());
        let consent = Consent {
            by: "the test".into(),
            how: ConsentKind::NotNeeded,
            phrase: None,
            accepted: vec![],
            evidence: None,
        };
        self.memory.put(Event::StepStarted { step: id.clone(), attempt, digest, inputs, consent });
        let outputs = self.action(step).apply(&self.context(step).working()).await?;
        self.memory.put(Event::Applied { step: id, attempt, outputs: outputs.clone() });
        Ok(outputs)
    }

    pub async fn way_back(&self, step: &str) -> Result<Preview, Failure> {
        self.action(step).way_back(&self.context(step)).await
    }

    /// Begins an attempt and takes the step back.
    pub async fn rollback(&self, step: &str) -> Result<Vec<Check>, Failure> {
        self.rollback_with(step, None).await
    }

    /// The same, with a phrase given for it.
    pub async fn rollback_with(&self, step: &str, phrase: Option<&str>) -> Result<Vec<Check>, Failure> {
        let id = StepId::from(step);
        let attempt = self.memory.state().step(&id).attempt + 1;
        let phrase = phrase.map(str::to_owned);
        let consent =
            Consent { by: "the test".into(), how: ConsentKind::NotNeeded, phrase, accepted: vec![], evidence: None };
        self.back(id, attempt, consent, 0).await
    }

    /// The same, with so many writes given up.
    pub async fn rollback_losing(&self, step: &str, accepted_loss: u64) -> Result<Vec<Check>, Failure> {
        let id = StepId::from(step);
        let attempt = self.memory.state().step(&id).attempt + 1;
        let consent = Consent {
            by: "the test".into(),
            how: ConsentKind::NotNeeded,
            phrase: None,
            accepted: vec![],
            evidence: None,
        };
        self.back(id, attempt, consent, accepted_loss).await
    }

    async fn back(
        &self,
        id: StepId,
        attempt: u32,
        consent: Consent,
        accepted_loss: u64,
    ) -> Result<Vec<Check>, Failure> {
        let step = id.as_str();
        let digest = String::new();
        self.memory.put(Event::RollbackStarted { step: id.clone(), attempt, digest, consent, accepted_loss });
        let checks = self.action(step).rollback(&self.context(step).working()).await?;
        self.memory.put(Event::RolledBack { step: id.clone(), attempt, checks: checks.clone() });
        Ok(checks)
    }

    /// Applies the step with an engine that dies at a point of an effect.
    pub async fn dies(&self, step: &str, effect: &str, point: CrashPoint) {
        *self.memory.crash_at.lock().unwrap() = Some((effect.to_owned(), point));
        let ended = AssertUnwindSafe(self.apply(step)).catch_unwind().await;
        assert!(ended.is_err(), "it was to die at {effect} {point:?}: {ended:?}");
    }

    /// Takes the step back with an engine that dies at a point of an effect's undo.
    pub async fn dies_on_the_way_back(&self, step: &str, effect: &str, point: CrashPoint) {
        self.dies_going_back(step, &format!("undo:{effect}"), point).await;
    }

    /// Takes the step back with an engine that dies at a point of one of the way back's own effects.
    pub async fn dies_going_back(&self, step: &str, key: &str, point: CrashPoint) {
        *self.memory.crash_at.lock().unwrap() = Some((key.to_owned(), point));
        let ended = AssertUnwindSafe(self.rollback(step)).catch_unwind().await;
        assert!(ended.is_err(), "it was to die at {key} {point:?}: {ended:?}");
    }

    pub async fn companion(&self, step: &str) -> Result<Option<Health>, Failure> {
        self.action(step).companion(&self.context(step)).await
    }

    pub async fn verify(&self, step: &str) -> Result<Vec<Check>, Failure> {
        self.action(step).verify(&self.context(step).checking()).await
    }
}

/// Fails with every check that failed.
pub fn all_hold(checks: &[Check]) {
    let failed: Vec<&Check> = checks.iter().filter(|check| check.is_failed()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
