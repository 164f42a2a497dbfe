//! A go/no-go board: each condition with how it stands, its limit, its age, and what to do.

use ratatui::text::Line;

use super::preview::indented;
use crate::domain::{Condition, Stands};
use crate::tui::text::{self, span};
use crate::tui::theme::Theme;

/// The column in which values begin.
const NAMES: usize = 42;

pub(super) fn lines(conditions: &[Condition], width: usize, theme: &Theme) -> Vec<Line<'static>> {
    conditions.iter().flat_map(|condition| condition_lines(condition, width, theme)).collect()
}

fn condition_lines(condition: &Condition, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (word, style) = match condition.stands {
        Stands::Holds => (theme.symbols.of(" ✓ go    ", " + go    "), theme.good),
        Stands::Waits => (theme.symbols.of(" ⋅ waits ", " . waits "), theme.accent),
        Stands::Fails => (theme.symbols.of(" ✗ NO GO ", " x NO GO "), theme.bad),
    };
    let names = NAMES.min(width / 2);
    let limit = condition.limit.as_ref().map(|limit| format!(" (limit {limit})")).unwrap_or_default();
    let mut lines = vec![Line::from(vec![
        span(word, style),
        span(text::left(&condition.what, names), theme.title),
        span(format!(" {}", text::start(&condition.value, width.saturating_sub(names + 10))), theme.title),
        span(limit, theme.dim),
    ])];
    if let Some(fix) = &condition.fix {
        lines.extend(indented(fix, 9, width, theme.dim));
    }
    lines
}
