//! What lies over the panels: help from the table of keys, the palette, identities in full, what happened since.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::frame;
use super::preview::indented;
use crate::tui::action::Action;
use crate::tui::model::{Model, Overlay};
use crate::tui::overlay::found;
use crate::tui::text::{self, line, span};

pub(super) fn draw(model: &Model, overlay: &Overlay, frame: &mut Frame, area: Rect) {
    let theme = &model.theme;
    let (title, lines) = contents(model, overlay, area);
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let inside = frame::over(frame, area, (100, height), &title, theme);
    let shown = usize::from(inside.height);
    let scroll = model.reading.scroll.min(lines.len().saturating_sub(shown));
    let more = lines.len().saturating_sub(scroll + shown);
    let mut lines: Vec<_> = lines.into_iter().skip(scroll).take(shown).collect();
    if more > 0
        && let Some(last) = lines.last_mut()
    {
        let down = model.keymap.name(Action::Down);
        *last = line(format!("… {down} shows {} more; any other key closes this", more + 1), theme.dim);
    }
    frame.render_widget(Paragraph::new(lines), inside);
}

/// Its title and its lines.
fn contents(model: &Model, overlay: &Overlay, area: Rect) -> (String, Vec<Line<'static>>) {
    match overlay {
        Overlay::Help => ("keys".to_owned(), help(model)),
        Overlay::Palette(typed, at) => (format!(": {typed}_"), palette(model, typed, *at)),
        Overlay::Identities => ("whom this run talks to".to_owned(), identities(model)),
        Overlay::Warnings(warnings) => ("know this first".to_owned(), told(model, warnings, area)),
        Overlay::Since(seq) => since(model, *seq),
    }
}

/// How far it can be scrolled, and how much of it is a page: all but the line that says that there is more.
pub(super) fn room(model: &Model, overlay: &Overlay, area: Rect) -> (usize, usize) {
    let shown = usize::from(area.height.saturating_sub(2));
    let lines = contents(model, overlay, area).1.len();
    (lines.saturating_sub(shown), shown.saturating_sub(1).max(1))
}

/// How what came by itself is closed: said once a key would do it.
fn closing(model: &Model) -> Line<'static> {
    let text = if model.reading.takes_keys() { "any key closes this, and does nothing else" } else { "" };
    line(text, model.theme.dim)
}

fn told(model: &Model, warnings: &[String], area: Rect) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let width = usize::from(area.width.min(100).saturating_sub(4));
    let mut lines: Vec<_> =
        warnings.iter().flat_map(|warning| indented(&format!("! {warning}"), 0, width, theme.you)).collect();
    lines.push(closing(model));
    lines
}

fn help(model: &Model) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let row = |action: &Action| {
        Line::from(vec![
            span(format!("{} ", text::right(&model.keymap.keys(*action), 14)), theme.accent),
            span(action.says(), Style::new()),
        ])
    };
    Action::ALL.iter().map(row).collect()
}

fn palette(model: &Model, typed: &str, at: usize) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let found = found(typed);
    if found.is_empty() {
        return vec![line("no action has these words", theme.dim)];
    }
    let at = at.min(found.len() - 1);
    let row = |(index, action): (usize, &Action)| {
        let style = if index == at { theme.selected } else { Style::new() };
        Line::from(vec![
            span(format!("{} ", text::right(model.keymap.key(*action), 8)), theme.accent),
            span(action.says(), style),
        ])
    };
    found.iter().enumerate().skip(at.saturating_sub(8)).take(14).map(row).collect()
}

fn identities(model: &Model) -> Vec<Line<'static>> {
    let (view, theme) = (model.shown(), &model.theme);
    let mut rows = vec![
        ("run".to_owned(), view.run.clone()),
        ("runbook".to_owned(), view.runbook.clone()),
        ("environment".to_owned(), view.environment.clone()),
        ("service".to_owned(), format!("{} at {}", view.service, view.host)),
    ];
    if let Some(engine) = &view.engine {
        let deaths = if engine.deaths > 0 { format!(", {} died before it", engine.deaths) } else { String::new() };
        rows.push((
            "engine".to_owned(),
            format!("process {} of {} on {}{deaths}", engine.pid, engine.who, engine.host),
        ));
    }
    rows.extend(view.identities.iter().cloned());
    rows.iter()
        .flat_map(|(name, value)| {
            let parts = text::wrapped(value, 76);
            parts
                .into_iter()
                .enumerate()
                .map(|(at, part)| {
                    let name = if at == 0 { text::left(name, 18) } else { " ".repeat(18) };
                    Line::from(vec![span(format!("{name} "), theme.dim), span(part, Style::new())])
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn since(model: &Model, seq: u64) -> (String, Vec<Line<'static>>) {
    let theme = &model.theme;
    let news: Vec<_> = model.timeline.moments.iter().filter(|moment| moment.seq > seq && moment.matters).collect();
    if model.timeline.known < model.view.seq && news.is_empty() {
        return ("meanwhile".to_owned(), vec![line("reading the journal", theme.dim)]);
    }
    let Some(first) = news.first() else {
        return ("meanwhile".to_owned(), vec![line("nothing happened", Style::new()), closing(model)]);
    };
    let lines = news.iter().map(|moment| {
        let step = if moment.step.is_empty() { String::new() } else { format!("{}: ", moment.step) };
        Line::from(vec![
            span(format!("{} ", moment.at.strftime("%a %H:%MZ")), theme.dim),
            span(format!("{step}{}", moment.text), Style::new()),
        ])
    });
    let title = format!("since {}", first.at.strftime("%a %H:%MZ"));
    (title, lines.chain([closing(model)]).collect())
}
