//! Dialogs: what an order needs typed, and the order that comes of it.
//!
//! A dialog takes no key before it was quiet for [`ARMS_AFTER`]: what was typed for something else, or by a key
//! that is held, is dropped. A gate's phrase is typed letter by letter; a paste never fills it, and Enter alone
//! confirms nothing, because every gate has something to type.

pub mod kind;

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::domain::{Failure, plain};
pub use kind::{Kind, Sending};

/// A dialog takes keys once none came for so long.
pub const ARMS_AFTER: Duration = Duration::from_millis(400);

/// The longest text that a field takes, in characters.
const LONGEST: usize = 500;

/// A question to the driver.
#[derive(Debug, Clone, PartialEq)]
pub struct Dialog {
    /// What it is about.
    pub kind: Kind,
    /// What is to be typed.
    pub fields: Vec<Field>,
    /// The field that is typed into.
    pub at: usize,
    /// How far what it shows is scrolled.
    pub scroll: usize,
    /// When it was opened, or a key was last dropped.
    quiet_since: Duration,
    armed: bool,
    /// The order that was sent, until it is answered.
    pub sent: Option<String>,
    /// Why the last one was refused.
    pub refused: Option<Failure>,
}

/// Something to be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What for.
    pub label: String,
    /// To the letter; nothing where any words will do.
    pub wanted: Option<String>,
    /// It may stay empty.
    pub optional: bool,
    /// What was typed.
    pub text: String,
}

/// What a key did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Took {
    /// Nothing more is to be done.
    Key,
    /// The driver is done with it: send the order.
    Submit,
    /// The driver leaves it.
    Leave,
}

impl Field {
    /// Words to the letter.
    pub fn exactly(label: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self { label: label.into(), wanted: Some(wanted.into()), optional: false, text: String::new() }
    }

    /// Any words.
    pub fn words(label: impl Into<String>, optional: bool) -> Self {
        Self { label: label.into(), wanted: None, optional, text: String::new() }
    }

    /// Whether it holds what it has to.
    pub fn is_met(&self) -> bool {
        match &self.wanted {
            Some(wanted) => self.text == *wanted,
            None => self.optional || !self.text.trim().is_empty(),
        }
    }
}

impl Dialog {
    /// Opens a dialog at that time of the screen's clock.
    pub fn open(kind: Kind, fields: Vec<Field>, now: Duration) -> Self {
        Self { kind, fields, at: 0, scroll: 0, quiet_since: now, armed: false, sent: None, refused: None }
    }

    /// Whether it takes keys yet.
    pub fn is_armed(&self, now: Duration) -> bool {
        self.armed || now.saturating_sub(self.quiet_since) >= ARMS_AFTER
    }

    /// Whether everything is typed that has to be.
    pub fn is_met(&self) -> bool {
        self.fields.iter().all(Field::is_met)
    }

    /// Takes a key; `blocked` says that the answer cannot be typed now.
    pub fn key(&mut self, key: &KeyEvent, now: Duration, blocked: bool) -> Took {
        if !self.is_armed(now) {
            self.quiet_since = now;
            // Leaving is safe at any time.
            return if key.code == KeyCode::Esc { Took::Leave } else { Took::Key };
        }
        self.armed = true;
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return Took::Leave,
            KeyCode::PageDown => self.scroll = self.scroll.saturating_add(5),
            KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(5),
            KeyCode::Down if self.fields.len() < 2 => self.scroll = self.scroll.saturating_add(1),
            KeyCode::Up if self.fields.len() < 2 => self.scroll = self.scroll.saturating_sub(1),
            _ if self.sent.is_some() || blocked => {}
            KeyCode::Tab | KeyCode::Down => self.at = (self.at + 1) % self.fields.len().max(1),
            KeyCode::BackTab | KeyCode::Up => {
                self.at = self.at.checked_sub(1).unwrap_or(self.fields.len().saturating_sub(1));
            }
            KeyCode::Enter => return self.enter(),
            KeyCode::Backspace => {
                self.field(|field| {
                    field.text.pop();
                });
            }
            KeyCode::Char('u') if ctrl => self.field(|field| field.text.clear()),
            KeyCode::Char(letter) if !ctrl && !key.modifiers.contains(KeyModifiers::ALT) => self.field(|field| {
                if field.text.chars().count() < LONGEST {
                    field.text.push(letter);
                }
            }),
            _ => {}
        }
        Took::Key
    }

    /// Takes a paste into a field for any words; whether it did.
    pub fn paste(&mut self, text: &str, now: Duration) -> bool {
        let armed = self.is_armed(now) && self.sent.is_none();
        let Some(field) = self.fields.get_mut(self.at).filter(|field| armed && field.wanted.is_none()) else {
            return false;
        };
        let room = LONGEST.saturating_sub(field.text.chars().count());
        field.text.extend(plain::line(text).chars().take(room));
        true
    }

    /// A refusal came back: it can be typed again.
    pub fn refuse(&mut self, failure: Failure) {
        self.sent = None;
        self.refused = Some(failure);
    }

    fn enter(&mut self) -> Took {
        if self.is_met() {
            return Took::Submit;
        }
        if let Some(next) = self.fields.iter().position(|field| !field.is_met()) {
            self.at = next;
        }
        Took::Key
    }

    fn field(&mut self, change: impl FnOnce(&mut Field)) {
        if let Some(field) = self.fields.get_mut(self.at) {
            change(field);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test says by a panic that it failed")]

    use super::*;

    fn press(code: KeyCode) -> KeyEvent {
        KeyEvent::new(code, KeyModifiers::NONE)
    }

    fn gate() -> Dialog {
        Dialog::open(Kind::Note, vec![Field::exactly("type", "shop")], Duration::ZERO)
    }

    #[test]
    fn a_held_key_never_arms_it_and_enter_alone_confirms_nothing() {
        let mut dialog = gate();
        let mut now = Duration::ZERO;
        for _ in 0..30 {
            now += Duration::from_millis(30);
            assert_eq!(dialog.key(&press(KeyCode::Char('y')), now, false), Took::Key);
        }
        assert_eq!(dialog.fields[0].text, "");
        now += ARMS_AFTER;
        for _ in 0..30 {
            assert_eq!(dialog.key(&press(KeyCode::Enter), now, false), Took::Key);
        }
        for letter in "shop".chars() {
            dialog.key(&press(KeyCode::Char(letter)), now, false);
        }
        assert_eq!(dialog.key(&press(KeyCode::Enter), now, false), Took::Submit);
    }

    #[test]
    fn a_paste_fills_words_and_never_a_phrase() {
        let mut dialog = gate();
        assert!(!dialog.paste("shop", ARMS_AFTER) && dialog.fields[0].text.is_empty());
        let mut note = Dialog::open(Kind::Note, vec![Field::words("what", false)], Duration::ZERO);
        assert!(note.paste("two\nlines\u{1b}[31m", ARMS_AFTER));
        assert_eq!(note.fields[0].text, "two lines");
        assert!(!note.paste("x", Duration::ZERO), "not before it takes keys");
    }

    #[test]
    fn nothing_is_typed_while_it_is_blocked_and_leaving_is_always_possible() {
        let mut dialog = gate();
        assert_eq!(dialog.key(&press(KeyCode::Esc), Duration::ZERO, false), Took::Leave);
        dialog.key(&press(KeyCode::Char('s')), ARMS_AFTER * 2, true);
        assert_eq!(dialog.fields[0].text, "");
    }
}
