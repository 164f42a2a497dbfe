//! What is counted, with its rate and the time that is left; and how what finished steps left running does.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use crate::domain::{Event, StepId};
use crate::engine::{Notice, Progress};
use crate::protocol::live::{Companion, Live, Meter, SAMPLES};

/// A rate is that of the last so many seconds.
const WINDOW: usize = 5;

/// So many things of a step are shown; of more, those that are over go first.
const METERS: usize = 12;

/// The figures of a run that are not in its journal.
#[derive(Debug, Default)]
pub(super) struct Figures {
    counting: BTreeMap<StepId, Vec<Counting>>,
    companions: BTreeMap<StepId, Companion>,
}

/// One thing being counted.
#[derive(Debug, Clone)]
struct Counting {
    meter: Meter,
    /// How much was done, at the last few ticks.
    marks: VecDeque<(Timestamp, u64)>,
}

impl Figures {
    /// Takes in what the engine tells.
    pub(super) fn hear(&mut self, notice: &Notice, now: Timestamp) {
        match notice {
            Notice::Progress(progress) => self.progress(progress, now),
            Notice::Companion { companion, healthy, detail } => {
                let figures = Companion { healthy: *healthy, detail: detail.clone(), at: now };
                self.companions.insert(companion.clone(), figures);
            }
            Notice::Limits { .. } => {}
            Notice::Event(recorded) => match &recorded.event {
                Event::StepStarted { step, .. } => {
                    self.counting.remove(step);
                }
                Event::RollbackStarted { step, .. } => {
                    self.counting.remove(step);
                    self.companions.remove(step);
                }
                _ => {}
            },
        }
    }

    fn progress(&mut self, progress: &Progress, now: Timestamp) {
        let counting = self.counting.entry(progress.step.clone()).or_default();
        match counting.iter_mut().find(|counting| counting.meter.label == progress.label) {
            Some(known) if known.meter.done <= progress.done => known.advance(progress, now),
            // The same thing from its beginning: a retry.
            Some(again) => *again = Counting::new(progress, now),
            None => {
                if counting.len() >= METERS {
                    let over = counting.iter().position(Counting::is_over).unwrap_or(0);
                    counting.remove(over);
                }
                counting.push(Counting::new(progress, now));
            }
        }
    }

    /// Takes a sample of everything; to be called each second.
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.counting.values_mut().flatten().for_each(|counting| counting.tick(now));
    }

    /// Everything counted in that step now.
    pub(super) fn meters(&self) -> impl Iterator<Item = (&StepId, &Meter)> {
        self.counting.iter().flat_map(|(step, counting)| counting.iter().map(move |counting| (step, &counting.meter)))
    }

    /// The figures for a view.
    pub(super) fn live(&self) -> Live {
        let meters = |counting: &Vec<Counting>| counting.iter().map(|counting| counting.meter.clone()).collect();
        Live {
            meters: self.counting.iter().map(|(step, counting)| (step.clone(), meters(counting))).collect(),
            companions: self.companions.clone(),
            ..Live::default()
        }
    }
}

impl Counting {
    fn new(progress: &Progress, now: Timestamp) -> Self {
        let Progress { label, done, total, unit, .. } = progress;
        let meter = Meter {
            label: label.clone(),
            done: *done,
            total: *total,
            unit: (*unit).to_owned(),
            rate: 0.0,
            eta_s: None,
            samples: Vec::new(),
            moved: now,
        };
        Self { meter, marks: VecDeque::from([(now, *done)]) }
    }

    fn is_over(&self) -> bool {
        self.meter.total == Some(self.meter.done)
    }

    fn advance(&mut self, progress: &Progress, now: Timestamp) {
        if progress.done > self.meter.done {
            self.meter.moved = now;
        }
        self.meter.done = progress.done;
        self.meter.total = progress.total;
        self.measure(now);
    }

    fn tick(&mut self, now: Timestamp) {
        if self.is_over() {
            return;
        }
        if let Some((at, done)) = self.marks.back() {
            let sample = rate((*at, *done), (now, self.meter.done));
            self.meter.samples.push(sample);
            let surplus = self.meter.samples.len().saturating_sub(SAMPLES);
            self.meter.samples.drain(..surplus);
        }
        self.marks.push_back((now, self.meter.done));
        if self.marks.len() > WINDOW + 1 {
            self.marks.pop_front();
        }
        self.measure(now);
    }

    /// The rate since the oldest mark, and what is left at it.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn measure(&mut self, now: Timestamp) {
        if let Some(since) = self.marks.front().filter(|(at, _)| now.duration_since(*at).as_millis() >= 500) {
            self.meter.rate = rate(*since, (now, self.meter.done));
        }
        let left = self.meter.total.map(|total| total.saturating_sub(self.meter.done));
        self.meter.eta_s = match left {
            Some(0) => Some(0.0),
            Some(left) if self.meter.rate > 0.0 => Some(left as f64 / self.meter.rate),
            _ => None,
        };
    }
}

/// So much a second between two marks.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn rate((since, from): (Timestamp, u64), (now, to): (Timestamp, u64)) -> f64 {
    let seconds = now.duration_since(since).as_secs_f64();
    if seconds > 0.0 { to.saturating_sub(from) as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(seconds)
    }

    fn progress(done: u64) -> Notice {
        let (step, label) = (StepId::from("restore"), "load".to_owned());
        Notice::Progress(Progress { step, label, done, total: Some(1000), unit: "rows" })
    }

    fn meter(figures: &Figures) -> Meter {
        figures.live().meters[&StepId::from("restore")][0].clone()
    }

    #[test]
    fn a_rate_is_of_the_last_seconds_and_tells_what_is_left() {
        let mut figures = Figures::default();
        for second in 0..10 {
            figures.hear(&progress(u64::try_from(second).unwrap() * 10), at(second));
            figures.tick(at(second));
        }
        let seen = meter(&figures);
        assert!((seen.rate - 10.0).abs() < 0.01, "{seen:?}");
        assert!((seen.eta_s.unwrap() - 91.0).abs() < 0.1, "{seen:?}");
        // It slows down threefold: five seconds later the rate is the new one.
        for second in 10..15 {
            figures.hear(&progress(90 + u64::try_from(second - 9).unwrap() * 3), at(second));
            figures.tick(at(second));
        }
        assert!((meter(&figures).rate - 3.0).abs() < 0.01, "{:?}", meter(&figures));
        // It stands still: nothing is foretold.
        (15..22).for_each(|second| figures.tick(at(second)));
        assert_eq!((meter(&figures).rate, meter(&figures).eta_s), (0.0, None));
        assert_eq!(meter(&figures).moved, at(14));
    }

    #[test]
    fn many_things_of_a_step_are_bounded_and_those_that_are_over_go_first() {
        let mut figures = Figures::default();
        for n in 0..40_u64 {
            let (step, label) = (StepId::from("restore"), format!("table {n}"));
            let done = if n == 0 { 1 } else { 2 };
            figures.hear(&Notice::Progress(Progress { step, label, done, total: Some(2), unit: "rows" }), at(0));
        }
        let meters = &figures.live().meters[&StepId::from("restore")];
        assert_eq!((meters.len(), meters[0].label.as_str()), (METERS, "table 0"));
    }
}
