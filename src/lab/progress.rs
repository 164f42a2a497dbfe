//! What the lab says while it works: a line a stage, and for long ones how far and how long still.

use std::time::{Duration, Instant};

use super::Part;

/// One piece of news.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The part it is about; `None` for the lab as a whole (base image, network).
    pub part: Option<Part>,
    /// What is going on: `building cutover-lab/rev1 (step 3 of 9)`.
    pub text: String,
    /// How far, 0 to 1, where that is known.
    pub done: Option<f64>,
    /// How long still, where that can be told.
    pub eta: Option<Duration>,
}

/// A stretch of work that began at a known moment: turns "this far" into an ETA.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    began: Instant,
    usual: Duration,
}

impl Stretch {
    /// Work that begins now and takes about `usual` on an ordinary machine.
    #[must_use]
    pub fn begin(usual: Duration) -> Self {
        Self { began: Instant::now(), usual }
    }

    /// How long it has gone on.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.began.elapsed()
    }

    /// How long still when the share `done` (0 to 1) is behind us. A small share says little, so the
    /// usual time has a say until half the work is done.
    #[must_use]
    pub fn eta(self, done: f64) -> Duration {
        let elapsed = self.began.elapsed();
        let usual = self.usual.saturating_sub(elapsed);
        if done < 0.05 {
            return usual;
        }
        let measured = elapsed.mul_f64((1.0 - done).max(0.0) / done);
        let trust = (done * 2.0).min(1.0);
        measured.mul_f64(trust) + usual.mul_f64(1.0 - trust)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eta_starts_as_the_usual_time_and_ends_as_nothing() {
        let stretch = Stretch::begin(Duration::from_mins(1));
        assert!(stretch.eta(0.0) > Duration::from_secs(58));
        assert_eq!(stretch.eta(1.0), Duration::ZERO);
    }
}
