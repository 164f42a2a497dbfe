//! One attempt of one client, as it is written down.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::services::http::Scheme;

/// Whether a client keeps the first answer it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// Never resolves again within its life.
    Stale,
    /// Resolves again when the answer's TTL has run out.
    Resolving,
}

/// What a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A balance.
    Read,
    /// A payment.
    Write,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The service promised that it is done (for a read: it answered).
    Acknowledged,
    /// The service promised that it is not done, or it never heard of it.
    Refused,
    /// The answer was lost or promises nothing: it may be done.
    Unknown,
}

/// Which way an answered request took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Served {
    /// By Rev1's own backend.
    Old,
    /// By the new side, by way of Rev1's front.
    Relayed,
    /// By the new side.
    Direct,
}

/// One line of the records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// The place in the street: clients follow one another in it, and a stall belongs to the place.
    pub seat: u32,
    /// The client in that place, counted from 1.
    pub client: u32,
    /// Stale or resolving.
    pub way: Way,
    /// HTTP or HTTPS.
    pub scheme: Scheme,
    /// Read or write.
    pub kind: Kind,
    /// Whose account.
    pub tenant: u32,
    /// This attempt's own id (UUID, lower case).
    pub id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The status, if an answer came.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// Seconds until the answer or the fault.
    pub latency: f64,
    /// The way it took; only where it was acknowledged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub served: Option<Served>,
    /// The address used; none if the name could not be resolved.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<SocketAddr>,
    /// When that address was resolved.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resolved: Option<Timestamp>,
    /// What was wrong, where something was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why: Option<String>,
}

impl Attempt {
    /// When it began and ended, in microseconds since the epoch.
    pub fn span(&self) -> (i64, i64) {
        let begun = self.at.as_microsecond();
        #[expect(clippy::cast_possible_truncation, reason = "a latency is seconds, bounded by the timeout")]
        let took = (self.latency * 1e6) as i64;
        (begun, begun.saturating_add(took))
    }
}

/// A fresh attempt id: a random UUID (version 4).
pub fn fresh_id() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_and_differ() {
        let (one, two) = (fresh_id(), fresh_id());
        assert_ne!(one, two);
        assert_eq!(one.len(), 36);
        assert_eq!(one.as_bytes()[14], b'4');
    }
}
