//! A gate: what must be given before a step starts, and what of it is still waited for.

use ratatui::text::Line;

use super::preview::indented;
use super::week::from;
use crate::domain::figure;
use crate::protocol::view::{Step, View};
use crate::tui::theme::Theme;

/// What a step that did not start yet asks for.
pub(super) fn lines(view: &View, step: &Step, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(phrase) = &step.gate.phrase {
        lines.extend(indented(&format!("its gate asks for the phrase {phrase}"), 1, width, theme.dim));
    }
    lines.extend(waits(view, step, None, width, theme));
    if let Some((seconds, origin)) = &step.planned_s {
        let takes = format!("takes about {}, {}", figure::seconds(*seconds), from(origin));
        lines.extend(indented(&takes, 1, width, theme.dim));
    }
    lines
}

/// What the driver cannot give: its window, and an approval of the preview with that digest, or of any.
pub(super) fn waits(view: &View, step: &Step, digest: Option<&str>, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(window) = &step.gate.window {
        let (from, to) = (window.from.strftime("%a %d %H:%MZ"), window.to.strftime("%a %d %H:%MZ"));
        let until = |at: jiff::Timestamp| figure::seconds(at.duration_since(view.at).as_secs_f64());
        let (state, style) = if view.at < window.from {
            (format!("opens in {}", until(window.from)), theme.title)
        } else if view.at < window.to && !window.is_closing(view.at) {
            ("open".to_owned(), theme.dim)
        } else if view.at < window.to {
            (format!("open, closes in {}", until(window.to)), theme.dim)
        } else {
            ("is over: set another in the runbook".to_owned(), theme.bad)
        };
        lines.extend(indented(&format!("window {from} to {to}: {state}"), 1, width, style));
    }
    if let Some(role) = &step.gate.approval {
        let fits = |approved: &&crate::protocol::view::Approved| digest.is_none_or(|digest| approved.digest == digest);
        let by: Vec<_> = step
            .gate
            .approved
            .iter()
            .filter(fits)
            .map(|approved| format!("{} until {}", approved.by, approved.expires.strftime("%a %H:%MZ")))
            .collect();
        let command = format!("`cutover approve RUNBOOK {}`", step.id);
        let (says, style) = if !by.is_empty() {
            (format!("approved by {}", by.join(", ")), theme.good)
        } else if step.gate.approved.is_empty() {
            (format!("waits for an approval by {role}: they run {command}"), theme.you)
        } else {
            (format!("what was approved is not this any more: {role} runs {command} again"), theme.you)
        };
        lines.extend(indented(&says, 1, width, style));
        if by.is_empty() && !step.gate.approvers.is_empty() {
            let who = format!("who may: {}", step.gate.approvers.join(", "));
            lines.extend(indented(&who, 3, width, theme.dim));
        }
    }
    lines
}
