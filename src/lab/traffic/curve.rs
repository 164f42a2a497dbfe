//! How busy the day is: a burst in the early hours, sporadic use in the evening, never silence.

/// Requests a second over a compressed day.
#[derive(Debug, Clone, Copy)]
pub struct Curve {
    day: f64,
    floor: f64,
    peak: f64,
}

/// Moments of the day as parts of it, with how wide and how high each is: the burst before dawn, then
/// three small ones in the evening.
const BUSY: [(f64, f64, f64); 4] = [(0.21, 0.06, 1.0), (0.74, 0.012, 0.35), (0.81, 0.012, 0.5), (0.90, 0.012, 0.3)];

impl Curve {
    /// A day of `day` seconds between `floor` and `peak` requests a second.
    pub fn new(day: f64, floor: f64, peak: f64) -> Self {
        Self { day: day.max(1.0), floor: floor.max(0.1), peak: peak.max(floor) }
    }

    /// The rate after `elapsed` seconds; every day is like the last.
    pub fn rate(&self, elapsed: f64) -> f64 {
        let hour = (elapsed / self.day).fract();
        let busy = BUSY
            .iter()
            .map(|(when, width, height)| height * (-((hour - when) / width).powi(2) / 2.0).exp())
            .fold(0.0, f64::max);
        self.floor + (self.peak - self.floor) * busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_early_burst_is_the_busiest_and_the_afternoon_is_quiet() {
        let day = Curve::new(60.0, 20.0, 70.0);
        assert!(day.rate(0.21 * 60.0) > 69.0);
        assert!(day.rate(0.5 * 60.0) < 21.0);
        assert!(day.rate(0.81 * 60.0) > 40.0 && day.rate(0.81 * 60.0) < 50.0);
    }

    proptest! {
        #[test]
        fn it_never_leaves_its_bounds(elapsed in 0.0..1e6f64) {
            let rate = Curve::new(60.0, 20.0, 70.0).rate(elapsed);
            prop_assert!((20.0..=70.0).contains(&rate));
        }
    }
}
