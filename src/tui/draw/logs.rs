//! The log: its newest lines at the foot, or where it was paused.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::domain::figure;
use crate::protocol::log::{self, Level};
use crate::tui::action::Action;
use crate::tui::model::Model;
use crate::tui::text::{self, line, span};

/// No panel is so high: then all of it is wanted, to its foot.
const WHOLE: usize = 1_000;

pub(super) fn lines(model: &Model, width: usize, height: usize) -> Vec<Line<'static>> {
    let logs = &model.logs;
    let mut lines = Vec::new();
    let foot = logs.foot();
    let room = height.saturating_sub(1);
    let mut at = foot + 1;
    // From the foot up, as many as there is room for; of the uppermost its end.
    while let Some(shown) = at.checked_sub(1).and_then(|at| logs.lines.get(at)).filter(|_| lines.len() < room) {
        lines.extend(marked(model, shown, width).into_iter().rev().take(room - lines.len()));
        at -= 1;
    }
    if at == 0 && logs.before > 0 && lines.len() < room {
        lines.push(first_mark(model, width));
    }
    lines.reverse();
    if height <= WHOLE {
        // At the first of them there is room below.
        let below = logs.lines.iter().skip(foot + 1).take(room - lines.len());
        lines.extend(below.flat_map(|shown| marked(model, shown, width)));
        lines.truncate(room);
    }
    lines.resize(room.min(lines.len().max(if height > WHOLE { 0 } else { room })), Line::default());
    lines.push(state(model, width));
    lines
}

/// A line of the log, and what is missing before it.
fn marked(model: &Model, shown: &log::Line, width: usize) -> Vec<Line<'static>> {
    let missing = model.logs.gaps.get(&shown.n).map(|missing| {
        mark(&format!(" {} lines are missing here, let go unread", figure::count(*missing)), model, width)
    });
    missing.into_iter().chain(drawn(model, shown, width)).collect()
}

/// What stands above the first line that is here.
fn first_mark(model: &Model, width: usize) -> Line<'static> {
    let logs = &model.logs;
    if logs.paused_at.is_some() && logs.reaches_back() {
        return line(format!(" {} reading earlier lines", model.theme.symbols.of("▸", ">")), model.theme.accent);
    }
    mark(&format!(" {} earlier lines are not in this window", figure::count(logs.before)), model, width)
}

/// A mark where lines are not shown.
fn mark(what: &str, model: &Model, width: usize) -> Line<'static> {
    let sign = model.theme.symbols.of("⋅", ".");
    line(text::start(&format!(" {sign}{what}; the journal has every event"), width), model.theme.title)
}

fn drawn(model: &Model, shown: &log::Line, width: usize) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let (sign, style) = match shown.level {
        Level::Info => (" ", Style::new()),
        Level::Warn => ("!", theme.title),
        Level::Error => (theme.symbols.of("✗", "x"), theme.bad),
    };
    let step = shown.step.as_ref().map(|step| format!("{step}: ")).unwrap_or_default();
    let head = format!(" {} {sign} ", shown.at.strftime("%H:%M:%SZ"));
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
        let more = if logs.is_behind() { "more than " } else { "" };
        words.push(span(format!(" PAUSED, {more}{} new below ", figure::count(logs.below())), theme.you));
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
