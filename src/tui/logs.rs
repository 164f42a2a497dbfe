//! The log panel: lines fetched by range, kept within bounds, followed or paused.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;

use crate::domain::StepId;
use crate::protocol::log::{Level, Line, Page, Query};

/// So many lines are kept; where older ones were let go, a mark says so.
const KEPT: usize = 10_000;

/// How often it asks while it is looked at.
const EVERY: Duration = Duration::from_millis(250);

/// So many lines are fetched at once.
const FETCHED: usize = 500;

/// Earlier lines are fetched once so few are left above the one that is read.
const NEAR: usize = 200;

/// While it is paused, so many lines above the one that is read stay.
const BEHIND: usize = 1_000;

/// The longest text that is searched for, in characters.
const LONGEST: usize = 200;

/// What is shown of the log.
#[derive(Debug, Clone, Default)]
pub struct LogPanel {
    /// The lines that were fetched, oldest first.
    pub lines: VecDeque<Line>,
    /// So many lines of the log lie before the first that are not here: never fetched, or let go here or by the engine.
    pub before: u64,
    /// Lines that are missing in the middle, by the number of the line that follows them: the engine let them go before
    /// they were fetched.
    pub gaps: BTreeMap<u64, u64>,
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
    /// The number up to which everything that is wanted was fetched.
    known: u64,
    /// When the engine's numbers began.
    began: Timestamp,
    /// The oldest and the newest number that the engine had when it last answered.
    kept: (u64, u64),
    /// What is on its way.
    asked: Asked,
    /// When this was last asked; nothing where it was not yet.
    asked_at: Option<Duration>,
}

