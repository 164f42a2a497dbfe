//! The switch: before it a go/no-go board, in it the budget and the phases, after it who is served where.

use ratatui::style::Style;
use ratatui::text::Line;

use super::preview::{self, indented};
use super::{board, changes, step};
use crate::domain::state::Status;
use crate::protocol::view::{Freeze, Step};
use crate::tui::action::Action;
use crate::tui::model::Model;
use crate::tui::text::{line, span};

pub(super) fn lines(model: &Model, width: usize) -> Vec<Line<'static>> {
    let (view, theme) = (model.shown(), &model.theme);
    let Some(switch) = view.steps.iter().find(|step| step.action == "dns.switch") else {
        return vec![line(" this runbook has no switch", theme.dim)];
    };
    match &view.freeze {
        Some(freeze) if freeze.ended.is_none() => during(model, switch, freeze, width),
        Some(freeze) if view.switched => after(model, switch, freeze, width),
        _ => before(model, switch, width),
    }
}

fn before(model: &Model, switch: &Step, width: usize) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let mut lines = vec![line(format!(" {}: go or no-go", switch.id), theme.title)];
    match &model.previewed {
        Some((of, Ok(seen))) if *of == switch.id => {
            let board = &seen.preview.conditions;
            lines.extend(board::lines(board, width, theme));
            let age = board.first().map_or(0, |first| model.shown().at.duration_since(first.at).as_secs().max(0));
            let again = model.keymap.key(Action::Preview);
            lines.push(line("", theme.dim));
            lines.push(if seen.preview.is_go() {
                line(" GO: nothing keeps it from starting", theme.good)
            } else {
                line(" NO GO: its phrase cannot be typed while a line says so", theme.bad)
            });
            lines.push(line(format!(" looked at {age} s ago; {again} on the selected step looks again"), theme.dim));
        }
        Some((of, Err(failure))) if *of == switch.id => {
            lines.extend(preview::failure(failure, 1, width, theme));
        }
        _ => lines.push(line(
            format!(" select {} and press {} to look at every condition", switch.id, model.keymap.key(Action::Preview)),
            theme.dim,
        )),
    }
    if let Some(failure) = switch.failure.as_ref().filter(|_| switch.status == Status::Failed) {
        lines.push(line("", theme.dim));
        lines.extend(indented(&format!("the last try: {failure}"), 1, width, theme.bad));
    }
    lines
}

fn during(model: &Model, switch: &Step, freeze: &Freeze, width: usize) -> Vec<Line<'static>> {
    let (view, theme) = (model.shown(), &model.theme);
    let spent = view.at.duration_since(freeze.since).as_secs_f64().max(0.0);
    let left = (freeze.budget_s - spent).max(0.0);
    let style = if left < freeze.budget_s / 3.0 { theme.bad } else { theme.title };
    let rehearsed =
        freeze.rehearsed_s.map(|seconds| format!("   rehearsed {}", changes::precise(seconds))).unwrap_or_default();
    let mut lines = vec![
        Line::from(vec![
            span(" tenants' writes wait  ", theme.alarm),
            span(format!("  {spent:.1} s spent, {left:.1} s left of {:.1} s", freeze.budget_s), style),
            span(rehearsed, theme.dim),
        ]),
        line(
            format!("  {}", theme.symbols.bar(spent / freeze.budget_s.max(0.1), width.saturating_sub(4).min(80))),
            style,
        ),
        line("", theme.dim),
    ];
    if switch.status != Status::Running {
        // The fence is shut and nobody is at it: how it goes on comes before what was done.
        lines.extend(step::what_now(model, switch, width));
        lines.push(line("", theme.dim));
        lines.extend(phases(model, switch, width));
        return lines;
    }
    lines.extend(phases(model, switch, width));
    lines.push(line("", theme.dim));
    lines.push(if freeze.switched {
        let back = model.keymap.key(Action::RollBack);
        line(format!(" abort: no more, past the point of switching; {back} shows the price of going back"), theme.dim)
    } else {
        let abort = model.keymap.key(Action::Abort);
        Line::from(vec![
            span(format!(" {abort} "), theme.accent),
            span("abort: the source opens as it was, writes go on", theme.title),
        ])
    });
    lines
}

fn after(model: &Model, switch: &Step, freeze: &Freeze, width: usize) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let took = freeze.ended.map(|ended| ended.duration_since(freeze.since).as_secs_f64());
    let took = took.map(|took| format!(" writes waited for {}", changes::precise(took))).unwrap_or_default();
    let mut lines = vec![line(format!(" switched.{took}; budget {:.1} s", freeze.budget_s), theme.good)];
    if let Some(companion) = &switch.companion {
        let style = if companion.healthy { Style::new() } else { theme.bad };
        // Each of its figures on a line of its own: this is what one watches for the next hour.
        lines.extend(companion.detail.split("; ").flat_map(|part| indented(part, 1, width, style)));
    }
    lines.push(line("", theme.dim));
    lines.extend(phases(model, switch, width));
    lines
}

/// The phases in order, with the point of switching as a line where it was passed.
fn phases(model: &Model, switch: &Step, width: usize) -> Vec<Line<'static>> {
    let (view, theme) = (model.shown(), &model.theme);
    let mut lines = Vec::new();
    let mut drawn = false;
    for part in &switch.parts {
        if !drawn && part.key.starts_with("open") {
            drawn = true;
            lines.push(point(model, width));
        }
        lines.push(changes::line_of(part, view.at, width, theme));
    }
    if !drawn {
        lines.push(point(model, width));
    }
    lines
}

fn point(model: &Model, width: usize) -> Line<'static> {
    let theme = &model.theme;
    let dash = theme.symbols.of("━", "=");
    let title = " point of switching ";
    let rest = width.saturating_sub(title.len() + 4);
    let style = if model.shown().switched { theme.title } else { theme.dim };
    line(format!("{}{title}{}", dash.repeat(3), dash.repeat(rest)), style)
}
