//! The two lines on top of every screen: where this is and whether it is so now; then one sentence.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::fit::{Item, names, spans, squeeze};
use crate::protocol::view::Mood;
use crate::tui::action::Action;
use crate::tui::changed::Figure;
use crate::tui::model::Model;
use crate::tui::text::{self, span};

/// An environment's name takes no more columns than this.
const ENVIRONMENT: usize = 24;

/// Where the other items may be said shorter, so many columns are kept for whom the run talks to.
const WHOM: usize = 28;

/// Which identities are told first where there is room for a few: where it costs most to be on the wrong one.
const FIRST: [&str; 5] = ["AWS", "Kubernetes", "hosted zone", "source MySQL", "target MySQL"];

pub(super) fn draw(model: &Model, frame: &mut Frame, area: Rect) {
    let width = usize::from(area.width);
    frame.render_widget(Paragraph::new(vec![first(model, width), sentence(model, width)]), area);
}

/// Always of now, also while the past is looked at: a fence that is shut is shut.
fn first(model: &Model, width: usize) -> Line<'static> {
    let (view, theme) = (&model.view, &model.theme);
    let environment = if view.production { view.environment.to_uppercase() } else { view.environment.clone() };
    let style = if view.production { theme.alarm } else { theme.accent };
    let mut items = vec![Item::new([format!(" {} ", text::middle(&environment, ENVIRONMENT))], style)];
    items.extend(view.fences.iter().map(|(service, _)| {
        let bars = view.barred.as_ref() == Some(service);
        Item::new([format!(" FENCE {service} ")], if bars { theme.alarm } else { theme.title })
    }));
    let fences = items.len();
    items.extend([freeze(model), past(model), link(model), lag(model), forecast(model)]);
    let [freeze, past, link, lag, forecast] = [0, 1, 2, 3, 4].map(|at| fences + at);
    // The forecast is said in fewer words before whom this is about is not said at all.
    squeeze(&mut items, &[forecast], width.saturating_sub(WHOM), true);
    squeeze(&mut items, &[forecast, lag], width, false);
    squeeze(&mut items, &[link, past, freeze], width, true);
    let fences: Vec<usize> = (1..fences).rev().collect();
    squeeze(&mut items, &[&[freeze, past, link], fences.as_slice()].concat(), width, false);
    let mut spans = spans(items);
    let used: usize = spans.iter().map(Span::width).sum();
    let mut known: Vec<_> = view.identities.iter().map(|(label, name)| (Some(label.as_str()), name.as_str())).collect();
    let place = |label: &str| FIRST.iter().position(|first| label.starts_with(first)).unwrap_or(FIRST.len());
    known.sort_by_key(|(label, _)| label.map(place));
    if !view.host.is_empty() {
        known.insert(0, (None, view.host.as_str()));
    }
    let named = names(&known, width.saturating_sub(used)).into_iter().enumerate();
    spans.extend(named.map(|(at, name)| span(name, if at == 0 { Style::new() } else { theme.dim })));
    Line::from(spans)
}

/// What is left of the time in which writes may wait.
fn freeze(model: &Model) -> Item {
    let view = &model.view;
    let Some(freeze) = view.freeze.as_ref().filter(|freeze| freeze.ended.is_none()) else {
        return Item::new([], model.theme.alarm);
    };
    let left = (freeze.budget_s - view.at.duration_since(freeze.since).as_secs_f64()).max(0.0);
    Item::new([format!(" FREEZE {left:.1} s left "), format!(" {left:.1} s ")], model.theme.alarm)
}

/// Whether the panels show an earlier moment, and how to come back.
fn past(model: &Model) -> Item {
    let Some(past) = &model.past else { return Item::new([], model.theme.you) };
    let (at, key) = (past.at.strftime("%a %H:%MZ"), model.keymap.name(Action::Bottom));
    Item::new([format!("  PAST: {at}, {key} returns "), format!("  PAST: {at} ")], model.theme.you)
}

/// Whether the engine is heard of now, whatever the panels show.
fn link(model: &Model) -> Item {
    let theme = &model.theme;
    let sign = theme.symbols.of("●", "*");
    match model.stale() {
        Some(silent) => Item::new([format!("  STALE {} s ", silent.as_secs())], theme.alarm),
        None => Item::new([format!(" {sign} live"), format!(" {sign}")], theme.good),
    }
}

/// How far the copy is behind.
fn lag(model: &Model) -> Item {
    let lag = model.view.lag().map(|lag| format!("  {lag}"));
    Item::new(lag, model.changed.style(&Figure::Lag, Style::new(), model.now))
}

/// What is left to do, and what is left until it has to be over: of the two, the second is said last.
fn forecast(model: &Model) -> Item {
    let forecast = model.view.forecast.as_ref().filter(|forecast| forecast.left_s.1 > 0.0);
    let Some(forecast) = forecast else { return Item::new([], model.theme.dim) };
    let left = forecast.left();
    let forms = match forecast.slack() {
        Some(slack) => vec![format!("  {left}, {slack}"), format!("  {slack}")],
        None => vec![format!("  {left}")],
    };
    Item::new(forms, model.changed.style(&Figure::Forecast, model.theme.dim, model.now))
}

fn sentence(model: &Model, width: usize) -> Line<'static> {
    let (view, theme) = (&model.view, &model.theme);
    let (symbol, style) = match view.sentence.mood {
        Mood::Calm => (theme.symbols.of("⋅", "."), Style::new()),
        Mood::Running => (theme.symbols.of("▸", ">"), Style::new()),
        Mood::You => (theme.symbols.of("»", ">"), theme.you),
        Mood::Failed => (theme.symbols.of("✗", "x"), theme.bad),
        Mood::Frozen => (theme.symbols.of("‖", "!"), theme.alarm),
        Mood::Done => (theme.symbols.of("✓", "+"), theme.good),
    };
    let room = width.saturating_sub(4);
    if let Some(unheard) = model.unheard() {
        let said = unheard.forms().into_iter().find(|form| text::width(form) <= room);
        let text = text::start(&said.unwrap_or_else(|| unheard.in_full()), room);
        return Line::from(vec![
            span(format!(" {} ", theme.symbols.of("‖", "!")), theme.alarm),
            span(text, theme.alarm),
        ]);
    }
    let text = text::start(&model.sentence(), room);
    Line::from(vec![span(format!(" {symbol} "), style), span(text, style)])
}
