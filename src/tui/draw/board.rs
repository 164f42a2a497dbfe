//! A go/no-go board: each condition with how it stands, its limit, its age, and what to do.

use jiff::Timestamp;
use ratatui::text::Line;

use super::preview::indented;
use crate::domain::{Condition, Stands};
use crate::tui::text::{self, span};
use crate::tui::theme::Theme;

/// Names take no more columns than this.
const NAMES: usize = 42;

/// What stands in front of a name.
const WORD: usize = 9;

/// So many columns at the end of a line are its age.
const AGE: usize = 10;

/// The board as it is read at that time: each condition was looked at by itself, and so has an age of its own.
pub(super) fn lines(conditions: &[Condition], at: Timestamp, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let longest = conditions.iter().map(|condition| text::width(&condition.what)).max().unwrap_or(0);
    let names = longest.min(NAMES).min(width.saturating_sub(WORD + AGE));
    conditions.iter().flat_map(|condition| condition_lines(condition, at, (names, width), theme)).collect()
}

fn condition_lines(
    condition: &Condition,
    at: Timestamp,
    (names, width): (usize, usize),
    theme: &Theme,
) -> Vec<Line<'static>> {
    let (word, style) = match condition.stands {
        Stands::Holds => (theme.symbols.of(" ✓ go    ", " + go    "), theme.good),
        Stands::Waits => (theme.symbols.of(" ⋅ waits ", " . waits "), theme.accent),
        Stands::Fails => (theme.symbols.of(" ✗ NO GO ", " x NO GO "), theme.bad),
    };
    let room = width.saturating_sub(WORD + names + AGE);
    let limit = condition.limit.as_ref().map(|limit| format!(" (limit {limit})")).unwrap_or_default();
    // A value and its limit are read whole: beside the name, or else under it.
    let beside = text::width(&condition.value) + text::width(&limit) < room;
    let (value, bound) = if beside { (format!(" {}", condition.value), limit.as_str()) } else { Default::default() };
    let missing = room.saturating_sub(text::width(&value) + text::width(bound));
    let mut lines = vec![Line::from(vec![
        span(word, style),
        span(text::left(&condition.what, names), theme.title),
        span(value, theme.title),
        span(bound, theme.dim),
        span(" ".repeat(missing) + &text::right(&age(condition, at), AGE), theme.dim),
    ])];
    if !beside {
        lines.extend(indented(&format!("{}{limit}", condition.value), WORD, width, theme.title));
    }
    if let Some(fix) = &condition.fix {
        lines.extend(indented(fix, WORD, width, theme.dim));
    }
    lines
}

/// How long ago it was looked at, in a unit that does not tick while one reads.
fn age(condition: &Condition, at: Timestamp) -> String {
    match at.duration_since(condition.at).as_secs().max(0) {
        seconds @ 0..60 => format!("{seconds} s ago"),
        seconds @ 60..3600 => format!("{} min ago", seconds / 60),
        seconds => format!("{} h ago", seconds / 3600),
    }
}
