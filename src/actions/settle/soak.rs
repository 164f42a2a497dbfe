//! The soak: reads by the service's name for as long as the runbook says, with the way back still open.
//!
//! A soak takes a day in production. How far it came is checkpointed, so that an engine that starts again goes on
//! with it; one that ended badly begins anew.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::read_once;
use crate::actions::dns::service::deployed;
use crate::actions::{Result, Working};
use crate::domain::Failure;
use crate::domain::runbook::inputs::Settle;

/// The checkpoint of a soak that was good to its end.
pub(super) const SOAKED: &str = "soaked";
/// The checkpoint of one under way.
const SOAKING: &str = "soaking";
/// Between two reads.
const EVERY: Duration = Duration::from_millis(500);
/// Fewer reads than this say nothing about a rate.
const ENOUGH: u64 = 10;
/// Into so many parts a soak is cut: at most one is done again.
const PARTS: u32 = 100;

/// What a soak saw.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Soaked {
    pub(super) reads: u64,
    pub(super) failed: u64,
    /// How long it went on, in seconds.
    #[serde(default)]
    seconds: f64,
}

impl Soaked {
    /// Whether more than so many percent of the reads failed; part of a percent counts.
    pub(super) fn fails_more_often_than(&self, percent: u8) -> bool {
        self.failed * 100 > self.reads * u64::from(percent)
    }
}

impl Settle {
    /// Reads until the soak is over; too many failures end it.
    pub(super) async fn soak(&self, cx: &Working) -> Result<Soaked> {
        let digest = deployed(cx)?;
        let mut soaked = cx.checkpointed::<Soaked>(SOAKING)?.unwrap_or_default();
        let length = self.soak.duration();
        let (before, begun) = (soaked.seconds, Instant::now());
        let mut kept = begun;
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = String::new();
        while soaked.seconds < length.as_secs_f64() {
            ticks.tick().await;
            cx.check_cancelled()?;
            soaked.reads += 1;
            if let Err(failure) = read_once(cx, &digest).await {
                soaked.failed += 1;
                last = format!("{failure}: {}", failure.why.join("; "));
            }
            soaked.seconds = before + begun.elapsed().as_secs_f64();
            // Seconds of a clock, shown whole.
            let shown = Duration::from_secs_f64(soaked.seconds).min(length).as_secs();
            cx.progress("soak", shown, Some(length.as_secs()), "s");
            if soaked.reads >= ENOUGH && soaked.fails_more_often_than(self.max_failed_percent) {
                break;
            }
            if kept.elapsed() * PARTS >= length {
                cx.checkpoint(SOAKING, &soaked)?;
                kept = Instant::now();
            }
        }
        if !soaked.fails_more_often_than(self.max_failed_percent) {
            return Ok(soaked);
        }
        // What was mended is not judged by what failed before.
        cx.checkpoint(SOAKING, &Soaked::default())?;
        Err(Failure::permanent(format!("the soak saw {} of {} reads fail", soaked.failed, soaked.reads))
            .because(last)
            .next("the way back is still open: mend the service and run the step again, or roll back"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_of_a_percent_too_many_is_too_many() {
        let of = |failed, reads| Soaked { reads, failed, ..Soaked::default() };
        assert!(!of(1, 100).fails_more_often_than(1));
        assert!(of(199, 10_000).fails_more_often_than(1));
        assert!(of(1, 10_000).fails_more_often_than(0));
        assert!(!of(0, 0).fails_more_often_than(0));
    }
}
