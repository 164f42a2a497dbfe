//! How the engine is reached: since when it was not heard of, why, and what is said of it then.

use std::time::Duration;

use jiff::Timestamp;

use super::action::Action;
use super::model::Model;
use crate::domain::{Failure, FailureKind};
use crate::protocol::derive::sentence_of;
use crate::protocol::view::Mood;

/// Without a word from the engine for so long, what is shown is stale and nothing is commanded.
pub const STALE: Duration = Duration::from_secs(2);

/// How the engine is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// When it was last heard of, by the screen's clock.
    pub heard: Duration,
    /// What its own clock said then.
    pub clock: Timestamp,
    /// Why it is not reached, while it is not.
    pub lost: Option<Failure>,
}

impl Link {
    /// It was heard of now.
    pub(super) const fn heard(heard: Duration, clock: Timestamp) -> Self {
        Self { heard, clock, lost: None }
    }

    /// Why it is not reached: what failed, and the innermost reason.
    fn cause(&self) -> Option<String> {
        let lost = self.lost.as_ref()?;
        let innermost = lost.why.last().map(|why| why.rsplit(": ").next().unwrap_or(why));
        Some(innermost.map_or_else(|| lost.what.clone(), |why| format!("{}: {why}", lost.what)))
    }
}

/// An engine that is not heard of: for how long, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unheard {
    silent: Duration,
    cause: Option<String>,
    /// What to do, and the same in fewer words.
    next: [String; 2],
}

impl Unheard {
    /// All of it, in a sentence.
    pub fn in_full(&self) -> String {
        let cause = self.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
        let [next, _] = &self.next;
        format!("{}{cause}; {next}", self.since())
    }

    /// The same in ever fewer words: what to do is said before why.
    pub fn forms(&self) -> [String; 3] {
        let [long, short] = self.next.each_ref().map(|next| format!("{}; {next}", self.since()));
        [self.in_full(), long, short]
    }

    fn since(&self) -> String {
        format!("ENGINE NOT HEARD OF for {} s", self.silent.as_secs())
    }
}

impl Model {
    /// The engine is heard of: its clock goes on from there, and never back.
    pub(super) fn hears(&mut self, clock: Timestamp) {
        self.link = Link::heard(self.now, clock.max(self.view.at));
    }

    /// Lets the engine's clock go on between two words of it, for ages and budgets to move; not beyond what is stale.
    pub(super) fn goes_on(&mut self) {
        let silent = self.now.saturating_sub(self.link.heard).min(STALE);
        self.view.at = self.link.clock.saturating_add(silent).unwrap_or(self.link.clock);
        if self.freezes() {
            self.view.sentence = sentence_of(&self.view);
        }
    }

    /// For how long the engine was not heard of, where that is too long.
    pub fn stale(&self) -> Option<Duration> {
        let silent = self.now.saturating_sub(self.link.heard);
        (silent >= STALE || self.link.lost.is_some()).then_some(silent)
    }

    /// What is said instead of where the run stands, once that is not known any more. A stream that breaks and comes
    /// back at once is not worth a word.
    pub fn unheard(&self) -> Option<Unheard> {
        let silent = self.stale().filter(|silent| *silent >= STALE)?;
        let lost = self.link.lost.as_ref().filter(|lost| lost.kind == FailureKind::Permanent);
        // Who looks on does not drive by leaving.
        let leave = if self.watch { String::new() } else { format!("{}, then ", self.keymap.key(Action::Detach)) };
        let next = match lost.and_then(|lost| lost.next.clone()) {
            Some(next) => [next.clone(), next],
            None => ["cutover drive starts it again", "cutover drive"].map(|next| format!("{leave}{next}")),
        };
        Some(Unheard { silent, cause: self.link.cause(), next })
    }

    /// Why nothing of what is shown is of now: in the engine's own words, where there are any.
    pub(super) fn why_stale(&self) -> Option<String> {
        let silent = self.stale()?;
        Some(self.link.cause().unwrap_or_else(|| format!("the engine was not heard of for {} s", silent.as_secs())))
    }

    /// What its person is called for: that the engine went away, and that something waits. Each that begins rings.
    pub(super) fn calls(&self) -> [bool; 2] {
        let waits = matches!(self.view.sentence.mood, Mood::You | Mood::Failed | Mood::Frozen);
        [self.unheard().is_some(), waits]
    }
}
