//! The journal as a reader follows it, by day.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Run;
use super::html::{Element, el, text};
use crate::protocol::log::Level;
use crate::protocol::told;

/// A moment: `Mon 23 Nov 02:10:05`.
pub(super) fn day_and_time(at: Timestamp) -> String {
    at.strftime("%a %-d %b %H:%M:%S").to_string()
}

/// Every event that says something to a reader.
pub(super) fn timeline(run: &Run<'_>) -> Element {
    let mut section = el("section").class("timeline").child(text("h2", "Timeline"));
    let mut day: Option<(Date, Element)> = None;
    for recorded in run.events {
        let Some(line) = told::in_a_line(recorded) else { continue };
        let date = recorded.at.to_zoned(TimeZone::UTC).date();
        let (_, rows) = match day.take_if(|(of, _)| *of != date) {
            Some((over, rows)) => {
                section = section.children(part(over, rows));
                day.insert((date, el("tbody")))
            }
            None => day.get_or_insert_with(|| (date, el("tbody"))),
        };
        let mut level = Level::Info;
        told::of_event(recorded, |draft| level = level.max(draft.level));
        let class = match level {
            Level::Info => "",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        let step = recorded.event.step().map(ToString::to_string).unwrap_or_default();
        let row = el("tr")
            .class(class)
            .child(text("td", recorded.at.strftime("%H:%M:%S").to_string()).class("number"))
            .child(text("td", step))
            .child(text("td", line));
        *rows = std::mem::replace(rows, el("tbody")).child(row);
    }
    section.children(day.into_iter().flat_map(|(over, rows)| part(over, rows)))
}

fn part(day: Date, rows: Element) -> [Element; 2] {
    let title = text("h3", day.strftime("%A, %-d %B %Y").to_string());
    [title, el("div").class("wide").child(el("table").child(rows))]
}
