//! The log: its newest lines at the foot, or where it was paused.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::domain::figure;
use crate::protocol::log::{self, Level};
use crate::tui::action::Action;
use crate::tui::model::Model;
use crate::tui::text::{self, line, span};

pub(super) fn lines(model: &Model, width: usize, height: usize) -> Vec<Line<'static>> {
    let (logs, theme) = (&model.logs, &model.theme);
    let mut lines = Vec::new();
    let foot = logs.foot();
    let room = height.saturating_sub(1);
    let mut at = foot + 1;
    // From the foot up, as many as there is room for.
    while let Some(shown) = at.checked_sub(1).and_then(|at| logs.lines.get(at)) {
        let mut drawn = drawn(model, shown, width);
        if lines.len() + drawn.len() > room {
            break;
        }
        drawn.reverse();
        lines.extend(drawn);
        at -= 1;
    }
    if at == 0 && logs.cut && lines.len() < room {
        lines.push(line(" (earlier lines were let go here; the journal has every event)", theme.dim));
    }
    lines.reverse();
    lines.resize(room.min(lines.len().max(if height > 1_000 { 0 } else { room })), Line::default());
    lines.push(state(model, width));
    lines
}

fn drawn(model: &Model, shown: &log::Line, width: usize) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let (sign, style) = match shown.level {
        Level::Info => (" ", Style::new()),
        Level::Warn => ("!", theme.title),
        Level::Error => (theme.symbols.of("✗", "x"), theme.bad),
    };
    let step = shown.step.as_ref().map(|step| format!("{step}: ")).unwrap_or_default();
    let head = format!(" {} {sign} ", shown.at.strftime("%H:%M:%S"));
    let room = width.saturating_sub(text::width(&head));
    let whole = format!("{step}{}", shown.text);
    let parts = if model.logs.wrap { text::wrapped(&whole, room) } else { vec![text::start(&whole, room)] };
    let first = |at: usize| if at == 0 { head.clone() } else { " ".repeat(text::width(&head)) };
    parts
        .into_iter()
        .enumerate()
        .map(|(at, part)| Line::from(vec![span(first(at), theme.dim), span(part, style)]))
        .collect()
}

/// What is shown of it: following or paused, and what is left out.
fn state(model: &Model, width: usize) -> Line<'static> {
    let (logs, theme) = (&model.logs, &model.theme);
    let mut words = Vec::new();
    if logs.paused_at.is_some() {
        words.push(span(format!(" PAUSED, {} new below ", figure::count(logs.below())), theme.you));
        words.push(span(format!(" {} follows ", model.keymap.key(Action::Follow)), theme.dim));
    } else {
        words.push(span(" following ", theme.dim));
    }
    if logs.typing || !logs.search.is_empty() {
        let cursor = if logs.typing { "_" } else { "" };
        words.push(span(format!(" /{}{cursor} ", text::start(&logs.search, width / 3)), theme.accent));
    }
    if let Some(step) = &logs.step {
        words.push(span(format!(" only {step} "), theme.accent));
    }
    match logs.level {
        Level::Info => {}
        Level::Warn => words.push(span(" warnings and errors ", theme.accent)),
        Level::Error => words.push(span(" errors only ", theme.accent)),
    }
    Line::from(words)
}
