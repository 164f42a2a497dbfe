//! A preview as a diff: who is talked to, what is created, changed and removed, what to know before saying yes.

use jiff::Timestamp;
use ratatui::style::Style;
use ratatui::text::Line;

use super::board;
use crate::domain::preview::{Preview, Verb};
use crate::domain::{Failure, figure};
use crate::tui::text::{self, line, span};
use crate::tui::theme::Theme;

/// As it is read at that time.
pub(super) fn lines(preview: &Preview, at: Timestamp, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (service, identity) in &preview.identities {
        lines.push(Line::from(vec![
            span(format!("   at {} ", text::left(service, 16)), theme.dim),
            span(text::middle(identity, width.saturating_sub(23)), theme.title),
        ]));
    }
    for change in &preview.changes {
        let (sign, style) = match change.verb {
            Verb::Create => ("+", theme.good),
            Verb::Change => ("~", theme.accent),
            Verb::Remove => ("-", theme.bad),
            Verb::Keep => ("=", theme.dim),
        };
        lines.push(Line::from(vec![
            span(format!(" {sign} "), style),
            span(text::middle(&change.object, width.saturating_sub(3)), style),
        ]));
        for detail in change.detail.iter().flat_map(|detail| detail.lines()) {
            lines.extend(indented(detail, 5, width, Style::new()));
        }
    }
    for (name, value) in &preview.settings {
        lines.extend(indented(&format!("with {name}: {value}"), 3, width, theme.dim));
    }
    for (name, value) in &preview.figures {
        lines.extend(indented(&format!("now {name}: {value}"), 3, width, theme.dim));
    }
    lines.extend(board::lines(&preview.conditions, at, width, theme));
    for warning in &preview.warnings {
        lines.extend(indented(&format!("! {warning}"), 1, width, theme.title));
    }
    for risk in &preview.accepts {
        lines.extend(indented(&format!("! RISK {risk}"), 1, width, theme.bad));
    }
    if let Some(takes) = preview.takes {
        lines.push(line(format!("   takes {}", figure::seconds(takes)), theme.dim));
    }
    if let Some(loses) = preview.loses {
        let style = if loses > 0 { theme.bad } else { theme.good };
        lines.push(line(format!("   loses {loses} acknowledged writes"), style));
    }
    lines.extend(indented(&format!("way back: {}", preview.undo), 3, width, Style::new()));
    lines
}

/// What failed, why, and what to do next.
pub(super) fn failure(failure: &Failure, by: usize, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = indented(&failure.what, by, width, theme.bad);
    lines.extend(failure.why.iter().flat_map(|why| indented(&format!("because {why}"), by + 2, width, Style::new())));
    lines.extend(failure.next.iter().flat_map(|next| indented(&format!("do: {next}"), by + 2, width, theme.title)));
    lines
}

/// A text as lines that begin so many columns in.
pub(super) fn indented(text: &str, by: usize, width: usize, style: Style) -> Vec<Line<'static>> {
    let parts = text::wrapped(text, width.saturating_sub(by));
    parts.into_iter().map(|part| line(format!("{}{part}", " ".repeat(by)), style)).collect()
}
