//! How long a client had to wait for its write: from the start of its first attempt that was not
//! acknowledged at once to its next acknowledgement. Pure: times are microseconds given from outside.
//!
//! A write that is acknowledged late is a wait too, so the longest is never less than the slowest answer;
//! and a wait that has not ended counts up to the moment of asking.

use std::collections::HashMap;
use std::time::Duration;

use super::attempt::Outcome;

/// The fold over all seats' writes. Within one seat attempts must come in order; between seats, in any.
#[derive(Debug, Clone, Default)]
pub struct Stalls {
    waiting: HashMap<u32, i64>,
    longest: i64,
}

impl Stalls {
    /// Takes one write attempt of `seat`, begun and ended at these microseconds.
    pub fn saw(&mut self, seat: u32, (begun, ended): (i64, i64), outcome: Outcome) {
        if outcome == Outcome::Acknowledged {
            let since = self.waiting.remove(&seat).unwrap_or(begun);
            self.longest = self.longest.max(ended - since);
        } else {
            self.waiting.entry(seat).or_insert(begun);
        }
    }

    /// The longest wait so far, those that go on at `now` included.
    pub fn longest(&self, now: i64) -> Duration {
        let open = self.waiting.values().map(|since| now - since).max().unwrap_or(0);
        Duration::from_micros(u64::try_from(self.longest.max(open)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{Acknowledged, Refused, Unknown};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn from_the_first_attempt_that_failed_to_the_end_of_the_one_that_did_not() {
        let mut stalls = Stalls::default();
        stalls.saw(1, (0, 10), Acknowledged);
        stalls.saw(1, (100, 110), Refused);
        stalls.saw(1, (400, 5_000), Unknown);
        stalls.saw(1, (5_300, 5_310), Acknowledged);
        assert_eq!(stalls.longest(6_000), Duration::from_micros(5_210));
    }

    #[test]
    fn a_stall_that_never_ended_counts_to_the_end() {
        let mut stalls = Stalls::default();
        stalls.saw(1, (100, 110), Refused);
        assert_eq!(stalls.longest(1_000), Duration::from_micros(900));
    }

    proptest! {
        /// Against the definition read literally, one seat at a time, however the seats are interleaved.
        #[test]
        fn interleaved_seats_have_the_stalls_they_have_alone(
            steps in prop::collection::vec((0u32..4, 1i64..1_000, 1i64..500, 0u8..3), 1..60)
        ) {
            let mut clock = [0i64; 4];
            let mut attempts = Vec::new();
            for (seat, gap, took, how) in steps {
                let now = &mut clock[seat as usize];
                let begun = *now + gap;
                *now = begun + took;
                attempts.push((seat, begun, *now, [Acknowledged, Refused, Unknown][how as usize]));
            }
            let end = clock.into_iter().max().unwrap_or(0);
            let mut stalls = Stalls::default();
            for (seat, begun, ended, outcome) in &attempts {
                stalls.saw(*seat, (*begun, *ended), *outcome);
            }
            let mut longest = 0;
            for seat in 0..4 {
                let own: Vec<_> = attempts.iter().filter(|a| a.0 == seat).collect();
                for (i, first) in own.iter().enumerate() {
                    let until = own[i..].iter().find(|a| a.3 == Acknowledged).map_or(end, |a| a.2);
                    longest = longest.max(until - first.1);
                }
            }
            prop_assert_eq!(stalls.longest(end), Duration::from_micros(u64::try_from(longest).unwrap()));
        }
    }
}
