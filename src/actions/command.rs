//! `command`: a program of one's own as a step, with a check that says whether it is done, and an undo.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Action, Checking, Effect, Outputs, Reading, Reality, Result, Working, program};
use crate::domain::preview::Verb;
use crate::domain::runbook::inputs::Command;
use crate::domain::{Check, Failure, Preview};

impl Action for Command {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        let undo = self
            .undo
            .as_ref()
            .map_or_else(|| "no undo was given: by hand".to_owned(), |undo| format!("runs `{}`", undo.join(" ")));
        let mut preview = Preview::undone_by(undo);
        let check = program::run(cx, &self.check, &self.secrets).await?;
        let verb = if check.good { Verb::Keep } else { Verb::Change };
        preview.change(verb, format!("what `{}` does", self.run.join(" ")), vec![]);
        preview.setting("check", self.check.join(" "));
        preview.figure("the check says now", check.said);
        Ok(preview)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        let effect = Effect::new("run", format!("run `{}`", self.run.join(" "))).undo(json!({ "program": self.undo }));
        let look = async {
            let done = program::run(cx, &self.check, &self.secrets).await?.good;
            Ok(if done { Reality::Done(()) } else { Reality::Partly })
        };
        let act = async {
            let ended = program::run(cx, &self.run, &self.secrets).await?;
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
        let ended = program::run(cx, &self.check, &self.secrets).await?;
        Ok(vec![Check::of(ended.good, format!("`{}` says that it is done", self.check.join(" ")), ended.said)])
    }
}
