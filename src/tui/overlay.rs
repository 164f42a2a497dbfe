//! What lies over the panels: help, the palette, identities, what happened meanwhile.

use crossterm::event::{KeyCode, KeyEvent};

use super::action::Action;
use super::command;
use super::model::{Model, Overlay};
use super::update::Effect;

/// Takes a key.
pub(super) fn key(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    let Some(Overlay::Palette(typed, at)) = &mut model.overlay else {
        let keeps =
            matches!(model.keymap.action(key), Some(Action::Up | Action::Down | Action::PageUp | Action::PageDown));
        if keeps {
            let by = if matches!(model.keymap.action(key), Some(Action::Up | Action::PageUp)) { -1 } else { 1 };
            model.scroll = model.scroll.saturating_add_signed(by).min(1_000);
        } else {
            // Any other key closes it, and does nothing else.
            model.overlay = None;
            model.scroll = 0;
        }
        return Vec::new();
    };
    match key.code {
        KeyCode::Esc => model.overlay = None,
        KeyCode::Down | KeyCode::Tab => *at += 1,
        KeyCode::Up => *at = at.saturating_sub(1),
        KeyCode::Backspace => {
            typed.pop();
            *at = 0;
        }
        KeyCode::Char(letter) => {
            typed.push(letter);
            *at = 0;
        }
        KeyCode::Enter => {
            let chosen = found(typed).get(*at).copied();
            model.overlay = None;
            if let Some(action) = chosen {
                return command::act(model, action);
            }
        }
        _ => {}
    }
    Vec::new()
}

/// The actions whose words have all the words that were typed.
pub fn found(typed: &str) -> Vec<Action> {
    let words: Vec<String> = typed.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let has = |action: &&Action| {
        let text = format!("{} {}", action.name(), action.says()).to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    };
    Action::ALL.iter().filter(has).copied().collect()
}

/// Shows what happened since the last key.
pub(super) fn since(model: &mut Model) {
    model.overlay = Some(Overlay::Since(model.touched_at));
    model.touched_at = model.view.seq;
}
