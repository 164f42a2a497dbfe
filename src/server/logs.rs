//! Log lines, the newest of them kept in memory, to be asked for by range, step, level and text.

use std::collections::VecDeque;
use std::path::Path;

use jiff::Timestamp;

use super::telemetry::Telemetry;
use crate::domain::plain;
use crate::protocol::log::{Line, Page, Query};
pub use crate::protocol::told::Draft;

/// So many lines are kept.
const LINES: usize = 50_000;

/// And so many bytes of text.
const BYTES: usize = 16 << 20;

/// A line is at most so long, in characters; what is cut is said.
const LONGEST: usize = 2_000;

/// The most lines of one answer.
const PAGE: usize = 1_000;

/// The newest lines, numbered from 1 without gaps.
#[derive(Debug)]
pub struct Store {
    lines: VecDeque<Line>,
    bytes: usize,
    last: u64,
    began: Timestamp,
    telemetry: Telemetry,
}

impl Store {
    /// An empty store; what it is given from now on also goes to the telemetry file of that state directory.
    pub fn new(directory: &Path) -> Self {
        let (began, telemetry) = (Timestamp::now(), Telemetry::new(directory));
        Self { lines: VecDeque::new(), bytes: 0, last: 0, began, telemetry }
    }

    /// Takes in a line that the telemetry file has already.
    pub fn remember(&mut self, draft: Draft) {
        let Draft { at, step, level, text } = draft;
        self.last += 1;
        let line = Line { n: self.last, at, step, level, text: short(plain::line(&text)) };
        self.bytes += line.text.len();
        self.lines.push_back(line);
        while self.lines.len() > 1 && (self.lines.len() > LINES || self.bytes > BYTES) {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.text.len());
        }
    }

    /// Takes in a line.
    pub fn push(&mut self, draft: Draft) {
        self.remember(draft);
        self.telemetry.write(&serde_json::json!({ "line": self.lines.back() }));
    }

    /// The telemetry file.
    pub(super) fn telemetry(&mut self) -> &mut Telemetry {
        &mut self.telemetry
    }

    /// The lines that are asked for.
    pub fn page(&self, query: &Query) -> Page {
        let limit = query.limit.clamp(1, PAGE);
        let contains = query.contains.as_ref().map(|text| text.to_lowercase());
        let wanted = |line: &&Line| {
            line.level >= query.level
                && query.step.as_ref().is_none_or(|step| line.step.as_ref() == Some(step))
                && contains.as_ref().is_none_or(|text| line.text.to_lowercase().contains(text))
        };
        let (from, to) = (self.place(query.after.map_or(0, |after| after.saturating_add(1))), self.end(query.before));
        let range = self.lines.range(from.min(to)..to).filter(wanted);
        let lines = if query.after.is_some() {
            range.take(limit).cloned().collect()
        } else {
            let mut newest: Vec<Line> = range.rev().take(limit).cloned().collect();
            newest.reverse();
            newest
        };
        Page { lines, kept: (self.lines.front().map_or(0, |line| line.n), self.last), began: self.began }
    }

    /// Where the line of that number, or the first after it, is kept.
    fn place(&self, n: u64) -> usize {
        let first = self.lines.front().map_or(1, |line| line.n);
        usize::try_from(n.saturating_sub(first)).unwrap_or(usize::MAX).min(self.lines.len())
    }

    fn end(&self, before: Option<u64>) -> usize {
        before.map_or(self.lines.len(), |before| self.place(before))
    }
}

/// A line that is too long loses its end, and says so.
fn short(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} [{} more bytes]", &text[..at], text.len() - at),
        None => text,
    }
}
