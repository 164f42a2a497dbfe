//! Dialogs: what an order needs typed, and the order that comes of it.
//!
//! A dialog takes no key before it was quiet for [`ARMS_AFTER`]: what was typed for something else, or by a key
//! that is held, is dropped. A gate's phrase is typed letter by letter; a paste never fills it, and Enter alone
//! confirms nothing, because every dialog has something to type.

mod guard;
pub mod kind;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::domain::{Failure, plain};
pub use guard::ARMS_AFTER;
pub(super) use guard::Guard;
use guard::Passed;
pub use kind::{Kind, Sending};

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
    guard: Guard,
    /// The order that was sent, until it is answered.
    pub sent: Option<String>,
    /// Why the last one was refused.
    pub refused: Option<Failure>,
    /// What was not so any more when it was refused, a line each.
    pub moved: Vec<String>,
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
    /// It consents to something: a paste never fills it.
    pub by_hand: bool,
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
        Self { label: label.into(), wanted: Some(wanted.into()), optional: false, by_hand: true, text: String::new() }
    }

    /// Any words.
    pub fn words(label: impl Into<String>, optional: bool) -> Self {
        Self { label: label.into(), wanted: None, optional, by_hand: false, text: String::new() }
    }

    /// Words that consent to something, and that the engine alone can tell from others; none where none are asked for.
    pub fn consent(label: impl Into<String>) -> Self {
        Self { by_hand: true, ..Self::words(label, true) }
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
        Self { kind, fields, at: 0, scroll: 0, guard: Guard::new(now, None), sent: None, refused: None, moved: vec![] }
    }

    /// The same, opened by that key, which may still be held.
    #[must_use]
    pub fn opened_by(self, key: Option<KeyCode>, now: Duration) -> Self {
        Self { guard: Guard::new(now, key), ..self }
    }

    /// Whether it takes keys yet.
    pub fn is_armed(&self) -> bool {
        self.guard.is_armed()
    }

    /// Something came that was typed by nobody.
    pub fn silence(&mut self, now: Duration) {
        self.guard.silence(now);
    }

    /// Whether everything is typed that has to be.
    pub fn is_met(&self) -> bool {
        self.fields.iter().all(Field::is_met)
    }

    /// Takes a key; `blocked` says that the answer cannot be typed now.
    pub fn key(&mut self, key: &KeyEvent, now: Duration, blocked: bool) -> Took {
        if key.code == KeyCode::Esc {
            // Leaving is safe at any time.
            return Took::Leave;
        }
        match self.guard.key(key.code, now) {
            Passed::Through => {}
            Passed::Dropped => return Took::Key,
            Passed::Held => {
                self.fields.iter_mut().for_each(|field| field.text.clear());
                return Took::Key;
            }
        }
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
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
        let takes = self.guard.pasted(now) == Passed::Through && self.sent.is_none();
        let Some(field) = self.fields.get_mut(self.at).filter(|field| takes && !field.by_hand) else {
            return false;
        };
        let room = LONGEST.saturating_sub(field.text.chars().count());
        field.text.extend(plain::line(text).chars().take(room));
        true
    }

    /// A refusal came back: it can be typed again, which takes more than an Enter that is still held.
    pub fn refuse(&mut self, failure: Failure, now: Duration) {
        self.guard = Guard::new(now, Some(KeyCode::Enter));
        self.fields.iter_mut().filter(|field| field.by_hand).for_each(|field| field.text.clear());
        self.at = 0;
        (self.sent, self.scroll) = (None, 0);
        self.refused = Some(failure);
    }

    /// What was shown was looked at again after a refusal: what moved is named, and everything is typed anew.
    pub fn look_again(&mut self, kind: Kind, fields: Vec<Field>, now: Duration) {
        if let (Some(before), Some(seen)) = (self.kind.seen(), kind.seen()) {
            self.moved = seen.preview.moved_since(&before.preview);
        }
        let (refused, moved) = (self.refused.take(), std::mem::take(&mut self.moved));
        *self = Self { refused, moved, ..Self::open(kind, fields, now).opened_by(Some(KeyCode::Enter), now) };
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
