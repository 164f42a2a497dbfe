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
    lines.extend(step.parts.iter().skip(hidden).map(|part| line_of(part, at, width, theme)));
    lines
}

/// One change: how far it came, what it is, how long it took and took in the rehearsal.
pub(super) fn line_of(part: &Part, at: Timestamp, width: usize, theme: &Theme) -> Line<'static> {
    let (sign, style) = match part.state {
        PartState::Doing => (theme.symbols.of("▸", ">"), theme.accent),
        PartState::Done => (theme.symbols.of("✓", "+"), theme.good),
        PartState::NotDone => (theme.symbols.of("⋅", "."), theme.dim),
        PartState::Undoing => (theme.symbols.of("↶", "<"), theme.accent),
        PartState::Undone => (theme.symbols.of("↶", "<"), theme.dim),
    };
    let seconds = part.seconds.or_else(|| part.since.map(|since| at.duration_since(since).as_secs_f64()));
    let took = seconds.map(precise).unwrap_or_default();
    let rehearsed = part.rehearsed_s.map(|seconds| format!(" / {}", precise(seconds))).unwrap_or_default();
    let words = width.saturating_sub(3 + 12 + 14);
    Line::from(vec![
        span(format!(" {sign} "), style),
        span(text::left(&part.summary, words), Style::new()),
        span(text::right(&took, 12), Style::new()),
        span(text::left(&rehearsed, 14), theme.dim),
    ])
}

/// A length of time down to milliseconds, where it is short.
pub(super) fn precise(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { figure::seconds(seconds) }
}
