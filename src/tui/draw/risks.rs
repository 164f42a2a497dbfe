//! What can run out or break, nearest limit first: value, limit, time left, fix.

use ratatui::style::Style;
use ratatui::text::Line;

use super::preview::indented;
use crate::domain::figure;
use crate::protocol::view::Level;
use crate::tui::model::Model;
use crate::tui::text::{self, line, span};

pub(super) fn lines(model: &Model, width: usize) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let risks = &model.shown().risks;
    if risks.is_empty() {
        return vec![line(" nothing that is known can run out", theme.dim)];
    }
    risks
        .iter()
        .flat_map(|risk| {
            let (sign, style) = match risk.level {
                Level::Fine => (theme.symbols.of("⋅", "."), theme.dim),
                Level::Near => (theme.symbols.of("▲", "^"), theme.title),
                Level::Over => (theme.symbols.of("✗", "x"), theme.bad),
            };
            let left = risk
                .left_s
                .map(|left| if left < 0.0 { "over".to_owned() } else { figure::seconds(left) })
                .unwrap_or_default();
            let names = (width / 3).clamp(12, 34);
            let room = width.saturating_sub(3 + names + 13 + 2);
            // Its limit is read whole: beside the value, or else under it.
            let limit = risk.limit.as_ref().map(|limit| format!("limit {limit}")).unwrap_or_default();
            let beside = text::width(&risk.value) + 2 + text::width(&limit) <= room;
            let (beside, under) = if beside { (format!("  {limit}"), String::new()) } else { (String::new(), limit) };
            let mut lines = vec![Line::from(vec![
                span(format!(" {sign} "), style),
                span(text::left(&text::middle(&risk.what, names), names), Style::new()),
                span(text::right(&left, 13), if risk.level == Level::Fine { Style::new() } else { style }),
                span(format!("  {}", text::start(&risk.value, room)), Style::new()),
                span(beside, theme.dim),
            ])];
            if !under.is_empty() {
                lines.extend(indented(&under, 5, width, theme.dim));
            }
            if let Some(fix) = &risk.fix {
                lines.extend(indented(fix, 5, width, theme.dim));
            }
            lines
        })
        .collect()
}
