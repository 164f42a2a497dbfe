//! `command`: a program of one's own as a step, with a check that says whether it is done, and an undo.

use std::collections::BTreeMap;

use serde_json::json;

use super::undo::recorded;
use super::{Action, Checking, Effect, Outputs, Reading, Reality, Result, Working, program};
use crate::domain::preview::Verb;
use crate::domain::runbook::inputs::Command;
use crate::domain::{Check, Failure, Preview, state};

/// Its one effect.
const RUN: &str = "run";

impl Action for Command {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        let undo = self
            .undo
            .as_ref()
            .map_or_else(|| "no undo was given: by hand".to_owned(), |undo| format!("runs `{}`", undo.join(" ")));
        let mut preview = Preview::undone_by(undo);
        let check = program::ask(cx, &self.check, &self.secrets).await?;
        let verb = if check.good { Verb::Keep } else { Verb::Change };
        preview.change(verb, format!("what `{}` does", self.run.join(" ")), vec![]);
        preview.setting("check", self.check.join(" "));
        preview.figure("the check says now", check.said);
        Ok(preview)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        let effect = Effect::new(RUN, format!("run `{}`", self.run.join(" "))).undo(json!({ "program": self.undo }));
        let look = async {
            // Until it has ended nobody can say whether it did what it should.
            program::alone(cx).await?;
            let done = program::ask(cx, &self.check, &self.secrets).await?.good;
            Ok(if done { Reality::Done(()) } else { Reality::Partly })
        };
        let act = async {
            let ended = program::change(cx, &self.run, &self.secrets).await?;
            if ended.good {
                return Ok(());
            }
            Err(Failure::permanent(format!("`{}` ended with {}", self.run.join(" "), ended.said))
                .next("mend what it names; its check is asked before it is run again"))
        };
        cx.effect(effect, look, act).await?;
        Ok(BTreeMap::new())
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        let ended = program::ask(cx, &self.check, &self.secrets).await?;
        Ok(vec![Check::of(ended.good, format!("`{}` says that it is done", self.check.join(" ")), ended.said)])
    }

    async fn way_back(&self, cx: &Reading) -> Result<Preview> {
        let mut preview = Preview::undone_by("running the step again");
        if let Some((_, effect)) = cx.standing().first() {
            let undo = self.undo_program(cx, effect)?;
            preview.change(Verb::Change, format!("run `{}`", undo.join(" ")), vec![]);
        }
        Ok(preview)
    }

    async fn rollback(&self, cx: &Working) -> Result<Vec<Check>> {
        let standing = cx.standing();
        let Some((_, effect)) = standing.first() else { return Ok(Vec::new()) };
        let undo = self.undo_program(cx, effect)?;
        let act = async |_| {
            let ended = program::change(cx, &undo, &self.secrets).await?;
            if ended.good {
                return Ok(());
            }
            Err(Failure::permanent(format!("`{}` ended with {}", undo.join(" "), ended.said))
                .next("mend what it names and take the step back again: it is run again"))
        };
        cx.take_back(RUN, act).await?;
        let ended = program::ask(cx, &self.check, &self.secrets).await?;
        Ok(vec![Check::of(!ended.good, format!("`{}` says that it is not done", self.check.join(" ")), ended.said)])
    }
}

impl Command {
    /// The program that was recorded for the undo.
    fn undo_program(&self, cx: &Reading, effect: &state::Effect) -> Result<Vec<String>> {
        recorded::<Option<Vec<String>>>(&effect.undo, "program")?.ok_or_else(|| {
            Failure::permanent(format!("step `{}` cannot be taken back", cx.step_id()))
                .because(format!("its runbook gave no `undo` for `{}` when it ran", self.run.join(" ")))
                .next("take it back by hand, give `undo = [\"true\"]`, run the step again and then take it back")
        })
    }
}
