//! Passing a gate: shows the preview, and gets what the gate asks for.
//!
//! On a terminal the driver types. Without one, `--yes` answers confirmations and `--phrase STEP=...` gives
//! phrases, except where the environment is production: there somebody has to sit in front of it.

use std::io::{BufRead, IsTerminal, Write};

use jiff::Timestamp;
use nix::sys::termios::{FlushArg, tcflush};

use super::{Stop, output, present};
use crate::domain::admission;
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
    admission::in_window(step, Timestamp::now()).map_err(|failure| Stop::AtGate(failure.what))?;
    let on_terminal = std::io::stdin().is_terminal() && !given.json;
    if runbook.is_production() && !on_terminal {
        return Err(Stop::AtGate(format!("step `{}` in production asks for a person on a terminal", step.id)));
    }
    let mut kind = if given.rehearsal { ConsentKind::Rehearsal } else { ConsentKind::Beforehand };
    let asked = || step.gate.phrase.iter().chain(preview.accepts.iter().filter_map(|risk| risk.phrase.as_ref()));
    let said = || given.phrases.iter().filter(|(id, _)| *id == step.id).map(|(_, phrase)| phrase);
    let mut typed = |wanted: &str, what: &str| {
        if given.rehearsal || said().any(|phrase| phrase == wanted) {
            return Ok(wanted.to_owned());
        }
        // A phrase that nothing asks for was meant for this: the machine refuses it.
        if let Some(other) = said().find(|said| !asked().any(|asked| asked == *said)) {
            return Ok(other.clone());
        }
        if !on_terminal {
            let id = &step.id;
            return Err(Stop::AtGate(format!("step `{id}` asks for a typed phrase {what}: --phrase '{id}={wanted}'")));
        }
        kind = ConsentKind::Typed;
        ask(&format!("type `{wanted}` {what}: "))
    };
    let phrase = step.gate.phrase.as_ref().map(|wanted| typed(wanted, "to start it")).transpose()?;
    let mut accepted = Vec::new();
    for risk in &preview.accepts {
        let unnamed =
            || Stop::AtGate(format!("step `{}` risks this: {}. To go on, {}", step.id, risk.what, risk.way_out()));
        accepted.push(typed(risk.phrase.as_ref().ok_or_else(unnamed)?, &format!("to accept this: {}", risk.what))?);
    }
    if phrase.is_none() && accepted.is_empty() && step.gate.confirm && !given.yes && !given.rehearsal {
        if !on_terminal {
            return Err(Stop::AtGate(format!("step `{}` asks for a confirmation: --yes, or a terminal", step.id)));
        }
        kind = ConsentKind::Typed;
        // Enter alone never confirms, nor does what was right for the step before: a held key must not start anything.
        if ask(&format!("type `{}` to start it: ", step.id))? != step.id.as_str() {
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
    Ok(Consent { by: who.to_owned(), how: kind, phrase, accepted, evidence })
}

pub(super) fn ask(question: &str) -> Result<String, Stop> {
    let fault = |why: std::io::Error| Stop::Failed(Failure::permanent("read the answer").because(why.to_string()));
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        // What was typed, or pasted, before the question was asked is no answer to it.
        let _ = tcflush(&stdin, FlushArg::TCIFLUSH);
    }
    let mut out = std::io::stdout().lock();
    let shown = out.write_all(crate::domain::plain::lines(question).as_bytes()).and_then(|()| out.flush());
    shown.map_err(fault)?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(fault)?;
    Ok(answer.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::Risk;

    fn runbook() -> Runbook {
        let step = json!({ "id": "dns", "owner": "lead", "day": 5, "action": "dns.switch",
            "gate": { "phrase": "switch it" }, "with": { "address": "203.0.113.7" } });
        let service = json!({ "name": "a", "host": "a.example" });
        serde_json::from_value(json!({ "name": "a", "environment": "lab", "service": service, "step": [step] }))
            .unwrap()
    }

    fn passed(phrases: &[&str], rehearsal: bool, named: Option<&str>) -> Result<Consent, Stop> {
        let risk = Risk { what: "some fail".into(), accepted_by: "accept_it".into(), phrase: named.map(Into::into) };
        let preview = Preview { accepts: vec![risk], ..Preview::default() };
        let phrases = phrases.iter().map(|phrase| (StepId::from("dns"), (*phrase).to_owned())).collect();
        // JSON: nobody is asked, whoever runs this test.
        let given = Given { yes: true, phrases, rehearsal, json: true };
        let runbook = runbook();
        pass(&runbook, &runbook.steps[0], &preview, &given, "a")
    }

    #[test]
    fn a_gate_with_a_risk_asks_for_both_phrases() {
        assert_eq!(passed(&["switch it"], false, Some("some may fail")).unwrap_err().code(), 3);
        assert_eq!(passed(&["some may fail"], false, Some("some may fail")).unwrap_err().code(), 3);
        let consent = passed(&["some may fail", "switch it"], false, Some("some may fail")).unwrap();
        assert_eq!(
            (consent.phrase.as_deref(), consent.accepted),
            (Some("switch it"), vec!["some may fail".to_owned()])
        );
    }

    #[test]
    fn a_wrong_phrase_goes_to_the_machine_which_refuses_it() {
        let consent = passed(&["switch it", "none will fail"], false, Some("some may fail")).unwrap();
        assert_eq!(consent.accepted, ["none will fail"]);
    }

    #[test]
    fn a_rehearsal_consents_for_the_lab_but_not_to_what_no_runbook_names() {
        assert_eq!(passed(&[], true, Some("some may fail")).unwrap().accepted, ["some may fail"]);
        assert_eq!(passed(&[], true, None).unwrap_err().code(), 3);
    }
}
