//! Figures that changed just now: they are bold for a moment, so that an eye finds what moves, and what does not.

use std::collections::BTreeMap;
use std::time::Duration;

use ratatui::style::{Modifier, Style};

use crate::domain::StepId;
use crate::protocol::view::View;

/// For how long a figure is bold after it changed.
const MOMENT: Duration = Duration::from_secs(1);

/// A figure on the screen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Figure {
    /// How far the copy is behind.
    Lag,
    /// What is left to do, and until it has to be over.
    Forecast,
    /// What a step counts, by its label.
    Counted(StepId, String),
}

/// What each figure said last, and when it began to say it; nothing where it never said anything else.
#[derive(Debug, Clone, Default)]
pub(super) struct Changed(BTreeMap<Figure, (String, Option<Duration>)>);

impl Changed {
    /// Takes in a view that came at that time of the screen's clock.
    pub(super) fn take(&mut self, view: &View, now: Duration) {
        let mut before = std::mem::take(&mut self.0);
        let since = |(figure, says): (Figure, String)| {
            let since = match before.remove(&figure) {
                Some((said, since)) if said == says => since,
                said => said.map(|_| now),
            };
            (figure, (says, since))
        };
        self.0 = figures(view).map(since).collect();
    }

    /// That figure's style at that time: bold where it just changed.
    pub(super) fn style(&self, figure: &Figure, style: Style, now: Duration) -> Style {
        let since = self.0.get(figure).and_then(|(_, since)| *since);
        let fresh = since.is_some_and(|since| now.saturating_sub(since) < MOMENT);
        if fresh { style.add_modifier(Modifier::BOLD) } else { style }
    }
}

/// Each with what is said of it: what differs by less is no change.
fn figures(view: &View) -> impl Iterator<Item = (Figure, String)> {
    let lag = view.lag().map(|lag| (Figure::Lag, lag.to_owned()));
    let forecast = view.forecast.as_ref().map(|forecast| {
        let says = format!("{} {}", forecast.left(), forecast.slack().unwrap_or_default());
        (Figure::Forecast, says)
    });
    let meters = view.steps.iter().flat_map(|step| {
        let counted = |label: &str| Figure::Counted(step.id.clone(), label.to_owned());
        step.meters.iter().map(move |meter| (counted(&meter.label), meter.done.to_string()))
    });
    lag.into_iter().chain(forecast).chain(meters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::view::Forecast;

    #[test]
    fn a_figure_is_bold_for_a_moment_after_it_changed() {
        let view = |left: f64| {
            let forecast = Forecast {
                left_s: (left, left),
                from: String::new(),
                deadline: None,
                slack_s: None,
                misses: None,
                eaten_by: None,
            };
            View { forecast: Some(forecast), ..View::default() }
        };
        let seconds = Duration::from_secs_f64;
        let mut changed = Changed::default();
        let mut is_bold = |left, now| {
            changed.take(&view(left), seconds(now));
            changed.style(&Figure::Forecast, Style::new(), seconds(now)).add_modifier.contains(Modifier::BOLD)
        };
        assert!(!is_bold(60.0, 1.0), "what is seen first did not change");
        assert!(!is_bold(60.2, 1.5), "it says the same");
        assert!(is_bold(59.0, 2.0) && is_bold(59.0, 2.9));
        assert!(!is_bold(59.0, 3.0));
    }
}
