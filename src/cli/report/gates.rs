//! Every gate that was passed: when, by whom, and what they typed.

use super::html::{Element, el, text};
use super::{Run, timeline};
use crate::domain::event::{Consent, ConsentKind};
use crate::domain::{Event, Recorded};

/// The table of gates, where one was passed.
pub(super) fn gates(run: &Run<'_>) -> Option<Element> {
    let rows: Vec<_> = run.events.iter().filter_map(row).collect();
    let heads = ["When", "Step", "Who", "How", "What they typed"];
    let titles = el("tr").children(heads.map(|head| text("th", head).with("scope", "col")));
    let table = el("table").child(el("thead").child(titles)).child(el("tbody").children(rows.iter().cloned()));
    let section = el("section").child(text("h2", "Gates")).child(el("div").class("wide").child(table));
    (!rows.is_empty()).then_some(section)
}

fn row(recorded: &Recorded) -> Option<Element> {
    let (step, by, how, typed) = match &recorded.event {
        Event::StepStarted { step, attempt, consent, .. } => {
            (format!("{step}, try {attempt}"), &consent.by, how(consent.how), typed(consent, 0))
        }
        Event::RollbackStarted { step, consent, accepted_loss, .. } => {
            (format!("{step}, taken back"), &consent.by, how(consent.how), typed(consent, *accepted_loss))
        }
        Event::Approved { approval, key } => {
            let statement = &approval.statement;
            let digest = statement.digest.get(..12).unwrap_or(&statement.digest);
            let signed = format!("signed preview {digest}…, good until {}", timeline::day_and_time(statement.expires));
            let step = format!("{}, try {}", statement.step, statement.attempt);
            (step, &approval.by, "approved with an SSH key", vec![signed, format!("key {key}")])
        }
        Event::StepAdopted { step, by, .. } => (step.to_string(), by, "adopted: done by others", Vec::new()),
        _ => return None,
    };
    let typed = typed.into_iter().map(|line| text("div", line));
    Some(
        el("tr")
            .child(text("td", timeline::day_and_time(recorded.at)).class("number"))
            .child(text("th", step).with("scope", "row"))
            .child(text("td", by))
            .child(text("td", how))
            .child(el("td").children(typed)),
    )
}

const fn how(how: ConsentKind) -> &'static str {
    match how {
        ConsentKind::Typed => "typed on a terminal",
        ConsentKind::Beforehand => "given beforehand, on the command line",
        ConsentKind::Rehearsal => "by the rehearsal, for the lab alone",
        ConsentKind::NotNeeded => "the gate asks for nothing",
    }
}

fn typed(consent: &Consent, loss: u64) -> Vec<String> {
    let phrase = consent.phrase.iter().map(|phrase| format!("phrase: {phrase}"));
    let risks = consent.accepted.iter().map(|risk| format!("accepted: {risk}"));
    let loss = (loss > 0).then(|| format!("accepted the loss of {loss} writes"));
    let evidence = consent.evidence.iter().map(|evidence| format!("evidence: {evidence}"));
    phrase.chain(risks).chain(loss).chain(evidence).collect()
}
