//! Who took part and what they did; what was said, and answered.

use std::collections::BTreeMap;

use super::html::{Element, el, text};
use super::{Run, timeline};
use crate::domain::Event;

/// What was said, oldest first.
pub(super) fn notes(run: &Run<'_>) -> Option<Element> {
    let mut said = Vec::new();
    for recorded in run.events {
        let (by, what, words) = match &recorded.event {
            Event::Noted { by, text } => (by, "noted", text),
            Event::HandRaised { by, text } => (by, "raised a hand", text),
            Event::HandAnswered { by, text, .. } => (by, "answered the hand", text),
            Event::WheelTaken { by, why, .. } => (by, "took the wheel", why),
            _ => continue,
        };
        let who = el("p").class("quiet").child(text("strong", by));
        let who = who.text(format!(" {what}, {}", timeline::day_and_time(recorded.at)));
        let words = (!words.is_empty()).then(|| text("p", words));
        said.push(el("li").child(who).children(words));
    }
    let list = el("ol").class("notes").children(said.iter().cloned());
    (!said.is_empty()).then(|| el("section").child(text("h2", "Notes")).child(list))
}

/// What one person did, counted.
#[derive(Default)]
struct Part {
    role: String,
    gates: usize,
    approvals: usize,
    wheel: usize,
    said: usize,
}

/// The people of the runbook, and whoever else is in the journal.
pub(super) fn people(run: &Run<'_>) -> Option<Element> {
    let mut all: BTreeMap<String, Part> = BTreeMap::new();
    for person in &run.plan.runbook.people {
        all.entry(person.name.clone()).or_default().role.clone_from(&person.role);
    }
    for recorded in run.events {
        let (by, count): (&String, fn(&mut Part) -> &mut usize) = match &recorded.event {
            Event::StepStarted { consent, .. } | Event::RollbackStarted { consent, .. } => {
                (&consent.by, |part| &mut part.gates)
            }
            Event::StepAdopted { by, .. } => (by, |part| &mut part.gates),
            Event::Approved { approval, .. } => (&approval.by, |part| &mut part.approvals),
            Event::WheelTaken { by, .. } => (by, |part| &mut part.wheel),
            Event::Noted { by, .. } | Event::HandRaised { by, .. } | Event::HandAnswered { by, .. } => {
                (by, |part| &mut part.said)
            }
            _ => continue,
        };
        *count(all.entry(by.clone()).or_default()) += 1;
    }
    let heads = ["Name", "Role", "Gates passed", "Approvals", "Took the wheel", "Said"];
    let titles = el("tr").children(heads.map(|head| text("th", head).with("scope", "col")));
    let figure = |count: usize| text("td", if count == 0 { String::new() } else { count.to_string() }).class("number");
    let rows = all.iter().map(|(name, part)| {
        let person = el("tr").child(text("th", name).with("scope", "row")).child(text("td", &part.role));
        person.children([part.gates, part.approvals, part.wheel, part.said].map(figure))
    });
    let table = el("table").child(el("thead").child(titles)).child(el("tbody").children(rows));
    let section = el("section").child(text("h2", "People")).child(el("div").class("wide").child(table));
    (!all.is_empty()).then_some(section)
}
