//! Who drives, who asks, who raised a hand: the actions on the seat itself, each through a dialog.

use super::action::Action;
use super::command::open;
use super::dialog::kind::of_take;
use super::dialog::{Field, Kind};
use super::model::Model;

/// Raises a hand, or answers the one that is up.
pub(super) fn hand(model: &mut Model) {
    let up = model.view.hands.first().map(|hand| hand.hand);
    match up {
        Some(hand) if model.drives() => open(model, Kind::Answer { hand }, vec![Field::words("the answer", false)]),
        _ => open(model, Kind::Hand, vec![Field::words("why", false)]),
    }
}

/// What a driver does with the seat itself, by typing its name.
pub(super) fn as_driver(model: &mut Model, action: Action, kind: Kind) {
    let name = action.name();
    if let Some(why) = model.why_not() {
        return model.say(format!("{name}: {why}"));
    }
    if let (Kind::End, Some(step)) = (&kind, model.view.running()) {
        let text = format!("{name}: {} is in flight; it goes on without this screen, or is stopped first", step.id);
        return model.say(text);
    }
    open(model, kind, vec![Field::exactly(format!("type {name}"), name)]);
}

/// Takes the wheel, asks for it, or hands it over: whichever there is to do.
pub(super) fn wheel(model: &mut Model) {
    if model.watch {
        model.say("this window looks on: `cutover drive` can ask for the wheel");
        return;
    }
    let current = model.view.current.as_ref().map(ToString::to_string).unwrap_or_default();
    let fields = of_take(&current);
    let Some(driver) = model.view.driver.clone() else {
        return open(model, Kind::Take { current }, fields);
    };
    let asking = driver.asking.as_ref();
    if driver.name == model.me.name {
        match asking {
            Some(asking) => {
                let (to, field) = (asking.by.clone(), Field::exactly(format!("type {}", asking.by), asking.by.clone()));
                open(model, Kind::Offer { to }, vec![field]);
            }
            // Another terminal of the same person may have it.
            None => open(model, Kind::Take { current }, fields),
        }
    } else if driver.silent || asking.is_some_and(|asking| asking.offered && asking.by == model.me.name) {
        open(model, Kind::Take { current }, fields);
    } else {
        open(model, Kind::Ask, vec![Field::words("why", false)]);
    }
}
