//! The log panel: lines fetched by range, kept within bounds, followed or paused.

use std::collections::VecDeque;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::domain::StepId;
use crate::protocol::log::{Level, Line, Page, Query};

/// So many lines are kept; where older ones were let go, a mark says so.
const KEPT: usize = 10_000;

/// How often it asks while it is looked at.
const EVERY: Duration = Duration::from_millis(250);

/// So many lines are fetched at once.
const FETCHED: usize = 500;

/// What is shown of the log.
#[expect(clippy::struct_excessive_bools, reason = "switches of the driver's, each by itself")]
#[derive(Debug, Clone, Default)]
pub struct LogPanel {
    /// The lines that were fetched, oldest first.
    pub lines: VecDeque<Line>,
    /// Whether lines before the first were let go here, or by the engine.
    pub cut: bool,
    /// The line at the foot while it is paused; nothing follows the newest.
    pub paused_at: Option<u64>,
    /// Only lines with this text.
    pub search: String,
    /// Whether the search is being typed.
    pub typing: bool,
    /// Only lines of this step.
    pub step: Option<StepId>,
    /// Only lines of this level or graver.
    pub level: Level,
    /// Long lines go on below instead of being cut.
    pub wrap: bool,
    /// A request is on its way.
    asked: bool,
    /// When something was last asked.
    asked_at: Duration,
}

impl LogPanel {
    /// A key while the search is typed.
    pub fn type_search(&mut self, key: &KeyEvent) {
        let before = self.search.clone();
        match key.code {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.typing = false;
                self.search.clear();
            }
            KeyCode::Backspace => {
                self.search.pop();
            }
            KeyCode::Char(letter) if !key.modifiers.contains(KeyModifiers::CONTROL) => self.search.push(letter),
            _ => {}
        }
        if self.search != before {
            self.anew();
        }
    }

    /// Only lines of that step; of all of them again, where it was one.
    pub fn only(&mut self, step: Option<StepId>) {
        self.step = if self.step.is_some() { None } else { step };
        self.anew();
    }

    /// Graver lines only; after the gravest all of them again.
    pub fn next_level(&mut self) {
        self.level = match self.level {
            Level::Info => Level::Warn,
            Level::Warn => Level::Error,
            Level::Error => Level::Info,
        };
        self.anew();
    }

    /// Whether it is time to ask again.
    pub fn due(&mut self, now: Duration) -> bool {
        let due = !self.asked && (self.lines.is_empty() || now.saturating_sub(self.asked_at) >= EVERY);
        if due {
            self.asked_at = now;
        }
        due
    }

    /// What is to be asked next; nothing while an answer is awaited.
    pub fn query(&mut self) -> Option<Query> {
        if std::mem::replace(&mut self.asked, true) {
            return None;
        }
        Some(Query {
            before: None,
            after: self.lines.back().map(|line| line.n),
            limit: FETCHED,
            step: self.step.clone(),
            level: self.level,
            contains: Some(self.search.clone()).filter(|search| !search.is_empty()),
        })
    }

    /// Takes in an answer; whether there may be more at once.
    pub fn take(&mut self, page: Option<Page>) -> bool {
        self.asked = false;
        let Some(page) = page else { return false };
        // An engine that was started again counts anew.
        if self.lines.back().is_some_and(|last| last.n > page.kept.1) {
            self.lines.clear();
            self.paused_at = None;
            return true;
        }
        if self.lines.is_empty() && page.lines.len() >= FETCHED {
            self.cut = true;
        }
        let more = page.lines.len() >= FETCHED && !self.lines.is_empty();
        let last = self.lines.back().map_or(0, |line| line.n);
        self.lines.extend(page.lines.into_iter().filter(|line| line.n > last));
        while self.lines.len() > KEPT {
            self.lines.pop_front();
            self.cut = true;
        }
        more
    }

    /// Begins anew: what is wanted has changed.
    pub fn anew(&mut self) {
        self.lines.clear();
        self.cut = false;
        self.paused_at = None;
        self.asked = false;
    }

    /// Follows the newest line, or stands still at it.
    pub fn toggle(&mut self) {
        self.paused_at = match self.paused_at {
            Some(_) => None,
            None => self.lines.back().map(|line| line.n),
        };
    }

    /// Moves the foot by so many lines; up from the newest pauses, down to the newest follows.
    pub fn scroll(&mut self, by: isize) {
        let last = self.lines.len().saturating_sub(1);
        let foot = self.foot();
        let to = foot.saturating_add_signed(by).min(last);
        self.paused_at = (to < last).then(|| self.lines.get(to).map(|line| line.n)).flatten();
    }

    /// The index of the line at the foot.
    pub fn foot(&self) -> usize {
        let last = self.lines.len().saturating_sub(1);
        let Some(at) = self.paused_at else { return last };
        self.lines.partition_point(|line| line.n < at).min(last)
    }

    /// So many lines came since it was paused.
    pub fn below(&self) -> u64 {
        let below = self.lines.len().saturating_sub(1).saturating_sub(self.foot());
        u64::try_from(below).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unnecessary_wraps, reason = "as it comes")]

    use super::*;

    fn page(range: std::ops::RangeInclusive<u64>) -> Option<Page> {
        let kept = (1, *range.end());
        let line = |n| Line { n, at: jiff::Timestamp::UNIX_EPOCH, step: None, level: Level::Info, text: n.to_string() };
        Some(Page { lines: range.map(line).collect(), kept })
    }

    #[test]
    fn it_follows_pauses_and_counts_what_came_since() {
        let mut panel = LogPanel::default();
        assert_eq!(panel.query().map(|query| query.after), Some(None));
        assert_eq!(panel.query(), None, "one question at a time");
        panel.take(page(1..=100));
        assert_eq!(panel.query().unwrap().after, Some(100));
        panel.scroll(-10);
        panel.take(page(101..=150));
        assert_eq!((panel.foot(), panel.below()), (89, 60));
        panel.toggle();
        assert_eq!(panel.below(), 0);
        panel.toggle();
        panel.scroll(5);
        assert_eq!(panel.paused_at, None, "down to the newest follows it");
    }

    #[test]
    fn it_is_bounded_says_where_it_was_cut_and_begins_anew_with_another_engine() {
        let mut panel = LogPanel::default();
        panel.take(page(1..=400));
        assert!(!panel.cut);
        for from in (401..20_000).step_by(500) {
            panel.take(page(from..=from + 499));
        }
        assert!(panel.lines.len() == KEPT && panel.cut);
        assert!(panel.take(page(1..=3)), "ask again");
        assert!(panel.lines.is_empty());
    }
}
