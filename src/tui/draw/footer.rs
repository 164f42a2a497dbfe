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
    let mut keys = Vec::new();
    let frozen = model.view.freeze.as_ref().is_some_and(|freeze| freeze.ended.is_none() && !freeze.switched);
    if frozen {
        keys.push((Action::Abort, "abort"));
    } else if has("stop") {
        keys.push((Action::Stop, "stop"));
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
    if model.view.driver.is_none() {
        keys.push((Action::Wheel, "take the wheel"));
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
