//! A dialog: what it will do, whom it touches, what is to be typed, and why it was refused.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::preview::{self, indented};
use super::{frame, gate, people};
use crate::domain::figure;
use crate::tui::dialog::{Dialog, Field, Kind};
use crate::tui::model::Model;
use crate::tui::text::{self, line, span};
use crate::tui::theme::Theme;

/// The widest dialog, in columns.
const WIDEST: u16 = 110;

pub(super) fn draw(model: &Model, dialog: &Dialog, frame: &mut Frame, area: Rect) {
    let theme = &model.theme;
    let width = usize::from(area.width.min(WIDEST).saturating_sub(4));
    let body = body(model, dialog, width);
    let foot = foot(model, dialog, width);
    let (long, short) = (lines(&body), lines(&foot));
    let height = long.saturating_add(short).saturating_add(2);
    let inside = frame::over(frame, area, (WIDEST, height), &dialog.kind.title(), theme);
    // What is to be typed is always seen; what is shown above it scrolls.
    let [above, below] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(short.min(inside.height))]).areas(inside);
    let room = usize::from(above.height);
    let scroll = dialog.scroll.min(body.len().saturating_sub(room));
    let cut = body.len() > scroll + room;
    let mut shown: Vec<_> = body.into_iter().skip(scroll).take(room).collect();
    if cut && let Some(last) = shown.last_mut() {
        *last = line("… pgdn shows the rest", theme.dim);
    }
    frame.render_widget(Paragraph::new(shown), above);
    frame.render_widget(Paragraph::new(foot), below);
}

/// How far what it shows can be scrolled.
pub(super) fn longest(model: &Model, dialog: &Dialog, area: Rect) -> usize {
    let width = usize::from(area.width.min(WIDEST).saturating_sub(4));
    let inside = area.height.saturating_sub(2);
    let room = usize::from(inside.saturating_sub(lines(&foot(model, dialog, width))));
    body(model, dialog, width).len().saturating_sub(room)
}

fn lines(lines: &[Line<'_>]) -> u16 {
    u16::try_from(lines.len()).unwrap_or(u16::MAX)
}

fn body(model: &Model, dialog: &Dialog, width: usize) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let mut lines = Vec::new();
    // First, and not beside the fields: however much it is, there is room to type.
    if let Some(failure) = &dialog.refused {
        lines.extend(preview::failure(failure, 0, width, theme));
    }
    if !dialog.moved.is_empty() {
        lines.push(line("moved since you looked", theme.title));
        lines.extend(dialog.moved.iter().flat_map(|moved| indented(moved, 2, width, theme.you)));
    }
    if let Some(seen) = dialog.kind.seen() {
        lines.extend(preview::lines(&seen.preview, model.view.at, width, theme));
    }
    if matches!(dialog.kind, Kind::Offer { .. } | Kind::Take { .. }) {
        lines.extend(brief(model, width));
    }
    if let Kind::Answer { hand } = &dialog.kind {
        let hand = model.view.hands.iter().find(|up| up.hand == *hand);
        lines.extend(
            hand.into_iter().flat_map(|hand| indented(&format!("{}: {}", hand.by, hand.text), 0, width, theme.you)),
        );
    }
    if let Kind::Resume { step, .. } | Kind::Adopt { step, .. } | Kind::Stop { step, .. } = &dialog.kind {
        let known = model.view.step(step);
        lines.extend(
            known.map(|step| line(format!("{} ({}), attempt {}", step.id, step.action, step.attempt), Style::new())),
        );
    }
    lines
}

