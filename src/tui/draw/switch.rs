//! The switch: before it a go/no-go board, in it the budget and the phases, after it who is served where.

use ratatui::style::Style;
use ratatui::text::Line;

use super::preview::{self, indented};
use super::{board, changes, step};
use crate::domain::figure;
use crate::domain::state::Status;
use crate::protocol::live::Meter;
use crate::protocol::view::{Freeze, Part, PartState, Step};
use crate::tui::action::Action;
use crate::tui::changed::Figure;
use crate::tui::model::Model;
use crate::tui::text::{line, span};

/// Of a panel of that height; of no height, all of it.
pub(super) fn lines(model: &Model, width: usize, height: usize) -> Vec<Line<'static>> {
    let (view, theme) = (model.shown(), &model.theme);
    let Some(switch) = view.switch() else {
        return vec![line(" this runbook has no switch", theme.dim)];
    };
    match &view.freeze {
        Some(freeze) if freeze.ended.is_none() => during(model, switch, freeze, (width, height)),
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
            lines.extend(board::lines(board, model.shown().at, width, theme));
            lines.push(line("", theme.dim));
            lines.push(if seen.preview.is_go() {
                line(" GO: nothing keeps it from starting", theme.good)
            } else {
                line(" NO GO: its phrase cannot be typed while a line says so", theme.bad)
            });
        }
        Some((of, Err(failure))) if *of == switch.id => {
            lines.extend(preview::failure(failure, 1, width, theme));
        }
        _ => {}
    }
    let looking = model.looking.as_ref().is_some_and(|looking| looking.step == switch.id);
    let seen = model.previewed.as_ref().is_some_and(|(of, _)| *of == switch.id);
    let key = model.keymap.key(Action::Preview);
    lines.push(match (looking, seen) {
        (true, _) => line(format!(" {} looking at every condition", theme.symbols.of("▸", ">")), theme.accent),
        (false, true) => line(format!(" {key} looks again"), theme.dim),
        (false, false) => line(format!(" {key} looks at every condition"), theme.dim),
    });
    if let Some(failure) = switch.failure.as_ref().filter(|_| switch.status == Status::Failed) {
        lines.push(line("", theme.dim));
        lines.extend(indented(&format!("the last try: {failure}"), 1, width, theme.bad));
    }
    lines
}

fn during(model: &Model, switch: &Step, freeze: &Freeze, (width, height): (usize, usize)) -> Vec<Line<'static>> {
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
    ];
    lines.extend(switch.meters.iter().map(|meter| waiting(model, switch, meter)));
    lines.push(line("", theme.dim));
    if switch.status != Status::Running {
        // The fence is shut and nobody is at it: how it goes on comes before what was done.
        lines.extend(step::what_now(model, switch, width));
        lines.push(line("", theme.dim));
        lines.extend(phases(model, switch, width, None));
        return lines;
    }
    // What is being done, and how it is aborted, is seen whatever was done before.
    let room = Some(height.saturating_sub(lines.len() + 2)).filter(|_| height > 0);
    lines.extend(phases(model, switch, width, room));
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

/// Who waits, as far as it is counted: `137 writes told to come again`.
fn waiting(model: &Model, switch: &Step, meter: &Meter) -> Line<'static> {
    let counted = Figure::Counted(switch.id.clone(), meter.label.clone());
    let style = model.changed.style(&counted, Style::new(), model.now);
    Line::from(vec![
        span(format!("  {} ", figure::amount(meter.done, &meter.unit)), style),
        span(meter.label.clone(), model.theme.dim),
    ])
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
    lines.extend(phases(model, switch, width, None));
    lines
}

/// The phases in order, with the point of switching as a line where it was passed. Where there is room for so many
/// lines only, the first of those that are behind it are counted.
fn phases(model: &Model, switch: &Step, width: usize, room: Option<usize>) -> Vec<Line<'static>> {
    let (view, theme) = (model.shown(), &model.theme);
    let columns = changes::Columns::of(switch, width);
    let moves = |part: &Part| matches!(part.state, PartState::Doing | PartState::Undoing);
    let behind = switch.parts.iter().position(moves).unwrap_or(switch.parts.len());
    let surplus = room.map_or(0, |room| (switch.parts.len() + 1).saturating_sub(room));
    let hidden = if surplus > 0 { (surplus + 1).min(behind) } else { 0 };
    let mut lines = Vec::new();
    if hidden > 0 {
        lines.push(line(format!("   {hidden} more before these"), theme.dim));
    }
    let opens = switch.parts.iter().position(|part| part.key.starts_with("open")).unwrap_or(switch.parts.len());
    for (at, part) in switch.parts.iter().enumerate() {
        if at == opens {
            lines.push(point(model, width));
        }
        if at >= hidden {
            lines.push(changes::line_of(part, view.at, &columns, theme));
        }
    }
    if opens == switch.parts.len() {
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
