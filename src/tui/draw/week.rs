//! The week: every step with its state, its owner, its time against the plan, and what undoing it takes.

use ratatui::style::Style;
use ratatui::text::Line;

use super::axis::Axis;
use crate::domain::StepId;
use crate::domain::figure;
use crate::domain::state::{Direction, Status};
use crate::protocol::view::{Origin, Point, Step, View};
use crate::tui::model::Model;
use crate::tui::text::{self, line, span};
use crate::tui::theme::Theme;

/// The narrowest axis that tells times apart.
const AXIS: usize = 6;

/// The widest that is of use.
const WIDEST_AXIS: usize = 24;

/// What has room on a row. What one must know comes first: how long it took and was to take, what undoing it takes;
/// then both as bars, and where the plan comes from, which the step's own panel says as well.
struct Columns {
    name: usize,
    owner: usize,
    /// So many columns of the planned time, and of what undoing takes; none where there is no room.
    planned: Option<usize>,
    undo: Option<usize>,
    axis: Option<Axis>,
    origin: bool,
}

impl Columns {
    fn of(view: &View, width: usize, theme: &Theme) -> Self {
        let widest = |text: &dyn Fn(&Step) -> String| view.steps.iter().map(|step| text::width(&text(step))).max();
        let name = widest(&tries).unwrap_or(0).min(18) + 1;
        let owner = widest(&|step| step.owner.clone()).unwrap_or(0).min(12) + 1;
        let mut room = width.saturating_sub(3 + name + owner + TIME);
        let mut takes = |columns: usize| {
            let fits = columns <= room;
            room -= if fits { columns } else { 0 };
            fits
        };
        let planned = widest(&planned).unwrap_or(0);
        let fits = takes(planned + 4);
        let back = widest(&undone_in).unwrap_or(0);
        let undo = fits && takes(widest(&|step| undo(step, back, theme)).unwrap_or(0));
        let bars = fits && takes(AXIS + 1);
        let origin = fits && takes(ORIGIN + 1);
        let axis = bars.then(|| Axis::of(view, (AXIS + room).min(WIDEST_AXIS)));
        Self { name, owner, planned: fits.then_some(planned), undo: undo.then_some(back), axis, origin }
    }
}

/// The widest length of time is `59 min 59 s`.
const TIME: usize = 12;

/// The widest origin of a figure is `rehearsal 12`.
const ORIGIN: usize = 12;

/// What the bars of a week so wide mean, where it has any.
pub(super) fn legend(model: &Model, width: u16) -> Option<String> {
    let columns = Columns::of(model.shown(), usize::from(width), &model.theme);
    columns.axis.map(|axis| axis.legend(model.theme.symbols))
}

/// The lines, each with its step where it is one.
pub(super) fn lines(model: &Model, width: u16) -> Vec<(Option<StepId>, Line<'static>)> {
    let theme = &model.theme;
    let mut lines = Vec::new();
    let mut day = 0;
    let selected = model.step().map(|step| step.id.clone());
    let view = model.shown();
    let columns = Columns::of(view, usize::from(width), theme);
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
        lines.push((Some(step.id.clone()), row(model, step, &columns, (is_selected, is_current))));
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

fn row(model: &Model, step: &Step, columns: &Columns, (is_selected, is_current): (bool, bool)) -> Line<'static> {
    let theme = &model.theme;
    let (symbol, style) = theme.status(step.status, step.direction);
    // It stands still where nobody knows whether the step goes on: in the past, and while the engine is not heard of.
    let moves = step.status == Status::Running && step.direction != Direction::Back;
    let moves = moves && model.past.is_none() && model.stale().is_none();
    let symbol = if moves { theme.symbols.spinner(model.now.as_secs()) } else { symbol };
    let waits = is_current && !matches!(step.status, Status::Running | Status::Failed);
    let (symbol, style) = if waits { (theme.symbols.of("»", ">"), theme.you) } else { (symbol, style) };
    let name = match step.status {
        Status::Pending if !is_current => theme.dim,
        _ => Style::new(),
    };
    let name = if is_selected { name.patch(theme.selected) } else { name };
    let mut spans = vec![
        span(format!(" {symbol} "), style),
        span(text::left(&tries(step), columns.name), name),
        span(text::left(&step.owner, columns.owner), theme.dim),
        span(text::right(&took(step), TIME), Style::new()),
    ];
    if let Some(columns) = columns.planned {
        let planned = planned(step);
        let sign = if planned.is_empty() { "   " } else { " / " };
        spans.push(span(format!("{sign}{} ", text::right(&planned, columns)), theme.dim));
    }
    if columns.origin {
        let origin = step.planned_s.as_ref().map(|(_, origin)| format!(" {}", from(origin)));
        spans.push(span(text::left(&origin.unwrap_or_default(), ORIGIN + 1), theme.dim));
    }
    if let Some(axis) = &columns.axis {
        spans.push(span(" ", theme.dim));
        spans.extend(axis.bar(step, theme));
    }
    if let Some(columns) = columns.undo {
        spans.push(span(undo(step, columns, theme), if step.undo.loses { theme.title } else { theme.dim }));
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

/// How long it is to take.
fn planned(step: &Step) -> String {
    step.planned_s.as_ref().map(|(seconds, _)| figure::seconds(*seconds)).unwrap_or_default()
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

/// How long taking it back takes, where there is something to take back.
fn undone_in(step: &Step) -> String {
    let stands = !matches!(step.status, Status::Pending | Status::RolledBack) && step.undo.none.is_none();
    let takes = step.undo.takes_s.as_ref().filter(|_| stands);
    takes.map(|(seconds, _)| figure::seconds(*seconds)).unwrap_or_default()
}

/// What taking it back takes, in so many columns, and whether that may lose writes.
fn undo(step: &Step, columns: usize, theme: &Theme) -> String {
    let takes = undone_in(step);
    if takes.is_empty() {
        let never = step.undo.none.is_some() && !matches!(step.status, Status::Pending | Status::RolledBack);
        return if never { "  no way back".to_owned() } else { String::new() };
    }
    let loses = if step.undo.loses { ", may lose writes" } else { "" };
    format!("  {} {}{loses}", theme.symbols.of("↶", "<"), text::right(&takes, columns))
}
