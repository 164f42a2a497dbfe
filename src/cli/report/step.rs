//! A step on the page: what it did and how long that took, and the evidence of every check.

use super::html::{Element, el, text};
use super::{Run, timeline};
use crate::domain::check::{Check, Verdict};
use crate::domain::runbook;
use crate::domain::state::Status;
use crate::domain::{Failure, figure};
use crate::protocol::view::{Part, PartState, Step};

/// A status with its symbol.
pub(super) fn state(status: Status) -> Element {
    let (class, words) = match status {
        Status::Pending => ("state", "· pending"),
        Status::Running => ("state running", "● running"),
        Status::Done => ("state good", "✓ done"),
        Status::Adopted => ("state good", "✓ adopted"),
        Status::Failed => ("state bad", "✗ failed"),
        Status::RolledBack => ("state", "↩ rolled back"),
        Status::InDoubt => ("state you", "? in doubt"),
    };
    text("span", words).class(class)
}

/// The class of its bar.
pub(super) const fn color(status: Status) -> &'static str {
    match status {
        Status::Done | Status::Adopted => "actual good",
        Status::Failed => "actual bad",
        Status::InDoubt => "actual you",
        Status::Pending | Status::Running | Status::RolledBack => "actual",
    }
}

/// The part of the page about a step; one line where nothing happened to it.
pub(super) fn step(run: &Run<'_>, step: &runbook::Step, seen: &Step) -> Element {
    let title = el("h2").text(seen.id.as_str()).text(" ").child(state(seen.status));
    let mut section = el("section").class("step").with("id", format!("step-{}", seen.id)).child(title);
    let tries = if seen.attempt > 1 { format!(", {} tries", seen.attempt) } else { String::new() };
    let times = match (seen.started, seen.took_s) {
        (Some(started), Some(took)) => {
            format!("; started {}, took {}{tries}", timeline::day_and_time(started), figure::seconds(took))
        }
        (Some(started), None) => format!("; started {}{tries}", timeline::day_and_time(started)),
        _ => String::new(),
    };
    let line = format!("{}, day {}, owner {}{times}", step.action.name(), seen.day, seen.owner);
    section = section.child(text("p", line).class("quiet"));
    if let Some(evidence) = &run.state.step(&seen.id).evidence {
        section = section.child(el("p").child(text("strong", "Typed as evidence: ")).text(evidence));
    }
    section = section.children(seen.failure.as_ref().map(failure));
    if let Some(companion) = &seen.companion {
        let (class, word) =
            if companion.healthy { ("state good", "✓ healthy") } else { ("state bad", "✗ not healthy") };
        let left = el("p").child(text("strong", "Left running: ")).child(text("span", word).class(class));
        section = section.child(left.text(format!(", {}", companion.detail)));
    }
    section.children(parts(&seen.parts)).children(checks(&seen.checks))
}

fn failure(failure: &Failure) -> Element {
    let mut told = el("div").class("failure").child(text("p", format!("✗ {}", failure.what)));
    if !failure.why.is_empty() {
        told = told.child(el("ul").children(failure.why.iter().map(|why| text("li", why))));
    }
    told.children(failure.next.as_ref().map(|next| el("p").child(text("strong", "Next: ")).text(next)))
}

fn checks(checks: &[Check]) -> Option<Element> {
    let row = |check: &Check| {
        let (class, sign) = match check.verdict {
            Verdict::Passed => ("state good", "✓ holds"),
            Verdict::Failed => ("state bad", "✗ fails"),
            Verdict::Noted => ("state", "· noted"),
        };
        el("tr")
            .child(el("td").child(text("span", sign).class(class)))
            .child(text("th", &check.fact).with("scope", "row"))
            .child(text("td", &check.evidence))
    };
    (!checks.is_empty()).then(|| titled("What was looked at afterwards", "checks", checks.iter().map(row)))
}

fn parts(parts: &[Part]) -> Option<Element> {
    let row = |part: &Part| {
        let (class, sign) = match part.state {
            PartState::Done => ("state good", "✓ did"),
            PartState::NotDone => ("state", "· did not"),
            PartState::Doing => ("state you", "? in doubt"),
            PartState::Undoing => ("state you", "? being undone"),
            PartState::Undone => ("state", "↩ undid"),
        };
        let took = part.seconds.map(figure::seconds).unwrap_or_default();
        let before = part.rehearsed_s.map(|s| format!("{} rehearsed", figure::seconds(s))).unwrap_or_default();
        el("tr")
            .child(el("td").child(text("span", sign).class(class)))
            .child(text("td", &part.summary))
            .child(text("td", took).class("number"))
            .child(text("td", before).class("number quiet"))
    };
    (!parts.is_empty()).then(|| titled("What it changed", "parts", parts.iter().map(row)))
}

fn titled(title: &str, class: &'static str, rows: impl Iterator<Item = Element>) -> Element {
    let table = el("table").class(class).child(el("tbody").children(rows));
    el("div").child(text("h3", title)).child(el("div").class("wide").child(table))
}
