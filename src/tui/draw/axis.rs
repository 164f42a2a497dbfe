//! Planned time above the time taken, as bars on one axis for all steps.
//!
//! The axis is logarithmic, from a second on: beside a soak of a day, a step of a minute that took five is seen.

use ratatui::style::Style;
use ratatui::text::Span;

use crate::domain::figure;
use crate::protocol::view::{Step, View};
use crate::tui::text::span;
use crate::tui::theme::{Symbols, Theme};

/// An axis from nothing to the longest time.
pub(super) struct Axis {
    longest: f64,
    columns: usize,
}

impl Axis {
    /// The axis of a view's steps.
    pub(super) fn of(view: &View, columns: usize) -> Self {
        let times = view.steps.iter().flat_map(|step| [planned(step), step.took_s]).flatten();
        Self { longest: times.fold(1.0, f64::max), columns }
    }

    /// What its bars mean, for a title.
    pub(super) fn legend(&self, symbols: Symbols) -> String {
        let (planned, taken) = (symbols.of("▀", "-"), symbols.of("▄", "_"));
        format!("{planned} planned  {taken} taken  1 s to {}", figure::rough(self.longest))
    }

    /// A step's time: the plan in the upper half, what it took in the lower; what it took too much stands out.
    pub(super) fn bar(&self, step: &Step, theme: &Theme) -> [Span<'static>; 3] {
        let (planned, taken) = (self.reach(planned(step)), self.reach(step.took_s));
        let (both, most) = (planned.min(taken), planned.max(taken));
        let (half, style) = if taken > planned {
            (theme.symbols.of("▄", "_"), theme.title)
        } else {
            (theme.symbols.of("▀", "-"), theme.dim)
        };
        [
            span(theme.symbols.of("█", "=").repeat(both), theme.dim),
            span(half.repeat(most - both), style),
            span(" ".repeat(self.columns.saturating_sub(most)), Style::new()),
        ]
    }

    /// So many columns a time reaches; whatever took time is seen.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "drawn")]
    fn reach(&self, seconds: Option<f64>) -> usize {
        let Some(seconds) = seconds.filter(|seconds| *seconds > 0.0) else { return 0 };
        let share = (seconds.ln_1p() / self.longest.ln_1p()).min(1.0);
        ((share * self.columns as f64).round() as usize).clamp(1, self.columns.max(1))
    }
}

fn planned(step: &Step) -> Option<f64> {
    step.planned_s.as_ref().map(|(seconds, _)| *seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_reach_as_far_as_they_are_long_and_none_is_nothing() {
        let axis = Axis { longest: 9_999.0, columns: 20 };
        let reach = [None, Some(0.0), Some(0.1), Some(99.0), Some(9_999.0), Some(90_000.0)].map(|s| axis.reach(s));
        assert_eq!(reach, [0, 0, 1, 10, 20, 20]);
    }
}
