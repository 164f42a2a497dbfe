//! The sums over all attempts: the live line shows them, the ledger's summary is made of them.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::attempt::{Attempt, Kind, Outcome, Served, Way};
use super::stall::Stalls;

/// How acknowledged requests were served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedCounts {
    /// By Rev1's own backend.
    pub old: u64,
    /// By the new side through Rev1's front.
    pub relayed: u64,
    /// By the new side.
    pub direct: u64,
    /// By Rev1 through the new side's ingress, after a switch was taken back.
    #[serde(default, skip_serializing_if = "is_nought")]
    pub returned: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_nought(count: &u64) -> bool {
    *count == 0
}

/// A fold over attempts.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// All attempts.
    pub requests: u64,
    /// Those not acknowledged.
    pub failed: u64,
    /// Of them, those of clients that never resolve again.
    pub failed_stale: u64,
    /// Attempts to read.
    pub reads: u64,
    /// Those without an answer.
    pub failed_reads: u64,
    /// Writes that the service promised.
    pub acknowledged_writes: u64,
    /// Writes that may be done.
    pub unknown_writes: u64,
    /// Which way the acknowledged took.
    pub served: ServedCounts,
    /// Acknowledged writes that the new side took.
    pub new_side_writes: u64,
    /// Where Rev1 first answered.
    old_address: Option<IpAddr>,
    /// The waits of writers.
    pub stalls: Stalls,
    /// The end of the latest attempt, in microseconds since the epoch.
    pub latest: i64,
    /// The end of the latest relayed request of a client that resolves again.
    pub last_relayed: Option<Timestamp>,
    /// The start of the latest acknowledged request of such a client.
    pub last_resolving: Option<Timestamp>,
}

impl Totals {
    /// Takes one attempt.
    pub fn saw(&mut self, attempt: &Attempt) {
        let span = attempt.span();
        let acknowledged = attempt.outcome == Outcome::Acknowledged;
        self.requests += 1;
        self.failed += u64::from(!acknowledged);
        self.failed_stale += u64::from(!acknowledged && attempt.way == Way::Stale);
        self.latest = self.latest.max(span.1);
        match attempt.kind {
            Kind::Read => {
                self.reads += 1;
                self.failed_reads += u64::from(!acknowledged);
            }
            Kind::Write => {
                self.acknowledged_writes += u64::from(acknowledged);
                let new_side = matches!(attempt.served, Some(Served::Relayed | Served::Direct));
                self.new_side_writes += u64::from(new_side);
                self.unknown_writes += u64::from(attempt.outcome == Outcome::Unknown);
                self.stalls.saw(attempt.seat, span, attempt.outcome);
            }
        }
        match attempt.served {
            Some(Served::Old) if self.is_at_the_old_address(attempt) => self.served.old += 1,
            Some(Served::Old) => self.served.returned += 1,
            Some(Served::Relayed) => self.served.relayed += 1,
            Some(Served::Direct) => self.served.direct += 1,
            None => {}
        }
        if attempt.way == Way::Resolving && acknowledged {
            self.last_resolving = self.last_resolving.max(Some(attempt.at));
            if attempt.served == Some(Served::Relayed) {
                let ended = Timestamp::from_microsecond(span.1).unwrap_or(attempt.at);
                self.last_relayed = self.last_relayed.max(Some(ended));
            }
        }
    }

    /// The first answer of Rev1 says where it is.
    fn is_at_the_old_address(&mut self, attempt: &Attempt) -> bool {
        let address = attempt.address.map(|address| address.ip());
        self.old_address = self.old_address.or(address);
        self.old_address == address
    }

    /// The longest wait of a writer, in seconds, as of the latest attempt.
    pub fn longest_stall(&self) -> f64 {
        self.stalls.longest(self.latest).as_secs_f64()
    }
}
