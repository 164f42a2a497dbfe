//! The week as a table: each step's planned time above its actual time, on one axis.

use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};

use super::html::{Element, el, text};
use super::{Run, step, timeline};
use crate::domain::figure;
use crate::protocol::view::{Origin, Point, Step};

/// From the first start to the last end, planned or not.
struct Axis {
    from: Timestamp,
    seconds: f64,
}

impl Axis {
    fn of(run: &Run<'_>) -> Option<Self> {
        let steps = &run.view.steps;
        let from = steps.iter().filter_map(|step| step.started).min()?;
        let ends = steps.iter().filter_map(|step| Some((step.started?, spent(run, step).max(planned(step)))));
        let last = ends.map(|(started, took)| started.duration_since(from).as_secs_f64() + took).reduce(f64::max)?;
        Some(Self { from, seconds: last.max(1.0) })
    }

    fn place(&self, at: Timestamp) -> f64 {
        (at.duration_since(self.from).as_secs_f64() / self.seconds * 100.0).clamp(0.0, 100.0)
    }

    fn end(&self) -> Timestamp {
        self.from.saturating_add(SignedDuration::from_secs_f64(self.seconds)).unwrap_or(self.from)
    }

    /// A bar of that length.
    fn bar(&self, class: &'static str, from: Timestamp, seconds: f64) -> Element {
        let left = self.place(from);
        let width = (seconds / self.seconds * 100.0).min(100.0 - left);
        el("i").class(class).with("style", format!("left:{left:.2}%;width:{width:.2}%"))
    }

    /// A mark at each midnight; in a week they are few.
    fn midnights(&self) -> Vec<Element> {
        let zoned = self.from.to_zoned(TimeZone::UTC);
        let first = zoned.start_of_day().map_or(self.from, |day| day.timestamp());
        let days = (1..60).map_while(|day| first.checked_add((24 * day).hours()).ok());
        let days = days.take_while(|day| *day < self.end());
        days.map(|day| el("i").class("day").with("style", format!("left:{:.2}%", self.place(day)))).collect()
    }
}

fn spent(run: &Run<'_>, step: &Step) -> f64 {
    let until = step.ended.unwrap_or(run.view.at);
    step.started.map_or(0.0, |started| until.duration_since(started).as_secs_f64())
}

fn planned(step: &Step) -> f64 {
    step.planned_s.as_ref().map_or(0.0, |(planned, _)| *planned)
}

/// The table.
pub(super) fn week(run: &Run<'_>) -> Element {
    let axis = Axis::of(run);
    let heads = ["Day", "Step", "Owner", "State", "Tries", "Started", "Planned", "Took"];
    let head = |head| {
        text("th", head).with("scope", "col").class(if ["Planned", "Took"].contains(&head) { "amount" } else { "" })
    };
    let mut titles = el("tr").children(heads.map(head));
    if let Some(axis) = &axis {
        let ends = [axis.from, axis.end()].map(|at| text("span", timeline::day_and_time(at)));
        let ends = el("div").class("ends").children(ends);
        titles = titles.child(el("th").with("scope", "col").class("when").child(ends));
    }
    let mut body = el("tbody");
    for step in &run.view.steps {
        let rule = |words: &str| el("tr").class("rule").child(text("td", words).with("colspan", "9"));
        body = body.child(row(run, step, axis.as_ref()));
        body = match step.point {
            Some(Point::Switching) => body.child(rule("in it: the point of switching")),
            Some(Point::NoReturn) => body.child(rule("with it: the point of no return")),
            None => body,
        };
    }
    let table = el("table").class("week").child(el("thead").child(titles)).child(body);
    let legend = "Thin: planned. Thick: what it took. Planned times come from the last rehearsal where there is one (r), \
        else from the runbook (g, its author's guess).";
    el("section")
        .child(text("h2", "The week"))
        .child(el("div").class("wide").child(table))
        .child(text("p", legend).class("quiet"))
}

fn row(run: &Run<'_>, step: &Step, axis: Option<&Axis>) -> Element {
    let link = text("a", step.id.as_str()).with("href", format!("#step-{}", step.id));
    let plan = step.planned_s.as_ref().map(|(planned, origin)| {
        let from = if matches!(origin, Origin::Rehearsal(_)) { " r" } else { " g" };
        el("td").class("amount").text(figure::seconds(*planned)).child(text("span", from).class("quiet"))
    });
    let mut row = el("tr")
        .child(text("td", step.day.to_string()).class("number"))
        .child(el("th").with("scope", "row").child(link))
        .child(text("td", &step.owner))
        .child(el("td").child(step::state(step.status)))
        .child(text("td", step.attempt.to_string()).class("number"))
        .child(text("td", step.started.map(timeline::day_and_time).unwrap_or_default()).class("number"))
        .child(plan.unwrap_or_else(|| el("td")))
        .child(text("td", step.took_s.map(figure::seconds).unwrap_or_default()).class("amount"));
    if let Some(axis) = axis {
        let mut cell = el("div").class("axis").with("aria-hidden", "true").children(axis.midnights());
        if let Some(started) = step.started {
            cell = cell.child(axis.bar("planned", started, planned(step)));
            cell = cell.child(axis.bar(step::color(step.status), started, spent(run, step)));
        }
        row = row.child(el("td").class("when").child(cell));
    }
    row
}
