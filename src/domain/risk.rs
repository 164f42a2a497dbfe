//! What a step risks or loses for good, and that only a typed phrase accepts.
//!
//! The phrase stands in the runbook, where the team can read it days before; it is typed at the step's gate.
//! A risk that the runbook does not name a phrase for cannot be accepted at all.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::event::Consent;
use super::failure::Failure;
use super::plan::Plan;
use super::runbook::{ActionSpec, Step};

/// A loss or risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// What would happen, and to whom.
    pub what: String,
    /// The step's input that names the phrase.
    pub accepted_by: String,
    /// The phrase, where the runbook names one.
    pub phrase: Option<String>,
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.phrase {
            Some(phrase) => write!(f, "{}: accepted by typing `{phrase}`", self.what),
            None => write!(f, "{}: not accepted, `{}` is not given", self.what, self.accepted_by),
        }
    }
}

impl Risk {
    /// What has to be written into the runbook before anybody can accept it.
    pub fn way_out(&self) -> String {
        format!("write `{} = \"a phrase\"` into the step's inputs, if that is what the team wants", self.accepted_by)
    }
}

/// The risks of a step that the runbook alone shows, whatever the world is like.
pub fn of_plan(plan: &Plan, step: &Step) -> Vec<Risk> {
    match &step.action {
        ActionSpec::Switch(switch) if plan.runbook.connections.front.is_none() => vec![Risk {
            what: "no front: clients with the old answer fail until they resolve the name again".to_owned(),
            accepted_by: "accept_without_front".to_owned(),
            phrase: switch.accept_without_front.clone(),
        }],
        _ => Vec::new(),
    }
}

/// Whether each risk was accepted, to the letter.
///
/// # Errors
/// Refused, for the first that was not.
pub fn accepted<'a>(step: &Step, risks: impl IntoIterator<Item = &'a Risk>, consent: &Consent) -> Result<(), Failure> {
    for risk in risks {
        let refused = || Failure::refused(format!("step `{}` risks what nobody accepted", step.id)).because(&risk.what);
        match &risk.phrase {
            None => return Err(refused().next(risk.way_out())),
            Some(phrase) if !consent.accepted.contains(phrase) => {
                let give = format!("type it on the terminal, or give it as --phrase '{}={phrase}'", step.id);
                return Err(refused().next(give));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
