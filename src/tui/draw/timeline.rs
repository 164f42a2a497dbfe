//! The timeline: the journal's events, the newest at the foot; an earlier one can be looked at as it was.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::tui::action::Action;
use crate::tui::model::Model;
use crate::tui::text::{self, line, span};

/// Stands where figures were let go.
const GAP: &str = " - figures from before this are not kept; the events are whole";

pub(super) fn lines(model: &Model, width: usize, height: usize) -> Vec<Line<'static>> {
    let (timeline, theme) = (&model.timeline, &model.theme);
    let moments = &timeline.moments;
    if moments.is_empty() {
        return vec![line(" nothing happened yet", theme.dim)];
    }
    // Where figures were let go, between the last moment without and the first with them.
    let gap = model.view.figures_since.map(|since| moments.partition_point(|moment| moment.at < since));
    let gap = gap.filter(|first| *first > 0);
    let room = height.saturating_sub(1 + usize::from(gap.is_some())).max(1);
    let at = timeline.at();
    // The selected one stays in the middle, but for the ends.
    let from = at.saturating_sub(room / 2).min(moments.len().saturating_sub(room));
    let looked_at = model.past.as_ref().map(|past| past.seq);
    let mut lines: Vec<_> = moments
        .iter()
        .enumerate()
        .skip(from)
        .take(room)
        .flat_map(|(index, moment)| {
            let style = if index == at && !model.in_week { theme.selected } else { Style::new() };
            let mark = if looked_at == Some(moment.seq) { theme.symbols.of("▸", ">") } else { " " };
            let step = text::left(&moment.step, 12);
            let room = width.saturating_sub(30);
            let drawn = Line::from(vec![
                span(format!("{mark}{} ", moment.at.strftime("%a %H:%M:%SZ")), theme.dim),
                span(format!("{step} "), theme.accent),
                span(text::start(&moment.text, room), style),
            ]);
            let is_gap = gap == Some(index + 1);
            [Some(drawn), is_gap.then(|| line(text::start(GAP, width), theme.title))].into_iter().flatten()
        })
        .collect();
    lines.push(line(format!(" {} shows how it stood then", model.keymap.key(Action::Open)), theme.dim));
    lines
}
