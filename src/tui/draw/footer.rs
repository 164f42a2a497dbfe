//! The foot: what the screen itself has to say, else the main keys; those that do nothing now are dim, with why.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::tui::action::Action;
use crate::tui::model::{Model, Tab};
use crate::tui::text::{self, span};

pub(super) fn draw(model: &Model, frame: &mut Frame, area: Rect) {
    let theme = &model.theme;
    let width = usize::from(area.width);
    if let Some((said, _)) = &model.said {
        frame.render_widget(
            Paragraph::new(Line::from(span(format!(" {}", text::start(said, width.saturating_sub(1))), theme.title))),
            area,
        );
        return;
    }
    let why_not = model.why_not();
    let mut spans = Vec::new();
    let mut used = 0;
    for (action, label) in keys(model) {
        let commands = matches!(action, Action::Go | Action::Stop | Action::Abort | Action::RollBack);
        let off = commands && why_not.is_some();
        let text = format!(" {} {label} ", model.keymap.key(action));
        used += text::width(&text);
        if used > width {
            break;
        }
        spans.push(span(format!(" {} ", model.keymap.key(action)), if off { theme.dim } else { theme.accent }));
        spans.push(span(format!("{label} "), if off { theme.dim } else { Style::new() }));
    }
    if let Some(why) = why_not {
        spans.push(span(text::start(&format!("  {why}"), width.saturating_sub(used)), theme.dim));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}

/// The keys that matter now, most needed first.
fn keys(model: &Model) -> Vec<(Action, &'static str)> {
    let has = |verb: &str| model.current().is_some_and(|step| step.choices.iter().any(|choice| choice.verb == verb));
    let (view, mut keys) = (&model.view, Vec::new());
    if model.unheard().is_some() {
        // Nothing else does anything now, and why needs the room.
        return vec![(Action::NextTab, "next"), (Action::Help, "help"), (Action::Detach, "leave")];
    }
    let frozen = view.freeze.as_ref().is_some_and(|freeze| freeze.ended.is_none() && !freeze.switched);
    if frozen {
        keys.push((Action::Abort, "abort"));
    } else if has("stop") {
        keys.push((Action::Stop, "stop"));
    }
    // Who waits for an answer comes before what can be started.
    if model.drives() && !view.hands.is_empty() {
        keys.push((Action::Hand, "answer"));
    }
    if model.drives() && view.asks_for_the_wheel().is_some() {
        keys.push((Action::Wheel, "hand over"));
    }
    let asking = view.driver.as_ref().and_then(|driver| driver.asking.as_ref());
    let offered = asking.is_some_and(|asking| asking.offered && asking.by == model.me.name);
    if !model.watch && (view.driver.is_none() || offered) {
        keys.push((Action::Wheel, "take the wheel"));
    }
    let asks = asking.is_some_and(|asking| asking.by == model.me.name);
    // Who could drive, and does not.
    if let Some(driver) = view.driver.as_ref().filter(|driver| !model.watch && driver.name != model.me.name && !asks) {
        keys.push((Action::Wheel, if driver.silent { "take the wheel" } else { "ask for the wheel" }));
    }
    for (verb, label) in [("start", "start"), ("retry", "retry"), ("resume", "resume")] {
        if has(verb) {
            keys.push((Action::Go, label));
        }
    }
    if model.tab == Tab::Logs && !model.in_week {
        keys.extend([
            (Action::Search, "search"),
            (Action::Follow, "follow"),
            (Action::Level, "level"),
            (Action::Copy, "copy"),
        ]);
    }
    keys.extend([
        (Action::NextTab, "next"),
        (Action::Preview, "look"),
        (Action::Note, "note"),
        (Action::Help, "help"),
        (Action::Detach, "leave"),
    ]);
    keys
}
