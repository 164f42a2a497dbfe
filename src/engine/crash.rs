//! Dying on purpose: `CUTOVER_CRASH_AT=STEP:EFFECT:intent|effect|outcome` ends the engine with SIGKILL.
//!
//! Several places, parted by `;`, are for one start after another: the supervisor hands each its own.
//!
//! `intent`: after the intent is durable; `effect`: after the effect, before its outcome is; `outcome`:
//! after that. EFFECT is the key of an effect in the journal, the name of a scratch object of a verify, or
//! `verify` for the moment between a step's checks and their record.

use std::str::FromStr;

use crate::actions::CrashPoint;
use crate::domain::{Failure, Plan, StepId};

/// The variable that names where to die.
pub const VARIABLE: &str = "CUTOVER_CRASH_AT";

/// The places that the environment names, in order.
pub fn places() -> Vec<String> {
    let named = std::env::var(VARIABLE).unwrap_or_default();
    named.split(';').map(str::trim).filter(|place| !place.is_empty()).map(str::to_owned).collect()
}

/// What these places mean to that plan: one that is never come to would prove a death that never was. (An effect is
/// known only once it is made: its name is taken as it is.)
///
/// # Errors
/// Refused: a place that is not of the form, or of no step.
pub fn known(places: &[String], plan: &Plan) -> Result<Vec<CrashAt>, Failure> {
    let read = |place: &String| {
        let at: CrashAt = place.parse().map_err(Failure::refused)?;
        if plan.step(&at.step).is_some() {
            return Ok(at);
        }
        let ids: Vec<&str> = plan.runbook.steps.iter().map(|step| step.id.as_str()).collect();
        Err(Failure::refused(format!(
            "{VARIABLE}=`{place}`: there is no step `{}` in {}",
            at.step,
            plan.file.display()
        ))
        .next(format!("name one of {}", ids.join(", "))))
    };
    places.iter().map(read).collect()
}

/// Where to die.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashAt {
    step: StepId,
    effect: String,
    point: CrashPoint,
}

impl CrashAt {
    /// What `CUTOVER_CRASH_AT` asks for first, if it is set.
    ///
    /// # Errors
    /// As [`known`], of all its places.
    pub fn from_environment(plan: &Plan) -> Result<Option<Self>, Failure> {
        Ok(known(&places(), plan)?.into_iter().next())
    }

    /// Ends this process at once if this is the place.
    pub fn pass(&self, step: &StepId, effect: &str, point: CrashPoint) {
        if self.step == *step && self.effect == effect && self.point == point {
            // SIGKILL, not exit: nothing may be flushed, unlocked or said on the way out.
            let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

impl FromStr for CrashAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("CUTOVER_CRASH_AT=`{text}` is not STEP:EFFECT:intent|effect|outcome");
        let (step, rest) = text.split_once(':').ok_or_else(wrong)?;
        let (effect, point) = rest.rsplit_once(':').ok_or_else(wrong)?;
        let point = match point {
            "intent" => CrashPoint::Intent,
            "effect" => CrashPoint::Effect,
            "outcome" => CrashPoint::Outcome,
            _ => return Err(wrong()),
        };
        Ok(Self { step: StepId::from(step), effect: effect.to_owned(), point })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_may_have_colons_in_its_name() {
        let at: CrashAt = "restore:load:orders:3:effect".parse().unwrap();
        assert_eq!(at.effect, "load:orders:3");
        assert_eq!(at.point, CrashPoint::Effect);
    }

    #[test]
    fn a_place_of_no_step_is_refused_with_the_steps_that_there_are() {
        let step = |id: &str| serde_json::json!({ "id": id, "owner": "lead", "day": 1, "action": "manual", "with": { "instructions": "i" } });
        let runbook = serde_json::json!({ "name": "a", "environment": "lab",
            "service": { "name": "a", "host": "a.example" }, "step": [step("dns"), step("settle")] });
        let plan = Plan::new(serde_json::from_value(runbook).unwrap(), "a.toml".into());
        let known = |places: [&str; 2]| known(&places.map(str::to_owned), &plan);
        assert_eq!(known(["dns:relay:intent", "settle:verify:effect"]).unwrap().len(), 2);
        let refused = known(["dns:relay:intent", "dsn:relay:intent"]).unwrap_err();
        assert!(refused.what.contains("there is no step `dsn` in a.toml"), "{refused}");
        assert_eq!(refused.next.as_deref(), Some("name one of dns, settle"));
        assert!(known(["dns:relay:intent", "dns:relay"]).unwrap_err().what.contains("is not STEP:EFFECT:"));
    }

    #[test]
    fn another_form_is_refused() {
        for text in ["", "restore", "restore:load", "restore:load:soon"] {
            assert!(text.parse::<CrashAt>().is_err(), "{text}");
        }
    }
}
