//! Dying on purpose: `CUTOVER_CRASH_AT=STEP:EFFECT:intent|effect|outcome` ends the engine with SIGKILL.
//!
//! Several places, parted by `;`, are for one start after another: the supervisor hands each its own.
//!
//! `intent`: after the intent is durable; `effect`: after the effect, before its outcome is; `outcome`:
//! after that. EFFECT is the key of an effect in the journal, the name of a scratch object of a verify, or
//! `verify` for the moment between a step's checks and their record.

use std::str::FromStr;

use crate::actions::CrashPoint;
use crate::domain::StepId;

/// The variable that names where to die.
pub const VARIABLE: &str = "CUTOVER_CRASH_AT";

/// The places that the environment names, in order.
pub fn places() -> Vec<String> {
    let named = std::env::var(VARIABLE).unwrap_or_default();
    named.split(';').map(str::trim).filter(|place| !place.is_empty()).map(str::to_owned).collect()
}

/// Where to die.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashAt {
    step: StepId,
    effect: String,
    point: CrashPoint,
}

impl CrashAt {
    /// What `CUTOVER_CRASH_AT` asks for, if it is set.
    ///
    /// # Errors
    /// That it is not of the form.
    pub fn from_environment() -> Result<Option<Self>, String> {
        places().first().map(|place| place.parse()).transpose()
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
    fn another_form_is_refused() {
        for text in ["", "restore", "restore:load", "restore:load:soon"] {
            assert!(text.parse::<CrashAt>().is_err(), "{text}");
        }
    }
}
