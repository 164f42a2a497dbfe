//! Where a window looks: its panel, what is selected, how far it is scrolled, and the way back to now.

use super::model::{Model, Tab};
use super::{draw, overlay};

/// To what waits, in the order in which the sentence says it: a hand, who asks for the wheel, else the step. Its key
/// stands there.
pub(super) fn waits(model: &mut Model) {
    back_to_now(model);
    model.selected = None;
    overlay::close_all(model);
    let people = !model.view.hands.is_empty() || model.view.asks_for_the_wheel().is_some();
    // While writes wait, that comes first.
    let tab = match (model.freezes(), people) {
        (true, _) => Tab::Switch,
        (false, true) => Tab::People,
        (false, false) => Tab::Step,
    };
    to_tab(model, tab);
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

/// One panel on, or one back: the week and every tab, in the order of their numbers, whether or not they stand beside
/// each other.
pub(super) fn next_panel(model: &mut Model, back: bool) {
    let at = Tab::ALL.iter().position(|tab| *tab == model.tab).filter(|_| !model.in_week).map_or(0, |at| at + 1);
    let panels = Tab::ALL.len() + 1;
    let to = (at + if back { panels - 1 } else { 1 }) % panels;
    match to.checked_sub(1).and_then(|tab| Tab::ALL.get(tab)) {
        Some(tab) => to_tab(model, *tab),
        None => model.in_week = true,
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
        Tab::Logs => {
            // Its last line is not the log's.
            let (_, height) = draw::main_room(model);
            model.logs.scroll(by, height.saturating_sub(1));
        }
        Tab::Timeline => model.timeline.scroll(by),
        _ => {
            // Also where it became shorter meanwhile: the next key moves it.
            let longest = draw::longest_scroll(model);
            model.scroll = model.scroll.min(longest).saturating_add_signed(by).min(longest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::client::Me;
    use crate::protocol::live::Asking;
    use crate::protocol::view::{Driver, View};
    use crate::tui::{keymap::Keymap, theme::Theme};

    fn window(view: View) -> Model {
        Model::new(view, Me::new("anna"), false, (Keymap::standard(), Theme::named("dark", true, false).unwrap()))
    }

    #[test]
    fn one_panel_after_the_other_is_come_to_and_the_week_again_both_ways_round() {
        let mut model = window(View::default());
        let mut walk = |back| {
            let walked = (0..=Tab::ALL.len()).map(|_| {
                next_panel(&mut model, back);
                (!model.in_week).then_some(model.tab)
            });
            walked.collect::<Vec<_>>()
        };
        let mut panels: Vec<_> = Tab::ALL.into_iter().map(Some).chain([None]).collect();
        assert_eq!(walk(false), panels);
        panels.pop();
        panels.reverse();
        panels.push(None);
        assert_eq!(walk(true), panels);
    }

    #[test]
    fn what_waits_is_jumped_to_also_where_it_is_a_person() {
        let asking = |offered| {
            let at = jiff::Timestamp::UNIX_EPOCH;
            let asking = Asking { by: "tom".into(), why: String::new(), at, offered };
            let driver = Driver { name: "anna".into(), since: at, seen: None, silent: false, asking: Some(asking) };
            let mut model = window(View { driver: Some(driver), ..View::default() });
            waits(&mut model);
            model.tab
        };
        assert_eq!((asking(false), asking(true)), (Tab::People, Tab::Step));
    }
}
