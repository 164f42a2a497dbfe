//! Where a window looks: its panel, what is selected, how far it is scrolled, and the way back to now.

use super::model::{Model, Tab};

/// To what waits: a hand, else the step.
pub(super) fn waits(model: &mut Model) {
    back_to_now(model);
    model.selected = None;
    model.overlay = None;
    to_tab(model, if model.view.hands.is_empty() { Tab::Step } else { Tab::People });
}

pub(super) fn back_to_now(model: &mut Model) {
    if model.past.take().is_some() {
        model.selected = None;
    }
}

/// One level up; it never quits.
pub(super) fn leave(model: &mut Model) {
    if model.past.is_some() {
        back_to_now(model);
    } else if !model.in_week {
        model.in_week = true;
    } else {
        model.selected = None;
    }
}

pub(super) fn to_tab(model: &mut Model, tab: Tab) {
    model.in_week = false;
    if model.tab != tab {
        model.tab = tab;
        model.scroll = 0;
    }
}

pub(super) fn next_tab(model: &mut Model, by: usize) {
    let at = Tab::ALL.iter().position(|tab| *tab == model.tab).unwrap_or(0);
    if let Some(tab) = Tab::ALL.get((at + by) % Tab::ALL.len()) {
        to_tab(model, *tab);
    }
}

pub(super) fn scroll(model: &mut Model, by: isize) {
    if model.in_week {
        let steps = &model.shown().steps;
        let at = model.step().and_then(|step| steps.iter().position(|known| known.id == step.id)).unwrap_or(0);
        let to = at.saturating_add_signed(by).min(steps.len().saturating_sub(1));
        let to = steps.get(to).map(|step| step.id.clone());
        // On the current step the selection follows the run again.
        model.selected = to.filter(|to| model.view.current.as_ref() != Some(to) || model.past.is_some());
        model.scroll = 0;
        return;
    }
    match model.tab {
        Tab::Logs => model.logs.scroll(by),
        Tab::Timeline => model.timeline.scroll(by),
        // Drawing knows how long the panel is, and shows its end where this is beyond it.
        _ => model.scroll = model.scroll.saturating_add_signed(by).min(10_000),
    }
}
