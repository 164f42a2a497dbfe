//! What the outside gives for a while only: a login, room on a disk, binlogs that the other side still needs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Event;

/// What crossed its limit is back once it was seen far from it so often: a disk at its edge is told once.
const BACK_AFTER: u8 = 5;

/// Something that can run out between two steps, as it was seen last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What: `binlogs of the source MySQL`.
    pub what: String,
    /// How it stands: `kept for 168 h`.
    pub value: String,
    /// What it must not pass: `512 MiB`.
    pub limit: Option<String>,
    /// When it runs out, where that is known.
    pub ends: Option<Timestamp>,
    /// So many seconds before its end it is near; shorter for what is renewed by itself.
    pub near_s: u32,
    /// Whether it holds now.
    pub held: bool,
    /// What to do about it.
    pub fix: String,
}

impl Limit {
    /// That holds, as far as is known for good; less than an hour before an end it is near.
    pub fn holds(what: impl Into<String>, value: impl Into<String>) -> Self {
        let (what, value) = (what.into(), value.into());
        Self { what, value, limit: None, ends: None, near_s: 3600, held: true, fix: String::new() }
    }

    /// What it is held against.
    #[must_use]
    pub fn against(mut self, limit: impl Into<String>, held: bool) -> Self {
        self.limit = Some(limit.into());
        self.held = held;
        self
    }

    /// Runs out then; that is near in its last `near_s` seconds.
    #[must_use]
    pub fn until(mut self, ends: Option<Timestamp>, near_s: u32) -> Self {
        self.ends = ends;
        self.near_s = near_s;
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }

    /// It could not be looked at, or was refused: that is a fault by itself.
    pub fn refused(what: impl Into<String>, why: &super::Failure) -> Self {
        let because = why.why.first().map(|because| format!(": {because}")).unwrap_or_default();
        let fix = why.next.clone().unwrap_or_else(|| "mend that; it is looked at again within a minute".to_owned());
        Self { held: false, ..Self::holds(what, format!("{}{because}", why.what)).fix(fix) }
    }

    /// Whether it is near its limit, or beyond it.
    pub fn is_crossed(&self, now: Timestamp) -> bool {
        !self.held || self.ends.is_some_and(|ends| ends.duration_since(now).as_secs() < i64::from(self.near_s))
    }
}

/// What crossed its limit, over many looks: each crossing is an event, once.
#[derive(Debug, Default)]
pub struct Crossings(BTreeMap<String, u8>);

impl Crossings {
    /// Goes on from what the journal knows to be crossed.
    pub fn of<'a>(crossed: impl IntoIterator<Item = &'a String>) -> Self {
        Self(crossed.into_iter().map(|what| (what.clone(), 0)).collect())
    }

    /// One more look: what is to be recorded of it.
    pub fn look(&mut self, limits: &[Limit], now: Timestamp) -> Vec<Event> {
        let mut events = Vec::new();
        for limit in limits {
            let (what, value) = (limit.what.clone(), limit.value.clone());
            if limit.is_crossed(now) {
                if self.0.insert(what.clone(), 0).is_none() {
                    events.push(Event::LimitCrossed { what, value });
                }
            } else if let Some(far) = self.0.get_mut(&what) {
                *far += 1;
                if *far >= BACK_AFTER {
                    self.0.remove(&what);
                    events.push(Event::LimitBack { what, value });
                }
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_is_told_once_and_its_end_when_it_is_sure() {
        let at = |seconds| Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(seconds);
        let login = |ends| [Limit::holds("login", format!("until {ends}")).until(Some(at(ends)), 3600)];
        let mut crossings = Crossings::default();
        assert_eq!(crossings.look(&login(10_000), at(0)), []);
        let told = crossings.look(&login(10_000), at(7_000));
        assert!(matches!(told.as_slice(), [Event::LimitCrossed { what, .. }] if what == "login"), "{told:?}");
        assert_eq!(crossings.look(&login(10_000), at(7_060)), [], "once");
        // Another engine goes on from the journal, and tells nothing anew.
        let mut crossings = Crossings::of([&"login".to_owned()]);
        for minute in 0..4 {
            assert_eq!(crossings.look(&login(90_000), at(7_120 + minute * 60)), []);
        }
        let told = crossings.look(&login(90_000), at(7_360));
        assert!(matches!(told.as_slice(), [Event::LimitBack { .. }]), "{told:?}");
        assert_eq!(crossings.look(&login(90_000), at(7_420)), []);
    }
}
