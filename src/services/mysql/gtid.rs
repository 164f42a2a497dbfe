//! GTID sets as plain data: what a server has executed, and the arithmetic the switch rests on.
//!
//! `gtid_executed` is read as text and reasoned about here, so that "the target has everything of the
//! source" is a subset test that any unit test can run, and not one more round trip. Intervals are
//! kept sorted, disjoint and never touching, which makes equality plain. Tagged GTIDs (8.3 and later)
//! are understood, because a server may show them; what cannot take them has to refuse them itself.

mod interval;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub use interval::Interval;

use interval::{normalised, subtracted};

/// Why a text is not a GTID set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a GTID set: {what} in {part:?}")]
pub struct ParseGtidError {
    what: &'static str,
    part: String,
}

/// Who numbered a transaction: a server's UUID in lower case, and a tag if the transaction carried one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The server's UUID, 36 characters, lower case.
    pub uuid: String,
    /// The tag, lower case, at most 32 characters; absent for an ordinary GTID.
    pub tag: Option<String>,
}

/// A set of transactions: for each origin its intervals, sorted, disjoint, never touching.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GtidSet {
    of: BTreeMap<Origin, Vec<Interval>>,
}

impl GtidSet {
    /// The set of no transactions.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Whether no transaction is in it.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// How many transactions are in it.
    pub fn count(&self) -> u64 {
        self.of.values().flatten().map(Interval::count).sum()
    }

    /// The origins and their intervals, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Origin, &[Interval])> {
        self.of.iter().map(|(origin, intervals)| (origin, intervals.as_slice()))
    }

    /// The first tagged origin, if there is one: a managed server's procedures cannot take it.
    pub fn first_tagged(&self) -> Option<&Origin> {
        self.of.keys().find(|origin| origin.tag.is_some())
    }

    /// Only the transactions that this server numbered, tagged or not.
    #[must_use]
    pub fn of_server(&self, uuid: &str) -> Self {
        let wanted = |origin: &Origin| origin.uuid.eq_ignore_ascii_case(uuid);
        Self { of: self.of.iter().filter(|(o, _)| wanted(o)).map(|(o, i)| (o.clone(), i.clone())).collect() }
    }

    /// Adds one interval of one origin.
    pub fn insert(&mut self, origin: Origin, interval: Interval) {
        let held = self.of.entry(origin).or_default();
        held.push(interval);
        *held = normalised(std::mem::take(held));
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut of = self.of.clone();
        for (origin, intervals) in &other.of {
            let held = of.entry(origin.clone()).or_default();
            held.extend_from_slice(intervals);
            *held = normalised(std::mem::take(held));
        }
        Self { of }
    }

    /// What is in this set and not in `other`: MySQL's `GTID_SUBTRACT(self, other)`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        let none = Vec::new();
        let of = self
            .of
            .iter()
            .map(|(origin, held)| (origin.clone(), subtracted(held, other.of.get(origin).unwrap_or(&none))))
            .filter(|(_, left)| !left.is_empty())
            .collect();
        Self { of }
    }

    /// What is in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        self.subtract(&self.subtract(other))
    }

    /// Whether everything in `other` is in this set: MySQL's `GTID_SUBSET(other, self)`.
    pub fn contains(&self, other: &Self) -> bool {
        other.subtract(self).is_empty()
    }
}

impl fmt::Display for GtidSet {
    /// As MySQL writes it, on one line: `uuid:1-5:7:tag:1,uuid:1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before: Option<&str> = None;
        for (origin, intervals) in &self.of {
            if before != Some(&origin.uuid) {
                f.write_str(if before.is_some() { "," } else { "" })?;
                f.write_str(&origin.uuid)?;
            }
            before = Some(&origin.uuid);
            if let Some(tag) = &origin.tag {
                write!(f, ":{tag}")?;
            }
            for interval in intervals {
                write!(f, ":{interval}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for GtidSet {
    type Err = ParseGtidError;

    /// Reads what `@@gtid_executed` shows, its line breaks included.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |what, part: &str| ParseGtidError { what, part: part.to_owned() };
        let mut set = Self::empty();
        for of_server in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let mut parts = of_server.split(':').map(str::trim);
            let uuid = parts.next().unwrap_or_default().to_ascii_lowercase();
            if !is_uuid(&uuid) {
                return Err(wrong("no server UUID", of_server));
            }
            let (mut tag, mut met_interval) = (None, false);
            for part in parts {
                if part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
                    if tag.is_some() && !met_interval {
                        return Err(wrong("a tag without an interval", of_server));
                    }
                    tag = Some(tag_of(part).ok_or_else(|| wrong("a bad tag", of_server))?);
                    met_interval = false;
                } else {
                    let interval = part.parse().map_err(|()| wrong("a bad interval", of_server))?;
                    set.insert(Origin { uuid: uuid.clone(), tag: tag.clone() }, interval);
                    met_interval = true;
                }
            }
            if !met_interval {
                return Err(wrong("no interval", of_server));
            }
        }
        Ok(set)
    }
}

impl serde::Serialize for GtidSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for GtidSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn tag_of(text: &str) -> Option<String> {
    let good = text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    good.then(|| text.to_ascii_lowercase())
}
