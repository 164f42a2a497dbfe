//! The timeline: the journal's events as lines, one of which may be the moment that is looked at.

use crate::domain::Recorded;
use crate::protocol::told;

/// So many events are fetched at once.
pub const FETCHED: usize = 1_000;

/// So many are kept; earlier ones are in the journal.
const KEPT: usize = 20_000;

/// An event as a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Its place in the journal.
    pub seq: u64,
    /// When.
    pub at: jiff::Timestamp,
    /// The step, where it belongs to one.
    pub step: String,
    /// What.
    pub text: String,
    /// Whether somebody who was away wants to know it.
    pub matters: bool,
}

/// What is known of the journal.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// Events, oldest first.
    pub moments: Vec<Moment>,
    /// The journal's place up to which it was fetched.
    pub known: u64,
    /// The selected one, counted from the newest.
    pub from_newest: usize,
    /// A request is on its way.
    asked: bool,
}

impl Timeline {
    /// After which event to ask, where there are newer ones than are known.
    pub fn query(&mut self, seq: u64) -> Option<u64> {
        (self.known < seq && !std::mem::replace(&mut self.asked, true)).then_some(self.known)
    }

    /// Takes in an answer.
    pub fn take(&mut self, events: Option<Vec<Recorded>>) {
        self.asked = false;
        let Some(events) = events else { return };
        for recorded in events {
            if recorded.seq <= self.known {
                continue;
            }
            self.known = recorded.seq;
            let step = recorded.event.step().map(ToString::to_string).unwrap_or_default();
            if let Some(text) = told::in_a_line(&recorded) {
                let matters = told::matters(&recorded.event);
                self.moments.push(Moment { seq: recorded.seq, at: recorded.at, step, text, matters });
                self.from_newest += usize::from(self.from_newest > 0);
            }
        }
        let surplus = self.moments.len().saturating_sub(KEPT);
        self.moments.drain(..surplus);
    }

    /// Moves the selection.
    pub fn scroll(&mut self, by: isize) {
        let last = self.moments.len().saturating_sub(1);
        self.from_newest = self.from_newest.saturating_add_signed(-by).min(last);
    }

    /// The selected moment's index.
    pub fn at(&self) -> usize {
        self.moments.len().saturating_sub(1).saturating_sub(self.from_newest)
    }

    /// The selected moment.
    pub fn selected(&self) -> Option<&Moment> {
        self.moments.get(self.at())
    }
}
