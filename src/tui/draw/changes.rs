//! A step's changes to the world, each with its time beside the rehearsal's.

use jiff::Timestamp;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::domain::figure;
use crate::domain::state::Status;
use crate::protocol::view::{Part, PartState, Step};
use crate::tui::text::{self, line, span};
use crate::tui::theme::Theme;

/// While a step runs, so many of the changes that are behind it are shown.
const BEHIND: usize = 3;

/// The changes in order. Of a step that runs, those around the one that is being made.
pub(super) fn lines(step: &Step, at: Timestamp, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    if step.parts.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![line("", theme.dim), line(" changes", theme.title)];
    let moves = |part: &Part| matches!(part.state, PartState::Doing | PartState::Undoing);
    let moving = step.parts.iter().position(moves).unwrap_or(step.parts.len());
    let hidden = if step.status == Status::Running { moving.saturating_sub(BEHIND) } else { 0 };
    if hidden > 0 {
        lines.push(line(format!("   {hidden} more before these"), theme.dim));
    }
    let columns = Columns::of(step, width);
    lines.extend(step.parts.iter().skip(hidden).map(|part| line_of(part, at, &columns, theme)));
    lines
}

/// Where the figures of a step's changes stand.
pub(super) struct Columns {
    words: usize,
    rehearsed: usize,
    /// Whether somebody is at it: else what is under way is in doubt.
    runs: bool,
}

impl Columns {
    /// Those of a step in a panel of that width.
    pub(super) fn of(step: &Step, width: usize) -> Self {
        let rehearsed = step.parts.iter().map(|part| text::width(&rehearsed(part))).max().unwrap_or(0);
        let words = width.saturating_sub(SIGN + TIME + rehearsed + 1);
        Self { words, rehearsed, runs: step.status == Status::Running }
    }
}

/// What stands in front of a change.
const SIGN: usize = 3;

/// The widest length of time, and a space before it.
const TIME: usize = 12;

/// One change: how far it came, what it is, how long it took and took in the rehearsal.
pub(super) fn line_of(part: &Part, at: Timestamp, columns: &Columns, theme: &Theme) -> Line<'static> {
    let (sign, style) = match part.state {
        PartState::Doing | PartState::Undoing if !columns.runs => ("?", theme.you),
        PartState::Doing => (theme.symbols.of("▸", ">"), theme.accent),
        PartState::Done => (theme.symbols.of("✓", "+"), theme.good),
        PartState::NotDone => (theme.symbols.of("⋅", "."), theme.dim),
        PartState::Undoing => (theme.symbols.of("↶", "<"), theme.accent),
        PartState::Undone => (theme.symbols.of("↶", "<"), theme.dim),
    };
    let seconds = part.seconds.or_else(|| part.since.map(|since| at.duration_since(since).as_secs_f64()));
    let took = seconds.map(precise).unwrap_or_default();
    let words = text::left(&text::middle(&part.summary, columns.words), columns.words);
    Line::from(vec![
        span(format!(" {sign} "), style),
        span(words, Style::new()),
        span(text::right(&took, TIME), Style::new()),
        span(text::left(&rehearsed(part), columns.rehearsed), theme.dim),
    ])
}

fn rehearsed(part: &Part) -> String {
    part.rehearsed_s.map(|seconds| format!(" / {}", precise(seconds))).unwrap_or_default()
}

/// A length of time down to milliseconds, where it is short.
pub(super) fn precise(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { figure::seconds(seconds) }
}
