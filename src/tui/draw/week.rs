//! The week: every step with its state, its owner, its time against the plan, and what undoing it takes.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::domain::StepId;
use crate::domain::figure;
use crate::domain::state::Status;
use crate::protocol::view::{Origin, Point, Step};
use crate::tui::model::Model;
use crate::tui::text::{self, line, span};
use crate::tui::theme::Theme;

/// From so many columns on, there is room for plan, attempts and undo.
const ROOMY: u16 = 64;

/// The lines, each with its step where it is one.
pub(super) fn lines(model: &Model, width: u16) -> Vec<(Option<StepId>, Line<'static>)> {
    let theme = &model.theme;
    let mut lines = Vec::new();
    let mut day = 0;
    let selected = model.step().map(|step| step.id.clone());
    let view = model.shown();
    for step in &view.steps {
        if step.day != day {
            day = step.day;
            lines.push((None, rule(&format!("day {day}"), width, theme.dim, theme)));
        }
        if step.point == Some(Point::Switching) {
            let style = if view.switched { theme.title } else { theme.accent };
            lines.push((None, rule(&format!("point of switching: inside {}", step.id), width, style, theme)));
        }
        let is_selected = selected.as_ref() == Some(&step.id);
        let is_current = view.current.as_ref() == Some(&step.id);
        lines.push((Some(step.id.clone()), row(model, step, width, (is_selected, is_current))));
        if step.point == Some(Point::NoReturn) {
            lines.push((None, rule("point of no return", width, theme.accent, theme)));
        }
    }
    lines
}

/// The index of the selected step's line.
pub(super) fn at(model: &Model, lines: &[(Option<StepId>, Line<'static>)]) -> usize {
    let selected = model.step().map(|step| &step.id);
    lines.iter().position(|(id, _)| id.as_ref() == selected && id.is_some()).unwrap_or(0)
}

fn rule(title: &str, width: u16, style: Style, theme: &Theme) -> Line<'static> {
    let dash = theme.symbols.of("─", "-");
    let rest = usize::from(width).saturating_sub(text::width(title) + 5);
    line(format!(" {dash} {title} {}", dash.repeat(rest)), style)
}

fn row(model: &Model, step: &Step, width: u16, (is_selected, is_current): (bool, bool)) -> Line<'static> {
    let theme = &model.theme;
    let (symbol, style) = theme.status(step.status, step.direction, model.now.as_secs());
    let waits = is_current && !matches!(step.status, Status::Running | Status::Failed);
    let (symbol, style) = if waits { (theme.symbols.of("»", ">"), theme.you) } else { (symbol, style) };
    let name = match step.status {
        Status::Pending if !is_current => theme.dim,
        _ => Style::new(),
    };
    let name = if is_selected { name.patch(theme.selected) } else { name };
    let roomy = width >= ROOMY;
    let mut spans = vec![
        span(format!(" {symbol} "), style),
        span(text::left(&tries(step), 15), name),
        span(text::left(&step.owner, 9), theme.dim),
        span(text::right(&took(step), 12), Style::new()),
    ];
    let planned = step.planned_s.as_ref().filter(|_| roomy || width >= 52);
    if let Some((seconds, origin)) = planned {
        spans.push(span(format!(" / {}", text::left(&figure::seconds(*seconds), 12)), theme.dim));
        if roomy {
            spans.push(span(text::left(&from(origin), 11), theme.dim));
        }
    } else if roomy {
        spans.push(span(" ".repeat(26), theme.dim));
    }
    if roomy {
        spans.push(span(undo(step, theme), if step.undo.loses { theme.title } else { theme.dim }));
    }
    Line::from(spans)
}

/// Its id, and how often it was tried where that was more than once.
fn tries(step: &Step) -> String {
    if step.attempt > 1 { format!("{} x{}", step.id, step.attempt) } else { step.id.to_string() }
}

/// How long it took, or how far it is and how long it still takes.
#[expect(clippy::cast_possible_truncation, reason = "a percentage")]
fn took(step: &Step) -> String {
    match (step.status, step.fraction) {
        (Status::Running, Some(fraction)) => format!("{} %", (fraction * 100.0).floor() as i64),
        _ => step.took_s.map(figure::seconds).unwrap_or_default(),
    }
}

/// Where a figure comes from.
pub(super) fn from(origin: &Origin) -> String {
    match origin {
        Origin::Rehearsal(number) => format!("rehearsal {number}"),
        Origin::Rate => "at this rate".to_owned(),
        Origin::Runbook => "a guess".to_owned(),
        Origin::Measured => "measured".to_owned(),
    }
}

/// What taking it back takes, and whether that may lose writes.
fn undo(step: &Step, theme: &Theme) -> String {
    if matches!(step.status, Status::Pending | Status::RolledBack) {
        return String::new();
    }
    if step.undo.none.is_some() {
        return "  no way back".to_owned();
    }
    let takes = step.undo.takes_s.as_ref().map(|(seconds, _)| figure::seconds(*seconds));
    let sign = theme.symbols.of("↶", "<");
    match takes {
        Some(takes) if step.undo.loses => format!("  {sign} {takes}, may lose writes"),
        Some(takes) => format!("  {sign} {takes}"),
        None => String::new(),
    }
}
