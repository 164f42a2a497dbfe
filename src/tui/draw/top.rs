//! The two lines on top of every screen: where this is and whether it is so now; then one sentence.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::domain::figure;
use crate::protocol::view::{Mood, View};
use crate::tui::action::Action;
use crate::tui::model::Model;
use crate::tui::text::{self, span};

/// An identity is not cut to less than so many columns.
const SHORTEST: usize = 12;

pub(super) fn draw(model: &Model, frame: &mut Frame, area: Rect) {
    let width = usize::from(area.width);
    frame.render_widget(Paragraph::new(vec![first(model, width), sentence(model, width)]), area);
}

fn first(model: &Model, width: usize) -> Line<'static> {
    let (view, theme) = (model.shown(), &model.theme);
    let mut spans = Vec::new();
    let environment = format!(" {} ", view.environment);
    if view.production {
        spans.push(span(environment.to_uppercase(), theme.alarm));
    } else {
        spans.push(span(environment, theme.accent));
    }
    for (service, _) in &view.fences {
        spans.push(span(
            format!(" FENCE {service} "),
            if view.barred.as_ref() == Some(service) { theme.alarm } else { theme.title },
        ));
    }
    if let Some(freeze) = view.freeze.as_ref().filter(|freeze| freeze.ended.is_none()) {
        let left = freeze.budget_s - view.at.duration_since(freeze.since).as_secs_f64();
        spans.push(span(format!(" FREEZE {:.1} s left ", left.max(0.0)), theme.alarm));
    }
    spans.push(link(model));
    let rest = [(format!("  {}", view.host), Style::new()), (lag(view), Style::new()), (forecast(view), theme.dim)];
    spans.extend(rest.into_iter().filter(|(text, _)| !text.trim().is_empty()).map(|(text, style)| span(text, style)));
    let used: usize = spans.iter().map(Span::width).sum();
    spans.extend(identities(view, width.saturating_sub(used)).into_iter().map(|text| span(text, theme.dim)));
    Line::from(spans)
}

/// Whether what is shown is so now.
fn link(model: &Model) -> Span<'static> {
    let theme = &model.theme;
    if let Some(past) = &model.past {
        let key = model.keymap.name(Action::Bottom);
        return span(format!("  PAST: {}, {key} returns ", past.at.strftime("%a %H:%M")), theme.you);
    }
    match model.stale() {
        Some(silent) => span(format!("  STALE {} s ", silent.as_secs()), theme.alarm),
        None => span(format!(" {} live", theme.symbols.of("●", "*")), theme.good),
    }
}

/// How far the copy is behind, in the words of what keeps it.
fn lag(view: &View) -> String {
    let companion = view.steps.iter().rev().find_map(|step| step.companion.as_ref());
    // Of its words, those about how far it is behind; what else it says is in the step's own panel.
    let behind = |detail: &str| detail.split([',', ';']).find(|part| part.contains("behind")).map(str::to_owned);
    companion.and_then(|companion| behind(&companion.detail)).map(|lag| format!("  {}", lag.trim())).unwrap_or_default()
}

fn forecast(view: &View) -> String {
    let Some(forecast) = &view.forecast else { return String::new() };
    let (best, worst) = forecast.left_s;
    if worst <= 0.0 {
        return String::new();
    }
    let slack = forecast.slack_s.map(|slack| {
        if slack < 0.0 {
            format!(", {} TOO LATE", figure::seconds(-slack))
        } else {
            format!(", slack {}", figure::rough(slack))
        }
    });
    format!("  {} left{}", figure::range(best, worst), slack.unwrap_or_default())
}

/// As many as there is room for; each is cut in its middle, because ends tell them apart.
fn identities(view: &View, room: usize) -> Vec<String> {
    let count = view.identities.len().min(room / (SHORTEST + 4)).max(1);
    let each = (room / count).saturating_sub(3);
    if each < SHORTEST {
        return Vec::new();
    }
    view.identities
        .iter()
        .take(count)
        .map(|(service, identity)| format!("  {}", text::middle(&format!("{service} {identity}"), each)))
        .collect()
}

fn sentence(model: &Model, width: usize) -> Line<'static> {
    let (view, theme) = (model.shown(), &model.theme);
    let (symbol, style) = match view.sentence.mood {
        Mood::Calm => (theme.symbols.of("⋅", "."), Style::new()),
        Mood::Running => (theme.symbols.spinner(model.now.as_secs()), Style::new()),
        Mood::You => (theme.symbols.of("»", ">"), theme.you),
        Mood::Failed => (theme.symbols.of("✗", "x"), theme.bad),
        Mood::Frozen => (theme.symbols.of("‖", "!"), theme.alarm),
        Mood::Done => (theme.symbols.of("✓", "+"), theme.good),
    };
    let text = text::start(&model.sentence(), width.saturating_sub(4));
    Line::from(vec![span(format!(" {symbol} "), style), span(text, style)])
}
