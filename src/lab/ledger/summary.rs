//! The traffic in the rehearsal's summary. A field that was not measured is absent, never 0.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::records::Records;
use super::tally::Tally;
use crate::lab::traffic::totals::ServedCounts;

/// What the rehearsal says about its tenants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// All attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Those not acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<u64>,
    /// Of them, those of clients that never resolve again within their life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_stale: Option<u64>,
    /// Attempts to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reads: Option<u64>,
    /// Those without an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_reads: Option<u64>,
    /// Writes that the service promised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_writes: Option<u64>,
    /// Writes whose answer was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_writes: Option<u64>,
    /// Promised, and not in the database that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_writes: Option<u64>,
    /// Ids with more than one row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicated_writes: Option<u64>,
    /// The longest wait of any writer, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_write_stall_seconds: Option<f64>,
    /// Which way the acknowledged requests took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served: Option<ServedCounts>,
    /// How long after the switch a client that resolves again was last relayed, in seconds; 0 if such
    /// clients were served after it and none was relayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_relayed_after_switch_seconds: Option<f64>,
}

impl Summary {
    /// Puts together what is known: without a tally nothing is said of losses, without the moment of the
    /// switch nothing of what came after it, without a single request nothing at all.
    pub fn of(records: &Records, tally: Option<&Tally>, switched: Option<Timestamp>) -> Self {
        let totals = &records.totals;
        if totals.requests == 0 {
            return Self::default();
        }
        let after = |moment: Option<Timestamp>| {
            Some(moment?.duration_since(switched?).as_secs_f64()).filter(|seconds| *seconds > 0.0)
        };
        Self {
            requests: Some(totals.requests),
            failed: Some(totals.failed),
            failed_stale: Some(totals.failed_stale),
            reads: Some(totals.reads),
            failed_reads: Some(totals.failed_reads),
            acknowledged_writes: Some(totals.acknowledged_writes),
            unknown_writes: Some(totals.unknown_writes),
            lost_writes: tally.map(|tally| tally.lost),
            duplicated_writes: tally.map(|tally| tally.duplicated),
            longest_write_stall_seconds: (!records.writes.is_empty()).then(|| totals.longest_stall()),
            served: Some(totals.served),
            last_relayed_after_switch_seconds: after(totals.last_relayed)
                .or_else(|| after(totals.last_resolving).map(|_| 0.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::traffic::attempt::{Attempt, Kind, Outcome, Served, Way, fresh_id};
    use crate::services::http::Scheme;

    fn attempt(second: i64, way: Way, served: Served) -> Attempt {
        Attempt {
            at: Timestamp::from_second(second).unwrap(),
            seat: 1,
            client: 1,
            way,
            scheme: Scheme::Http,
            kind: Kind::Write,
            tenant: 1,
            id: fresh_id(),
            outcome: Outcome::Acknowledged,
            status: Some(201),
            latency: 0.5,
            served: Some(served),
            address: None,
            resolved: None,
            why: None,
        }
    }

    #[test]
    fn what_was_not_measured_is_absent() {
        assert_eq!(serde_json::to_string(&Summary::of(&Records::default(), None, None)).unwrap(), "{}");
        let mut records = Records::default();
        records.saw(&attempt(100, Way::Resolving, Served::Old));
        let said = serde_json::to_value(Summary::of(&records, None, None)).unwrap();
        assert_eq!(said["requests"], 1);
        for absent in ["lost_writes", "duplicated_writes", "last_relayed_after_switch_seconds"] {
            assert!(said.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn only_clients_that_resolve_again_count_for_the_last_relayed() {
        let mut records = Records::default();
        records.saw(&attempt(105, Way::Resolving, Served::Relayed));
        records.saw(&attempt(130, Way::Stale, Served::Relayed));
        records.saw(&attempt(131, Way::Resolving, Served::Direct));
        let last = |switched| {
            Summary::of(&records, None, Some(Timestamp::from_second(switched).unwrap()))
                .last_relayed_after_switch_seconds
        };
        assert_eq!(last(100), Some(5.5));
        assert_eq!(last(110), Some(0.0));
        assert_eq!(last(200), None);
    }
}
