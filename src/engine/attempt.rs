//! One try at a step, forward or back: within its time, transient failures again with backoff, then its facts.

use std::time::Duration;

use backon::BackoffBuilder;

use super::work::Engine;
use crate::actions::{Action, CrashPoint, Outputs, Reading, Recorder};
use crate::domain::failure::FailureKind;
use crate::domain::runbook::Step;
use crate::domain::{Check, Event, Failure};

/// How long a step that was asked to stop may take to come to a place from which it can go on.
const GRACE: Duration = Duration::from_secs(30);

/// The name of the crash point between a step's verify and the record of what it saw.
const VERIFY: &str = "verify";

/// One try at a step.
pub(super) struct Attempt<'a> {
    engine: &'a Engine,
    step: &'a Step,
    cx: Reading,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(engine: &'a Engine, step: &'a Step, cx: Reading) -> Self {
        Self { engine, step, cx }
    }

    /// Runs it to its end, good or not, and records which.
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (step, attempt) = (self.step.id.clone(), self.cx.attempt());
        let result = self.within_its_time(Box::pin(self.apply_and_verify())).await;
        self.ended(result, |()| Event::StepDone { step, attempt })
    }

    /// Takes the step back, to its end, good or not, and records which.
    pub(super) async fn back(self) -> Result<(), Failure> {
        let (step, attempt) = (self.step.id.clone(), self.cx.attempt());
        let result = self.within_its_time(Box::pin(self.rollback_and_look())).await;
        self.ended(result, |checks| Event::RolledBack { step, attempt, checks })
    }

    fn ended<T>(&self, result: Result<T, Failure>, good: impl FnOnce(T) -> Event) -> Result<(), Failure> {
        let (step, attempt) = (self.step.id.clone(), self.cx.attempt());
        match result {
            Ok(value) => self.engine.book.record(good(value)),
            Err(failure) => {
                self.engine.book.record(Event::StepFailed { step, attempt, failure: failure.clone() })?;
                Err(failure)
            }
        }
    }

    async fn within_its_time<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::pin!(work);
        tokio::select! {
            result = &mut work => return result,
            () = tokio::time::sleep(self.step.timeout.duration()) => {}
        }
        // Not dropped in the middle of an effect: asked to stop, and given the time to.
        self.cx.cancel().cancel();
        let stopped = loop {
            let stopped = tokio::time::timeout(GRACE, &mut work).await;
            // Tenants wait for its end: an abort that has not got through yet is not left.
            if stopped.is_ok() || self.engine.book.state().barring().is_none() {
                break stopped;
            }
        };
        if let Ok(Ok(value)) = stopped {
            return Ok(value);
        }
        let failure = Failure::permanent(format!("step `{}` took longer than its {}", self.step.id, self.step.timeout))
            .next(
                "look at how far it came, raise its `timeout` in the runbook, and run it again: it goes on from there",
            );
        Err(match stopped {
            Ok(Err(why)) if why.kind != FailureKind::Interrupted => failure.because(why.what),
            _ => failure,
        })
    }

    async fn apply_and_verify(&self) -> Result<(), Failure> {
        let (step, attempt) = (self.step.id.clone(), self.cx.attempt());
        let outputs = self.again_while_transient(|| self.apply()).await?;
        self.engine.book.record(Event::Applied { step: step.clone(), attempt, outputs })?;
        let checks = self.again_while_transient(|| self.verify()).await?;
        self.engine.book.pass(&step, VERIFY, CrashPoint::Effect);
        let unmet = unmet(&checks, || format!("step `{}` was applied, but", self.step.id));
        self.engine.book.record(Event::Checked { step, attempt, checks })?;
        unmet
    }

    async fn rollback_and_look(&self) -> Result<Vec<Check>, Failure> {
        let checks = self.again_while_transient(|| self.rollback()).await?;
        unmet(&checks, || format!("step `{}` was taken back, but", self.step.id))?;
        Ok(checks)
    }

    async fn rollback(&self) -> Result<Vec<Check>, Failure> {
        self.step.action.rollback(&self.cx.working()).await
    }

    async fn apply(&self) -> Result<Outputs, Failure> {
        self.step.action.apply(&self.cx.working()).await
    }

    async fn verify(&self) -> Result<Vec<Check>, Failure> {
        self.step.action.verify(&self.cx.checking()).await
    }

    /// What is in doubt is tried again like what is transient: the effect's own look comes first.
    async fn again_while_transient<T, F>(&self, mut work: impl FnMut() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut waits = backon::ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(500))
            .with_max_delay(Duration::from_secs(30))
            .with_jitter()
            .with_max_times(self.step.retries as usize)
            .build();
        loop {
            let failure = match work().await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            let retriable = matches!(failure.kind, FailureKind::Transient | FailureKind::InDoubt);
            let Some(wait) = waits.next().filter(|_| retriable && !self.cx.cancel().is_cancelled()) else {
                return Err(failure);
            };
            let (step, attempt) = (self.step.id.clone(), self.cx.attempt());
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            self.engine.book.record(Event::Retrying { step, attempt, failure, wait_ms })?;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.cx.cancel().cancelled() => return Err(Failure::interrupted()),
            }
        }
    }
}

/// The checks that failed, as one failure.
fn unmet(checks: &[Check], what: impl Fn() -> String) -> Result<(), Failure> {
    let mut failed = checks.iter().filter(|check| check.is_failed());
    let Some(first) = failed.next() else { return Ok(()) };
    let mut failure = Failure::permanent(format!("{}: {}", what(), first.fact))
        .because(first.evidence.clone())
        .next("mend what the check names and do it again: it goes on from here");
    failure.why.extend(failed.map(|check| format!("{}: {}", check.fact, check.evidence)));
    Err(failure)
}
