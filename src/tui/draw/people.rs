//! People: who drives, who asks, whose hand is up, and what was noted.

use ratatui::style::Style;
use ratatui::text::Line;

use super::preview::indented;
use crate::domain::figure;
use crate::tui::action::Action;
use crate::tui::model::Model;
use crate::tui::text::{line, span};

pub(super) fn lines(model: &Model, width: usize) -> Vec<Line<'static>> {
    let (view, theme) = (model.shown(), &model.theme);
    let mut lines = Vec::new();
    match &view.driver {
        None => {
            lines.push(line(format!(" nobody drives: {} takes the wheel", model.keymap.key(Action::Wheel)), theme.you));
        }
        Some(driver) => {
            let me = if driver.name == model.me.name { " (you)" } else { "" };
            let silent = if driver.silent { ", not heard of any more: the wheel can be taken" } else { "" };
            lines.push(Line::from(vec![
                span(format!(" {}{me} ", driver.name), theme.title),
                span(format!("drives since {}{silent}", driver.since.strftime("%a %H:%MZ")), Style::new()),
            ]));
            if let Some(asking) = &driver.asking {
                let words = if asking.offered { "is offered the wheel" } else { "asks for the wheel" };
                lines.push(line(format!(" {} {words}: {}", asking.by, asking.why), theme.you));
                let wheel = model.keymap.key(Action::Wheel);
                if !asking.offered && model.drives() {
                    lines.push(line(format!("   {wheel} shows where the run stands, and hands it over"), theme.dim));
                } else if asking.offered && asking.by == model.me.name {
                    lines.push(line(format!("   {wheel} shows where the run stands, and takes it"), theme.dim));
                }
            }
        }
    }
    lines.push(line(
        format!(" {} {} on", view.clients, if view.clients == 1 { "client looks" } else { "clients look" }),
        theme.dim,
    ));
    for hand in &view.hands {
        let age = figure::seconds(view.at.duration_since(hand.at).as_secs_f64());
        lines.extend(indented(&format!("{} has a hand up since {age}: {}", hand.by, hand.text), 1, width, theme.you));
        lines.push(line(
            format!("   {} answers it; the next gate waits until then", model.keymap.key(Action::Hand)),
            theme.dim,
        ));
    }
    lines.push(line("", theme.dim));
    lines.push(line(" notes", theme.title));
    if view.notes.is_empty() {
        lines.push(line(format!("   none; {} leaves one", model.keymap.key(Action::Note)), theme.dim));
    }
    for note in view.notes.iter().rev() {
        lines.push(line(format!("   {} {}", note.at.strftime("%a %H:%MZ"), note.by), theme.dim));
        lines.extend(indented(&note.text, 5, width, Style::new()));
    }
    if !view.kept.is_empty() {
        lines.push(line("", theme.dim));
        lines.push(line(" kept on purpose by rollbacks", theme.title));
        lines.extend(
            view.kept.iter().flat_map(|(what, why)| indented(&format!("{what}: {why}"), 3, width, Style::new())),
        );
    }
    lines
}