/// Where the run stands, for who takes over: state, what waits, risks, notes, the next gates.
fn brief(model: &Model, width: usize) -> Vec<Line<'static>> {
    let (view, theme) = (&model.view, &model.theme);
    let mut lines = indented(&view.sentence.text, 0, width, theme.title);
    let fences: Vec<_> = view.fences.iter().map(|(service, step)| format!("{service} is fenced by {step}")).collect();
    lines.extend(fences.iter().flat_map(|fence| indented(fence, 1, width, theme.bad)));
    lines.push(line("risks", theme.title));
    for risk in view.risks.iter().take(4) {
        let left = risk.left_s.map(|left| format!(", {} left", figure::seconds(left.max(0.0)))).unwrap_or_default();
        lines.extend(indented(&format!("{}: {}{left}", risk.what, risk.value), 1, width, Style::new()));
    }
    lines.push(line("next gates", theme.title));
    let open = view.steps.iter().filter(|step| step.ended.is_none()).take(3);
    lines.extend(open.flat_map(|step| {
        let phrase = step.gate.phrase.as_ref().map(|phrase| format!(", phrase {phrase}")).unwrap_or_default();
        indented(&format!("{} on day {}, {}{phrase}", step.id, step.day, step.owner), 1, width, Style::new())
    }));
    lines.push(line("people", theme.title));
    lines.extend(people::lines(model, width).into_iter().take(8));
    lines
}

/// Whom a gate touches, where that does not stand in its preview: then everybody that the run knows is named.
fn whom(model: &Model, kind: &Kind) -> Option<String> {
    let view = &model.view;
    let named = match kind {
        Kind::Start { seen, .. } | Kind::Back { seen, .. } => !seen.preview.identities.is_empty(),
        Kind::Resume { .. } | Kind::Adopt { .. } => false,
        _ => return None,
    };
    let known: Vec<_> = view.identities.iter().map(|(service, identity)| format!("{service} {identity}")).collect();
    Some(if named || known.is_empty() { view.host.clone() } else { known.join(", ") })
}

fn foot(model: &Model, dialog: &Dialog, width: usize) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let mut lines = indented(&dialog.kind.says(), 0, width, theme.title);
    if let Some(whom) = whom(model, &dialog.kind) {
        lines.extend(indented(&format!("in {}, at {whom}", model.view.environment), 0, width, theme.dim));
    }
    if let Kind::Start { step, seen, .. } = &dialog.kind
        && let Some(step) = model.view.step(step)
    {
        lines.extend(gate::waits(&model.view, step, Some(&seen.digest), width, theme));
    }
    lines.extend(no_go(&dialog.kind, width, theme));
    lines.extend(dialog.fields.iter().enumerate().map(|(at, field)| drawn(model, field, at == dialog.at, width)));
    let state = if dialog.sent.is_some() {
        format!("{} sent; the engine decides", theme.symbols.of("▸", ">"))
    } else if !dialog.is_armed() {
        "wait: it takes keys once none came for a moment".to_owned()
    } else if dialog.is_met() {
        "enter does it   esc leaves".to_owned()
    } else {
        "type it, then enter   esc leaves".to_owned()
    };
    lines.push(line(state, theme.dim));
    lines
}

/// What keeps it from starting: the board that says so may be out of sight.
fn no_go(kind: &Kind, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut fails = kind.fails();
    let Some(first) = fails.next() else { return Vec::new() };
    let more = match fails.count() {
        0 => String::new(),
        more => format!(", and {more} more above"),
    };
    let says = format!("NO GO: {}: {}{more}; leave, mend it, look again", first.what, first.value);
    indented(&says, 0, width, theme.bad)
}

fn drawn(model: &Model, field: &Field, is_at: bool, width: usize) -> Line<'static> {
    let theme = &model.theme;
    let sign = if field.is_met() && !field.text.is_empty() {
        theme.symbols.of("✓", "+")
    } else {
        theme.symbols.of("▸", ">")
    };
    let style = if field.is_met() && !field.text.is_empty() { theme.good } else { theme.you };
    let label = text::start(&field.label, width.saturating_sub(24));
    let room = width.saturating_sub(text::width(&label) + 6);
    let cursor = if is_at { "_" } else { "" };
    // The end of what is typed is what one looks at.
    let typed = text::end(&field.text, room);
    Line::from(vec![
        span(format!("{sign} "), style),
        span(format!("{label}: "), if is_at { theme.accent } else { theme.dim }),
        span(typed, theme.title),
        span(cursor, theme.accent),
    ])
}