/// A request that is on its way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Nothing,
    /// Lines after those that are here.
    Newer,
    /// Lines before them.
    Older,
    /// What is not wanted any more: the answer is dropped.
    InVain,
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
            KeyCode::Char(letter) if !key.modifiers.contains(KeyModifiers::CONTROL) => self.add(letter),
            _ => {}
        }
        if self.search != before {
            self.anew();
        }
    }

    /// A paste while the search is typed.
    pub fn paste_search(&mut self, text: &str) {
        crate::domain::plain::line(text).chars().for_each(|letter| self.add(letter));
        self.anew();
    }

    fn add(&mut self, letter: char) {
        if self.search.chars().count() < LONGEST {
            self.search.push(letter);
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
        let waits = self.asked == Asked::Nothing;
        let due = waits && self.asked_at.is_none_or(|asked| now.saturating_sub(asked) >= EVERY);
        if due {
            self.asked_at = Some(now);
        }
        due
    }

    /// What is to be asked next; nothing while an answer is awaited, or where there is no room for one.
    pub fn query(&mut self) -> Option<Query> {
        if self.asked != Asked::Nothing {
            return None;
        }
        let older = self.paused_at.is_some() && self.foot() < NEAR && self.reaches_back();
        if !older && self.is_full() {
            return None;
        }
        self.asked = if older { Asked::Older } else { Asked::Newer };
        Some(Query {
            before: older.then_some(self.before + 1),
            after: Some(self.known).filter(|known| !older && *known > 0),
            limit: FETCHED,
            step: self.step.clone(),
            level: self.level,
            contains: Some(self.search.clone()).filter(|search| !search.is_empty()),
        })
    }

    /// Takes in an answer; whether there may be more at once.
    pub fn take(&mut self, page: Option<Page>) -> bool {
        let asked = std::mem::take(&mut self.asked);
        if asked == Asked::InVain {
            return true;
        }
        let Some(page) = page else { return false };
        // An engine that was started again counts anew.
        if self.known > page.kept.1 || self.known > 0 && self.began != page.began {
            self.anew();
            return true;
        }
        (self.began, self.kept) = (page.began, page.kept);
        let more = match asked {
            Asked::Older => self.take_older(page),
            _ => self.take_newer(page),
        };
        self.let_go();
        more
    }

    fn take_newer(&mut self, page: Page) -> bool {
        let (oldest, newest) = page.kept;
        let full = page.lines.len() >= FETCHED;
        let after = page.lines.first().map_or(newest + 1, |line| line.n);
        if self.known == 0 {
            // The newest of what is wanted: what lies before it was not fetched where there was more.
            self.before = if full { after } else { oldest }.saturating_sub(1);
        } else if oldest > self.known + 1 {
            self.gaps.insert(after, oldest - self.known - 1);
        }
        let more = full && self.known > 0;
        let last = page.lines.last().map(|line| line.n).filter(|_| more);
        let known = std::mem::replace(&mut self.known, last.unwrap_or(newest));
        self.lines.extend(page.lines.into_iter().filter(|line| line.n > known));
        more
    }

    fn take_older(&mut self, page: Page) -> bool {
        let (oldest, full) = (page.kept.0, page.lines.len() >= FETCHED);
        let first = page.lines.first().map_or(oldest, |line| line.n);
        let before = self.before;
        self.before = before.min(if full { first } else { oldest }.saturating_sub(1));
        for line in page.lines.into_iter().rev().filter(|line| line.n <= before) {
            self.lines.push_front(line);
        }
        false
    }

    /// Keeps within bounds. What is read stays while it is paused: then the newest lines go, and come again.
    fn let_go(&mut self) {
        let held = if self.paused_at.is_some() { self.foot().saturating_sub(BEHIND) } else { usize::MAX };
        let surplus = self.lines.len().saturating_sub(KEPT).min(held);
        if surplus > 0 {
            self.lines.drain(..surplus);
            self.before = self.lines.front().map_or(0, |line| line.n.saturating_sub(1));
        }
        if self.lines.len() > KEPT {
            self.lines.truncate(KEPT);
            self.known = self.lines.back().map_or(0, |line| line.n);
        }
        let (first, last) = (self.before, self.known);
        self.gaps.retain(|n, _| *n > first + 1 && *n <= last);
    }

    /// Whether the engine has lines before the first that is here.
    pub fn reaches_back(&self) -> bool {
        !self.lines.is_empty() && self.kept.0 > 0 && self.before >= self.kept.0
    }

    /// Whether there is no room for newer lines below the one that is read.
    fn is_full(&self) -> bool {
        self.paused_at.is_some() && self.lines.len() >= KEPT && self.foot() <= BEHIND
    }

    /// Whether there are newer lines than those that are here.
    pub fn is_behind(&self) -> bool {
        self.is_full() || self.known < self.kept.1
    }

    /// Begins anew: what is wanted has changed.
    pub fn anew(&mut self) {
        self.lines.clear();
        self.gaps.clear();
        (self.before, self.known) = (0, 0);
        (self.paused_at, self.asked_at) = (None, None);
        if self.asked != Asked::Nothing {
            self.asked = Asked::InVain;
        }
    }

    /// Follows the newest line, or stands still at it.
    pub fn toggle(&mut self) {
        match self.paused_at {
            Some(_) => self.follow(),
            None => self.paused_at = self.lines.back().map(|line| line.n),
        }
    }

    /// Follows the newest line; fetched anew where it is far from those that are here.
    fn follow(&mut self) {
        if self.is_behind() {
            self.anew();
        }
        self.paused_at = None;
    }

    /// Moves the foot by so many lines in a panel of that height; up from the newest pauses, down to the newest follows.
    pub fn scroll(&mut self, by: isize, height: usize) {
        let last = self.lines.len().saturating_sub(1);
        let first = height.saturating_sub(1).min(last);
        let to = self.foot().saturating_add_signed(by).clamp(first, last);
        let to_the_end = by > 0 && by.unsigned_abs() > KEPT;
        if to_the_end || to == last && !self.is_behind() {
            return self.follow();
        }
        self.paused_at = self.lines.get(to).map(|line| line.n);
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
mod tests;
