//! How much one person may write, and how many pages they may have open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many words and approvals are taken within [`WITHIN`].
const WORDS: usize = 6;

/// See [`WORDS`].
const WITHIN: Duration = Duration::from_mins(1);

/// So many streams a person may have open: devices, and tabs on each.
const STREAMS: usize = 12;

/// What everybody did lately.
#[derive(Debug, Clone, Default)]
pub(super) struct Limits(Arc<Mutex<HashMap<String, Lately>>>);

#[derive(Debug, Default)]
struct Lately {
    words: Vec<Instant>,
    streams: usize,
}

/// A place among somebody's streams, for as long as this is there.
pub(super) struct Place {
    limits: Limits,
    name: String,
}

impl Limits {
    /// Whether a word of that person is taken now.
    pub(super) fn may_say(&self, name: &str, now: Instant) -> bool {
        self.with(name, |lately| {
            lately.words.retain(|said| now.duration_since(*said) < WITHIN);
            let may = lately.words.len() < WORDS;
            if may {
                lately.words.push(now);
            }
            may
        })
    }

    /// A place for one more stream, if there is one.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        let free = self.with(name, |lately| {
            let free = lately.streams < STREAMS;
            lately.streams += usize::from(free);
            free
        });
        free.then(|| Place { limits: self.clone(), name: name.to_owned() })
    }

    /// Names are those of links: nobody can make this grow who has none.
    fn with<T>(&self, name: &str, work: impl FnOnce(&mut Lately) -> T) -> T {
        let mut people = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(people.entry(name.to_owned()).or_default())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limits.with(&self.name, |lately| lately.streams = lately.streams.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_limited_for_each_person_and_come_back_with_time() {
        let limits = Limits::default();
        let now = Instant::now();
        let said = (0..20).filter(|_| limits.may_say("ben", now)).count();
        assert_eq!(said, WORDS);
        assert!(limits.may_say("eve", now) && limits.may_say("ben", now + WITHIN));
    }

    #[test]
    fn a_closed_stream_makes_room() {
        let limits = Limits::default();
        let mut open: Vec<_> = (0..20).filter_map(|_| limits.place("ben")).collect();
        assert_eq!(open.len(), STREAMS);
        open.pop();
        assert!(limits.place("ben").is_some());
    }
}
