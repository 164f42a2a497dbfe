//! A client's own memory of one DNS answer, and when it must ask again. Pure but for the clock's values.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::attempt::Way;

/// A stale client's life, in TTLs of the answer it got.
pub const LIFE_IN_TTLS: u32 = 3;

/// What a client was told, and when.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// Where the service is.
    pub address: IpAddr,
    /// How long that holds.
    pub ttl: Duration,
    /// When it was told, for arithmetic.
    pub told: Instant,
    /// The same, for the records.
    pub told_at: Timestamp,
}

/// What a client does before its next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Uses the address it has.
    Keep,
    /// Asks the DNS again.
    Ask,
    /// Its life is over: another client takes its place, and asks.
    Replace,
}

/// Decides it for a client that goes `way` and has `answer`.
pub fn next(way: Way, answer: Option<&Answer>, now: Instant) -> Next {
    let Some(answer) = answer else { return Next::Ask };
    let age = now.saturating_duration_since(answer.told);
    match way {
        Way::Resolving if age >= answer.ttl => Next::Ask,
        Way::Stale if age >= answer.ttl * LIFE_IN_TTLS => Next::Replace,
        Way::Resolving | Way::Stale => Next::Keep,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolving_client_asks_after_one_ttl_and_a_stale_one_dies_after_three() {
        let told = Instant::now();
        let answer = Answer {
            address: IpAddr::from([10, 0, 0, 1]),
            ttl: Duration::from_secs(15),
            told,
            told_at: Timestamp::now(),
        };
        let after = |way, seconds| next(way, Some(&answer), told + Duration::from_secs(seconds));
        assert_eq!(after(Way::Resolving, 14), Next::Keep);
        assert_eq!(after(Way::Resolving, 15), Next::Ask);
        assert_eq!(after(Way::Stale, 44), Next::Keep);
        assert_eq!(after(Way::Stale, 45), Next::Replace);
        assert_eq!(next(Way::Stale, None, told), Next::Ask);
    }
}
