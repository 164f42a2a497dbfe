//! The HTML page: one file without scripts, fetched things or links to elsewhere, light and dark, fit for paper.

use super::html::{Element, el, text};
use super::{Run, gates, people, step, timeline, week};
use crate::domain::Event;
use crate::domain::figure;
use crate::domain::state::Status;
use crate::protocol::view::{Mood, View};

const SHEET: &str = include_str!("../../../assets/page/base.css");

/// Nothing on the page may run, or fetch anything.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The page of a run.
pub(super) fn page(run: &Run<'_>) -> String {
    let view = run.view;
    let title = format!("{} · {}", view.service, view.run);
    let head = el("head")
        .child(el("meta").with("charset", "utf-8"))
        .child(el("meta").with("http-equiv", "Content-Security-Policy").with("content", POLICY))
        .child(el("meta").with("name", "viewport").with("content", "width=device-width, initial-scale=1"))
        .child(el("meta").with("name", "color-scheme").with("content", "light dark"))
        .child(text("title", title))
        .child(Element::sheet(SHEET));
    let main = el("main")
        .child(summary(run))
        .child(week::week(run))
        .children(run.plan.runbook.steps.iter().zip(&view.steps).map(|(step, seen)| step::step(run, step, seen)))
        .children(gates::gates(run))
        .children(people::notes(run))
        .children(left(view))
        .children(people::people(run))
        .child(timeline::timeline(run));
    let body = el("body").child(header(run)).child(main).child(footer(run));
    format!("<!doctype html>\n{}\n", el("html").with("lang", "en").child(head).child(body))
}

fn header(run: &Run<'_>) -> Element {
    let view = run.view;
    let environment = if view.production { format!("! {}", view.environment) } else { view.environment.clone() };
    let badge = text("span", environment).class(if view.production { "badge production" } else { "badge" });
    let (class, sign) = match view.sentence.mood {
        Mood::Done => ("sentence good", "✓ "),
        Mood::Failed | Mood::Frozen => ("sentence bad", "✗ "),
        Mood::You => ("sentence you", "▶ "),
        Mood::Calm | Mood::Running => ("sentence", "● "),
    };
    let place = format!("{} at {}, run {}", view.service, view.host, view.run);
    el("header")
        .child(el("h1").text("Migration of ").text(&view.service).text(" ").child(badge))
        .child(text("p", place).class("quiet"))
        .child(text("p", format!("{sign}{}", view.sentence.text)).class(class))
}

/// The figures that a reader looks for first.
fn summary(run: &Run<'_>) -> Element {
    let view = run.view;
    let mut list = el("dl").class("facts");
    let mut fact = |name: &str, value: String| {
        list = list.clone().child(el("div").child(text("dt", name)).child(text("dd", value)));
    };
    let over = view.steps.iter().filter(|step| matches!(step.status, Status::Done | Status::Adopted)).count();
    fact("Steps over", format!("{over} of {}", view.steps.len()));
    if let (Some(first), Some(last)) = (run.events.first(), run.events.last()) {
        fact("Began", timeline::day_and_time(first.at));
        fact("Last event", timeline::day_and_time(last.at));
        fact("Between them", figure::seconds(last.at.duration_since(first.at).as_secs_f64()));
    }
    if let Some(freeze) = &view.freeze {
        let ended = freeze.ended.unwrap_or(view.at);
        let held = ended.duration_since(freeze.since).as_secs_f64();
        fact("Writes waited", format!("{held:.1} s of {} allowed", figure::seconds(freeze.budget_s)));
    }
    if let Some(forecast) = &view.forecast {
        if over < view.steps.len() {
            let (least, most) = forecast.left_s;
            let range = format!("{} to {}", figure::seconds(least), figure::seconds(most));
            fact("Work left", format!("{range}, by {}", forecast.from));
        }
        if let Some(slack) = forecast.slack_s {
            let early = if slack < 0.0 { "too late by " } else { "" };
            fact("Slack to the deadline", format!("{early}{}", figure::seconds(slack.abs())));
        }
    }
    let count = |wanted: fn(&Event) -> bool| run.events.iter().filter(|recorded| wanted(&recorded.event)).count();
    fact("Failures on the way", count(|event| matches!(event, Event::StepFailed { .. })).to_string());
    fact("Engines that died", view.engine.as_ref().map_or(0, |engine| engine.deaths).to_string());
    el("section").child(list)
}

/// What stays behind: shut fences, things kept on purpose.
fn left(view: &View) -> Option<Element> {
    let fences = view.fences.iter().map(|(service, step)| {
        el("li").child(text("strong", service)).text(format!(" is fenced against the application's writes, by {step}"))
    });
    let kept = view.kept.iter().map(|(what, why)| el("li").child(text("strong", what)).text(format!(": {why}")));
    let all: Vec<_> = fences.chain(kept).collect();
    let list = el("ul").children(all.iter().cloned());
    (!all.is_empty()).then(|| el("section").child(text("h2", "What stays as it is")).child(list))
}

fn footer(run: &Run<'_>) -> Element {
    let view = run.view;
    let made = format!(
        "Made from the journal of {} at {}, runbook {}, after event {}. All times are UTC.",
        view.run,
        timeline::day_and_time(view.at),
        view.runbook,
        view.seq
    );
    el("footer").child(text("p", made))
}
