//! `manual`: work that people do. Its gate shows the instructions and asks for evidence; a probe may prove it. What may
//! be done only once nobody comes by the old address waits for that ([`unused`]).

use std::collections::BTreeMap;

use serde_json::json;

use super::{Action, Checking, Outputs, Reading, Result, Working, program, unused};
use crate::domain::preview::Verb;
use crate::domain::runbook::inputs::Manual;
use crate::domain::{Check, Failure, Preview};

impl Action for Manual {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        let mut preview = Preview::undone_by("by hand, by whoever did it");
        let lines = self.instructions.trim().lines().map(str::to_owned).collect();
        preview.change(Verb::Change, "by hand", lines);
        if let Some(evidence) = &self.evidence {
            preview.setting("evidence to type in", evidence);
        }
        if self.when_unused {
            unused::preview(self, cx, &mut preview).await?;
        }
        Ok(preview)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        if self.when_unused {
            unused::wait(self, cx).await?;
        }
        let typed = cx.state().step(cx.step_id()).evidence;
        let given = self.evidence_of(typed.as_deref(), cx.plan().runbook.is_production());
        match (&self.evidence, given) {
            (Some(wanted), None) => Err(Failure::permanent(format!("step `{}` has no evidence yet", cx.step_id()))
                .because(format!("it asks for {wanted}"))
                .next("run it on a terminal and type it in")),
            (_, given) => Ok(BTreeMap::from([("evidence".to_owned(), json!(given.unwrap_or_default()))])),
        }
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        let evidence = cx.output(cx.step_id(), "evidence").ok();
        let evidence = evidence.as_ref().and_then(|value| value.as_str()).unwrap_or_default();
        let mut checks = Vec::new();
        if let Some(wanted) = &self.evidence {
            checks.push(Check::noted(wanted, evidence));
        }
        if self.when_unused {
            checks.extend(unused::check(cx).await?);
        }
        if let Some(probe) = &self.probe {
            let ended = program::ask(cx, probe, &BTreeMap::new()).await?;
            checks.push(Check::of(ended.good, format!("`{}` says that it is done", probe.join(" ")), ended.said));
        }
        Ok(checks)
    }

    async fn way_back(&self, _cx: &Reading) -> Result<Preview> {
        let mut preview = Preview::undone_by("doing it again");
        preview.warnings.push("what people did by hand, people take back by hand: nothing is changed here".to_owned());
        Ok(preview)
    }
}
