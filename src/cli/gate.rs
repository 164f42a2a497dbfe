//! Passing a gate: shows the preview, and gets what the gate asks for.
//!
//! On a terminal the driver types. Without one, `--yes` answers confirmations and `--phrase STEP=...` gives
//! phrases, except where the environment is production: there somebody has to sit in front of it.

use std::io::{BufRead, IsTerminal, Write};

use jiff::Timestamp;

use super::{Stop, output, present};
use crate::domain::event::{Consent, ConsentKind};
use crate::domain::runbook::{ActionSpec, Runbook, Step};
use crate::domain::{Failure, Preview, StepId};

/// What was given on the command line.
#[derive(Debug, Default)]
pub struct Given {
    /// Confirmations are answered.
    pub yes: bool,
    /// Phrases, by step.
    pub phrases: Vec<(StepId, String)>,
    /// By the rehearsal, for the lab alone.
    pub rehearsal: bool,
    /// Standard output is for programs.
    pub json: bool,
}

/// Gets through the gate of a step, or says what waits.
pub fn pass(runbook: &Runbook, step: &Step, preview: &Preview, given: &Given, who: &str) -> Result<Consent, Stop> {
    if !given.json {
        present::line(&format!("\n== {} ({}), owner {}, day {}", step.id, step.action.name(), step.owner, step.day));
        present::line(output::preview(preview).trim_end());
    }
    in_window(step)?;
    let on_terminal = std::io::stdin().is_terminal() && !given.json;
    if runbook.is_production() && !on_terminal {
        return Err(Stop::AtGate(format!("step `{}` in production asks for a person on a terminal", step.id)));
    }
    let mut kind = if given.rehearsal { ConsentKind::Rehearsal } else { ConsentKind::Beforehand };
    let phrase = match &step.gate.phrase {
        None => None,
        Some(wanted) => Some(match given.phrases.iter().find(|(id, _)| *id == step.id) {
            Some((_, phrase)) => phrase.clone(),
            None if given.rehearsal => wanted.clone(),
            None if on_terminal => {
                kind = ConsentKind::Typed;
                ask(&format!("type `{wanted}` to start {}: ", step.id))?
            }
            None => {
                return Err(Stop::AtGate(format!(
                    "step `{0}` asks for a typed phrase: --phrase '{0}={wanted}'",
                    step.id
                )));
            }
        }),
    };
    if step.gate.phrase.is_none() && step.gate.confirm && !given.yes && !given.rehearsal {
        if !on_terminal {
            return Err(Stop::AtGate(format!("step `{}` asks for a confirmation: --yes, or a terminal", step.id)));
        }
        kind = ConsentKind::Typed;
        // Enter alone never confirms: a key held down, or a pasted line, must not start anything.
        if ask(&format!("start {}? type yes: ", step.id))? != "yes" {
            return Err(Stop::AtGate(format!("step `{}` was not confirmed", step.id)));
        }
    }
    let evidence = match &step.action {
        ActionSpec::Manual(manual) => match &manual.evidence {
            Some(wanted) if on_terminal => Some(ask(&format!("{wanted}: "))?).filter(|text| !text.is_empty()),
            _ => None,
        },
        _ => None,
    };
    Ok(Consent { by: who.to_owned(), how: kind, phrase, evidence })
}

fn in_window(step: &Step) -> Result<(), Stop> {
    let Some(window) = &step.gate.window else { return Ok(()) };
    let now = Timestamp::now();
    if now < window.from || now >= window.to {
        let waiting = format!("step `{}` starts between {} and {}, and it is {now}", step.id, window.from, window.to);
        return Err(Stop::AtGate(waiting));
    }
    Ok(())
}

pub(super) fn ask(question: &str) -> Result<String, Stop> {
    let fault = |why: std::io::Error| Stop::Failed(Failure::permanent("read the answer").because(why.to_string()));
    print!("{question}");
    std::io::stdout().flush().map_err(fault)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(fault)?;
    Ok(answer.trim().to_owned())
}
