//! How much longer a step takes: what its current part says, and what the rehearsal knows of the parts after it.

use jiff::Timestamp;

use crate::protocol::live::Meter;
use crate::protocol::view::{Origin, Part, PartState};

/// What does not move for so long stands still, in seconds: a rate is that of the last five.
const STANDS_S: f64 = 5.0;

/// A part that took less in the rehearsal says nothing about how much slower this run is, in seconds.
const TELLING_S: f64 = 1.0;

/// A step that runs.
pub(super) struct Running<'a> {
    /// How long it has been at it, in seconds.
    pub took: Option<f64>,
    /// What it is planned to take, and where that is from.
    pub planned: Option<&'a (f64, Origin)>,
    /// What it counts.
    pub meters: &'a [Meter],
    /// Its changes.
    pub parts: &'a [Part],
    /// The engine's clock.
    pub now: Timestamp,
}

impl Running<'_> {
    /// Since when what it counts stands still, where it does.
    pub(super) fn stands_since(&self) -> Option<Timestamp> {
        let counted = self.meters.last().filter(|meter| meter.total.is_some_and(|total| meter.done < total))?;
        (self.now.duration_since(counted.moved).as_secs_f64() >= STANDS_S).then_some(counted.moved)
    }

    /// So much longer, in seconds, and from where: nothing where it stands still, because nobody knows then.
    pub(super) fn left(&self) -> Option<(f64, Origin)> {
        if self.stands_since().is_some() {
            return None;
        }
        let counted = self.meters.iter().filter_map(|meter| meter.eta_s).reduce(f64::max);
        let planned = self.planned.and_then(|(planned, origin)| Some((planned - self.took?, origin.clone())));
        match counted {
            // Where it is at its last part, or nobody knows of more, the rate is all there is to say.
            Some(eta) => Some((eta + self.after(eta), Origin::Rate)),
            None => planned.filter(|(left, _)| *left > 0.0),
        }
    }

    /// What comes after the part that is counted now: as long as in the rehearsal, and longer by as much as this part
    /// is.
    fn after(&self, eta: f64) -> f64 {
        let Some((planned, Origin::Rehearsal(_))) = self.planned else { return 0.0 };
        let Some(current) = self.parts.iter().find(|part| part.since.is_some()) else { return 0.0 };
        let (Some(rehearsed), Some(since)) = (current.rehearsed_s, current.since) else { return 0.0 };
        let done = self.parts.iter().filter(|part| matches!(part.state, PartState::Done | PartState::Undone));
        let behind: f64 = done.filter_map(|part| part.rehearsed_s).sum();
        let takes = self.now.duration_since(since).as_secs_f64() + eta;
        let slower = if rehearsed >= TELLING_S { takes / rehearsed } else { 1.0 };
        (planned - behind - rehearsed).max(0.0) * slower
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(seconds)
    }

    fn part(state: PartState, rehearsed_s: f64, since: Option<Timestamp>) -> Part {
        let (key, summary) = ("load".to_owned(), "load".to_owned());
        Part { key, summary, state, seconds: None, rehearsed_s: Some(rehearsed_s), since }
    }

    fn meter(done: u64, eta_s: Option<f64>, moved: Timestamp) -> Meter {
        let (label, unit) = ("load".to_owned(), "rows".to_owned());
        Meter { label, done, total: Some(100), unit, rate: 1.0, eta_s, samples: vec![], moved }
    }

    #[test]
    fn what_follows_the_part_that_is_counted_is_left_too_and_as_much_slower() {
        // The rehearsal: 10 s of snapshot, 20 s of load, 30 s after it. The load takes 40 s here: twice as long.
        let parts = [part(PartState::Done, 10.0, None), part(PartState::Doing, 20.0, Some(at(100)))];
        let (planned, meters) = ((60.0, Origin::Rehearsal(3)), [meter(50, Some(20.0), at(119))]);
        let running = |planned, now| Running { took: Some(40.0), planned, meters: &meters, parts: &parts, now };
        assert_eq!(running(Some(&planned), at(120)).left(), Some((80.0, Origin::Rate)));
        // Nobody measured it: what is counted is all that is known.
        assert_eq!(running(None, at(120)).left(), Some((20.0, Origin::Rate)));
        // It stands still: nothing is foretold, whatever was planned.
        let stands = running(Some(&planned), at(130));
        assert_eq!((stands.left(), stands.stands_since()), (None, Some(at(119))));
    }

    #[test]
    fn without_anything_counted_it_is_what_was_planned() {
        let planned = (60.0, Origin::Runbook);
        let running = |took| Running { took: Some(took), planned: Some(&planned), meters: &[], parts: &[], now: at(0) };
        assert_eq!(running(15.0).left(), Some((45.0, Origin::Runbook)));
        assert_eq!(running(61.0).left(), None);
    }
}
