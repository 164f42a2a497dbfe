//! One change to the outside world: intent, act, outcome; and a look where there is a doubt.

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Result;
use super::context::Working;
use super::ports::CrashPoint;
use crate::domain::event::{Event, Found};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::resource::Resource;
use crate::domain::state::Stage;

/// What an effect is, before it happens.
#[derive(Debug, Clone)]
pub struct Effect {
    key: String,
    summary: String,
    undo: Value,
    touches: Vec<Resource>,
}

impl Effect {
    /// An effect by its key, unique in the step and the same on every attempt, and in a reader's words.
    pub fn new(key: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { key: key.into(), summary: summary.into(), undo: Value::Null, touches: Vec::new() }
    }

    /// What its undo will need: exact old values. Recorded before anything happens; an attempt that goes
    /// on from a doubt keeps what the first one recorded.
    #[must_use]
    pub fn undo(mut self, undo: Value) -> Self {
        self.undo = undo;
        self
    }

    /// Something in the world that it makes, changes or removes. What is found changed after a run and was
    /// named by no effect is a leftover.
    #[must_use]
    pub fn touches(mut self, resource: Resource) -> Self {
        self.touches.push(resource);
        self
    }
}

/// What a look at the world found.
#[derive(Debug, Clone, PartialEq)]
pub enum Reality<T> {
    /// The effect is there, and this is what it returned.
    Done(T),
    /// It is not there.
    NotDone,
    /// A part of it may be: doing it again over that is safe.
    Partly,
}

/// The look of an effect that can be done again over itself.
pub async fn again<T>() -> Result<Reality<T>> {
    Ok(Reality::Partly)
}

impl Working {
    /// Makes one change, once: not again if its outcome is on disk; after a look if it is in doubt.
    /// `look` and `act` are polled only when they are needed.
    ///
    /// # Errors
    /// What `look` or `act` says. The effect then stays in doubt, and the next attempt looks.
    pub async fn effect<T>(
        &self,
        effect: Effect,
        look: impl Future<Output = Result<Reality<T>>> + Send,
        act: impl Future<Output = Result<T>> + Send,
    ) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send,
    {
        let Effect { key, summary, mut undo, touches } = effect;
        let known = self.state().step(self.step_id()).effects.remove(&key);
        if let Some(known) = known {
            match known.stage {
                Stage::Happened(outcome) => return read(&key, outcome),
                Stage::Intended => {
                    let found = look.await.map_err(|failure| failure.while_doing(format!("look for `{summary}`")))?;
                    match found {
                        Reality::Done(value) => {
                            self.looked(&key, Found::Done)?;
                            self.happened(&key, &value)?;
                            return Ok(value);
                        }
                        Reality::NotDone => self.looked(&key, Found::NotDone)?,
                        Reality::Partly => {
                            self.looked(&key, Found::Partly)?;
                            undo = known.undo;
                        }
                    }
                }
                Stage::NotDone | Stage::Undoing | Stage::Undone => {}
            }
        }
        self.check_cancelled()?;
        let (step, attempt) = (self.step_id().clone(), self.attempt());
        self.record(Event::Intended { step: step.clone(), attempt, effect: key.clone(), summary, undo, touches })?;
        self.pass(&key, CrashPoint::Intent);
        match act.await {
            Ok(value) => {
                self.pass(&key, CrashPoint::Effect);
                self.happened(&key, &value)?;
                self.pass(&key, CrashPoint::Outcome);
                Ok(value)
            }
            Err(failure) => {
                if failure.kind != FailureKind::Interrupted {
                    let failure = failure.clone();
                    self.record(Event::EffectFailed { step, attempt, effect: key, failure })?;
                }
                Err(failure)
            }
        }
    }

    /// Records that an effect of this step was taken back; it would be done again.
    pub fn undone(&self, key: &str) -> Result<()> {
        self.record(Event::Undone { step: self.step_id().clone(), effect: key.to_owned() })
    }

    fn looked(&self, key: &str, found: Found) -> Result<()> {
        let (step, attempt) = (self.step_id().clone(), self.attempt());
        self.record(Event::Looked { step, attempt, effect: key.to_owned(), found })
    }

    fn happened<T: Serialize>(&self, key: &str, value: &T) -> Result<()> {
        let outcome = serde_json::to_value(value)
            .map_err(|why| Failure::permanent(format!("keep the outcome of `{key}`")).because(why.to_string()))?;
        let (step, attempt) = (self.step_id().clone(), self.attempt());
        self.record(Event::Happened { step, attempt, effect: key.to_owned(), outcome })
    }
}

fn read<T: DeserializeOwned>(key: &str, outcome: Value) -> Result<T> {
    serde_json::from_value(outcome).map_err(|why| {
        Failure::permanent(format!("the journal's outcome of `{key}` is not what this version expects"))
            .because(why.to_string())
            .next("go on with the version of cutover that began the step")
    })
}
