//! Taking effects back: what still stands, the last first, each with its intent on disk before and `undone`
//! after.
//!
//! A rollback works from what each effect recorded before it happened, never from what the runbook says
//! now. An effect in doubt is taken back like one that happened, so taking back has to be safe where it
//! never did; and safe to repeat, because an engine may die in between.

use std::future::Future;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Result;
use super::context::{Reading, Working};
use super::ports::CrashPoint;
use crate::domain::preview::Verb;
use crate::domain::state::{Effect, Stage};
use crate::domain::{Check, Event, Failure, Preview};

impl Reading {
    /// The step's effects that may be in the world, the last first.
    pub fn standing(&self) -> Vec<(String, Effect)> {
        let effects = self.state().step(self.step_id()).effects;
        let mut standing: Vec<_> =
            effects.into_iter().filter(|(_, effect)| !matches!(effect.stage, Stage::NotDone | Stage::Undone)).collect();
        standing.sort_by_key(|(_, effect)| std::cmp::Reverse(effect.seq));
        standing
    }

    /// How many seconds it takes to take the step's effects back: as many as last time, else as many as those
    /// took to happen that take as long one way as the other.
    pub fn measured(&self, alike: impl Fn(&str) -> bool) -> Option<f64> {
        let before = self.state().step(self.step_id()).undo_seconds;
        let there = self.standing().into_iter().filter(|(key, _)| alike(key)).filter_map(|(_, effect)| effect.seconds);
        before.or_else(|| there.reduce(|sum, seconds| sum + seconds))
    }

    /// How many seconds the step took on the way there, its waits and its facts included.
    pub fn way_there(&self) -> Option<f64> {
        let step = self.state().step(self.step_id());
        Some(step.ended?.duration_since(step.started?).as_secs_f64())
    }

    /// What the undo of an effect of this step needs, as first recorded; nothing where it never began or
    /// was taken back.
    pub fn undo_of(&self, key: &str) -> Option<Value> {
        let effect = self.state().step(self.step_id()).effects.remove(key)?;
        (effect.stage != Stage::Undone).then_some(effect.undo)
    }
}

impl Working {
    /// Takes one effect back, if it may be in the world; `act` is handed what was recorded for it. Says
    /// whether there was anything to take back. The crash points are `undo:KEY`.
    ///
    /// # Errors
    /// What `act` says. The effect then counts as there, and the next attempt takes it back again.
    pub async fn take_back<F>(&self, key: &str, act: impl FnOnce(Value) -> F + Send) -> Result<bool>
    where
        F: Future<Output = Result<()>> + Send,
    {
        let Some((_, effect)) = self.standing().into_iter().find(|(standing, _)| standing == key) else {
            return Ok(false);
        };
        self.check_cancelled()?;
        let point = format!("undo:{key}");
        let (step, attempt) = (self.step_id().clone(), self.attempt());
        self.record(Event::Undoing { step: step.clone(), attempt, effect: key.to_owned() })?;
        self.pass(&point, CrashPoint::Intent);
        act(effect.undo).await.map_err(|failure| failure.while_doing(format!("take back `{}`", effect.summary)))?;
        self.pass(&point, CrashPoint::Effect);
        self.record(Event::Undone { step, effect: key.to_owned() })?;
        self.pass(&point, CrashPoint::Outcome);
        Ok(true)
    }

    /// Lists something that the rollback leaves on purpose. Where an effect made it, that effect stays on
    /// record and is not done again when the step is.
    pub fn keep(&self, effect: Option<&str>, what: impl Into<String>, why: impl Into<String>) -> Result<()> {
        self.record(Event::Kept {
            step: self.step_id().clone(),
            attempt: self.attempt(),
            effect: effect.map(str::to_owned),
            what: what.into(),
            why: why.into(),
        })
    }

    /// Removes the scratch objects of one kind that an interrupted verify left; `remove` may find nothing.
    pub async fn clear_scratch<R>(&self, kind: &str, remove: impl Fn() -> R) -> Result<()>
    where
        R: Future<Output = Result<()>>,
    {
        let left = self.state().step(self.step_id()).scratch;
        for (kind, name) in left.into_iter().filter(|(left, _)| left == kind) {
            remove().await?;
            self.record(Event::ScratchGone { step: self.step_id().clone(), kind, name })?;
        }
        Ok(())
    }

    /// Records that the record holds its old answer again.
    pub fn record_returned(&self, ttl_seconds: u32) -> Result<()> {
        self.record(Event::RecordReturned { step: self.step_id().clone(), ttl_seconds })
    }

    /// Records the intent to open the source again: from here on there is only the way to it.
    pub fn switched_back(&self) -> Result<()> {
        self.record(Event::SwitchedBack { step: self.step_id().clone() })
    }
}

/// One field of what an effect recorded for its undo.
pub fn recorded<T: DeserializeOwned>(undo: &Value, field: &str) -> Result<T> {
    serde_json::from_value(undo[field].clone()).map_err(|why| {
        Failure::permanent(format!("the journal's record of `{field}` before the effect is not readable"))
            .because(why.to_string())
            .next("go on with the version of cutover that began the step")
    })
}

/// The way back of a step whose effects are taken back one by one.
pub fn by_effects(cx: &Reading) -> Preview {
    let mut preview = Preview::undone_by("starting the step again");
    for (_, effect) in cx.standing() {
        preview.change(Verb::Remove, effect.summary, Vec::new());
    }
    preview
}

/// The rollback of a step that changes nothing, or never began.
pub(super) fn nothing_stands(cx: &Reading) -> Result<Vec<Check>> {
    match cx.standing().first() {
        None => Ok(Vec::new()),
        Some((_, effect)) => Err(Failure::permanent(format!("step `{}` cannot be taken back", cx.step_id()))
            .because(format!("nothing takes back: {}", effect.summary))),
    }
}
