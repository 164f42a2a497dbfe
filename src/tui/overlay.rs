//! What lies over the panels: help, the palette, identities, what happened meanwhile.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};

use super::action::Action;
use super::command;
use super::dialog::Guard;
use super::model::{Model, Overlay};
use super::update::Effect;

/// How what lies over the panels is read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// How far it is scrolled.
    pub scroll: usize,
    /// It came by itself: what was typed for something else does not close it.
    guard: Option<Guard>,
    /// What is shown once it is closed.
    then: Option<Overlay>,
}

impl Reading {
    /// Whether any key closes it by now.
    pub fn takes_keys(&self) -> bool {
        self.guard.as_ref().is_none_or(Guard::is_armed)
    }

    /// Something came that was typed by nobody.
    pub(super) fn silence(&mut self, now: Duration) {
        if let Some(guard) = &mut self.guard {
            guard.silence(now);
        }
    }
}

/// Shows what somebody asked for.
pub(super) fn open(model: &mut Model, overlay: Overlay) {
    (model.overlay, model.reading) = (Some(overlay), Reading::default());
}

/// Shows what nobody asked for; what was to be read is read after it.
pub(super) fn comes(model: &mut Model, overlay: Overlay) {
    let guard = Some(Guard::new(model.now, model.pressed));
    model.reading = Reading { scroll: 0, guard, then: model.overlay.replace(overlay) };
}

/// Takes all of it away.
pub(super) fn close_all(model: &mut Model) {
    (model.overlay, model.reading) = (None, Reading::default());
}

/// Any key closes it, and does nothing else, but for those that scroll.
fn close(model: &mut Model, key: &KeyEvent) {
    let now = model.now;
    if model.reading.guard.as_mut().is_some_and(|guard| !guard.closes(key.code, now)) {
        return;
    }
    let then = model.reading.then.take();
    close_all(model);
    if let Some(then) = then {
        comes(model, then);
    }
}

/// Takes a key.
pub(super) fn key(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    let Some(Overlay::Palette(typed, at)) = &mut model.overlay else {
        let (longest, page) = super::draw::overlay_room(model);
        let by = match model.keymap.action(key) {
            Some(Action::Up) => -1,
            Some(Action::Down) => 1,
            Some(Action::PageUp) => 0_isize.saturating_sub_unsigned(page),
            Some(Action::PageDown) => 0_isize.saturating_add_unsigned(page),
            _ => {
                close(model, key);
                return Vec::new();
            }
        };
        model.reading.scroll = model.reading.scroll.min(longest).saturating_add_signed(by).min(longest);
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
    comes(model, Overlay::Since(model.touched_at));
    model.touched_at = model.view.seq;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::client::{Me, Update};
    use crate::protocol::view::View;
    use crate::tui::update::{Input, update};
    use crate::tui::{keymap::Keymap, theme::Theme};
    use crossterm::event::{Event, KeyModifiers};

    /// A screen, and its clock in milliseconds.
    struct Window(Model, u64);

    impl Window {
        fn new() -> Self {
            let view = View { seq: 9, ..View::default() };
            let theme = Theme::named("dark", true, false).unwrap();
            Self(Model::new(view, Me::new("anna"), false, (Keymap::standard(), theme)), 0)
        }

        /// The engine is heard of, so many milliseconds later.
        fn waits(&mut self, milliseconds: u64) -> &mut Self {
            self.1 += milliseconds;
            let at = self.0.view.at;
            update(&mut self.0, Input::Engine(Update::Beat(at)), Duration::from_millis(self.1));
            self
        }

        fn press(&mut self, code: KeyCode) -> Option<&Overlay> {
            let key = Event::Key(KeyEvent::new(code, KeyModifiers::NONE));
            update(&mut self.0, Input::Terminal(key), Duration::from_millis(self.1));
            self.0.overlay.as_ref()
        }
    }

    #[test]
    fn what_has_to_be_known_is_read_first_and_what_happened_after_it_neither_by_a_key_for_something_else() {
        let mut window = Window::new();
        window.0.came_back(3);
        window.0.warned(vec!["a login ends".to_owned()]);
        let s = KeyCode::Char('s');
        assert!(matches!(window.press(s), Some(Overlay::Warnings(_))), "typed before it was there");
        assert_eq!(window.waits(500).waits(600).press(s), Some(&Overlay::Since(3)));
        assert_eq!(window.press(s), Some(&Overlay::Since(3)));
        assert_eq!(window.waits(500).press(KeyCode::Esc), None);
    }

    #[test]
    fn the_key_that_wakes_a_screen_does_not_close_what_it_shows_while_it_is_held() {
        let mut window = Window::new();
        let space = KeyCode::Char(' ');
        window.waits(301_000);
        assert!(window.press(space).is_some());
        window.waits(450).waits(150);
        for _ in 0..30 {
            assert!(window.waits(33).press(space).is_some());
        }
        assert_eq!(window.waits(500).waits(600).press(space), None, "pressed again");
    }
}
