//! What the outside gives for a while only: a login, room on a disk, binlogs that the other side still needs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
}
