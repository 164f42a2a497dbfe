//! Runs of transaction numbers, both ends included, and the two operations on sorted lists of them.

use std::fmt;
use std::str::FromStr;

/// The largest transaction number MySQL gives out.
const LAST: u64 = i64::MAX as u64 - 1;

/// Consecutive transaction numbers, both ends included, from 1 up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    first: u64,
    last: u64,
}

impl Interval {
    /// From `first` to `last`, both included; nothing if they are out of order or out of range.
    pub fn new(first: u64, last: u64) -> Option<Self> {
        (1 <= first && first <= last && last <= LAST).then_some(Self { first, last })
    }

    /// The first number in it.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The last number in it.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// How many numbers are in it.
    pub fn count(&self) -> u64 {
        self.last - self.first + 1
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl FromStr for Interval {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if digits { text.parse::<u64>().map_err(drop) } else { Err(()) }
        };
        Self::new(number(first.trim())?, number(last.trim())?).ok_or(())
    }
}

/// Sorts, and joins what overlaps or touches.
pub(super) fn normalised(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_unstable();
    let mut joined: Vec<Interval> = Vec::with_capacity(intervals.len());
    for next in intervals {
        match joined.last_mut() {
            Some(held) if next.first <= held.last + 1 => held.last = held.last.max(next.last),
            _ => joined.push(next),
        }
    }
    joined
}

/// What is in `held` and not in `gone`; both normalised, and so is the answer.
pub(super) fn subtracted(held: &[Interval], gone: &[Interval]) -> Vec<Interval> {
    let mut left = Vec::with_capacity(held.len());
    let mut gone = gone.iter().peekable();
    for interval in held {
        let mut first = interval.first;
        while let Some(cut) = gone.peek() {
            if cut.first > interval.last {
                break;
            }
            if cut.first > first {
                left.push(Interval { first, last: cut.first - 1 });
            }
            first = first.max(cut.last + 1);
            if cut.last > interval.last {
                break;
            }
            gone.next();
        }
        if first <= interval.last {
            left.push(Interval { first, last: interval.last });
        }
    }
    left
}
