//! The account's allowance, shared by everybody in this process who talks to the same endpoint.
//!
//! Route 53 allows five requests a second for a whole account (its own page says more, older ones this),
//! and other tools of the team use the same account: this program stays under four. Changes have a
//! smaller allowance of their own.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between any two requests: under four a second.
const BETWEEN_REQUESTS: Duration = Duration::from_millis(260);
/// Between any two changes.
const BETWEEN_CHANGES: Duration = Duration::from_secs(1);

/// Hands out the moments at which a request may be sent.
#[derive(Debug, Default)]
pub(super) struct Pace {
    next: Mutex<Next>,
}

#[derive(Debug, Default)]
struct Next {
    request: Option<Instant>,
    change: Option<Instant>,
}

impl Pace {
    /// The pace kept towards `endpoint`, the same for every client of this process.
    pub(super) fn towards(endpoint: &str) -> Arc<Self> {
        static ALL: LazyLock<Mutex<HashMap<String, Arc<Pace>>>> = LazyLock::new(Mutex::default);
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(endpoint.to_owned()).or_default())
    }

    /// Waits for this caller's turn.
    pub(super) async fn turn(&self, change: bool) {
        tokio::time::sleep_until(self.reserve(Instant::now(), change)).await;
    }

    fn reserve(&self, now: Instant, change: bool) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = next.request.map_or(now, |free| free.max(now));
        if change {
            at = next.change.map_or(at, |free| free.max(at));
            next.change = Some(at + BETWEEN_CHANGES);
        }
        next.request = Some(at + BETWEEN_REQUESTS);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_ever_holds_more_than_four_requests() {
        let pace = Pace::default();
        let start = Instant::now();
        let turns: Vec<Instant> = (0..40).map(|n| pace.reserve(start, n % 5 == 0)).collect();
        for first in &turns {
            let second = turns.iter().filter(|at| **at >= *first && **at < *first + Duration::from_secs(1)).count();
            assert!(second <= 4, "{second} requests in one second");
        }
    }

    #[test]
    fn changes_keep_a_distance_of_their_own() {
        let pace = Pace::default();
        let start = Instant::now();
        let first = pace.reserve(start, true);
        assert_eq!(first, start);
        assert_eq!(pace.reserve(start, true), start + BETWEEN_CHANGES);
    }
}
