//! When a dialog takes keys: once nothing was typed for a while, and never from a key that is still held.
//!
//! Plain SSH and tmux send a held key as many presses, so a key that is held shows only by its company: nothing but
//! itself, soon after itself. Silence is what the screen's loop saw, which looks at the keyboard before anything
//! else: keys that piled up while the terminal was slow come before the silence that would let them in.

use std::time::Duration;

use crossterm::event::KeyCode;

/// A dialog takes keys once none came for so long.
pub const ARMS_AFTER: Duration = Duration::from_millis(400);

/// The opening key, again within so long and with no other between, is held.
const HELD_WITHIN: Duration = Duration::from_secs(1);

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Passed {
    /// It is for the dialog.
    Through,
    /// It was typed for something else.
    Dropped,
    /// It is the opening key, and held: what it typed goes as well.
    Held,
}

/// Stands before a dialog.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::tui) struct Guard {
    /// When it was opened, or a key was last dropped.
    quiet_since: Duration,
    armed: bool,
    /// The key that opened it, until another one came through.
    opener: Option<KeyCode>,
    /// When that key came through.
    echoed: Option<Duration>,
}

impl Guard {
    pub(in crate::tui) fn new(now: Duration, opener: Option<KeyCode>) -> Self {
        Self { quiet_since: now, armed: false, opener, echoed: None }
    }

    pub(in crate::tui) fn is_armed(&self) -> bool {
        self.armed
    }

    /// Something came that was typed by nobody: there was silence until now.
    pub(in crate::tui) fn silence(&mut self, now: Duration) {
        self.armed = self.armed || now.saturating_sub(self.quiet_since) >= ARMS_AFTER;
    }

    /// A key came.
    pub(in crate::tui) fn key(&mut self, code: KeyCode, now: Duration) -> Passed {
        if !self.armed {
            self.quiet_since = now;
            return Passed::Dropped;
        }
        if self.opener != Some(code) {
            self.opener = None;
            return Passed::Through;
        }
        if self.echoed.replace(now).is_some_and(|last| now.saturating_sub(last) < HELD_WITHIN) {
            *self = Self::new(now, self.opener);
            return Passed::Held;
        }
        Passed::Through
    }

    /// A key came for what any key closes; whether it does. The opening one does not while it may be held, which it
    /// may be from its first repeat on.
    pub(in crate::tui) fn closes(&mut self, code: KeyCode, now: Duration) -> bool {
        let held = self.opener == Some(code) && now.saturating_sub(self.quiet_since) < HELD_WITHIN;
        if self.armed && !held {
            return true;
        }
        self.quiet_since = now;
        false
    }

    /// A paste came.
    pub(in crate::tui) fn pasted(&mut self, now: Duration) -> Passed {
        if self.armed {
            return Passed::Through;
        }
        self.quiet_since = now;
        Passed::Dropped
    }
}
