//! What each action does to a screen; those that command open a dialog, and the dialog sends the order.

use super::action::Action;
use super::dialog::kind::{of_back, of_start};
use super::dialog::{Dialog, Field, Kind, Sending};
use super::model::{Looking, LookingAt, Model, Overlay, Tab};
use super::overlay;
use super::people;
use super::places::{back_to_now, leave, next_panel, scroll, to_tab, waits};
use super::update::Effect;
use crate::domain::StepId;
use crate::domain::state::Status;
use crate::protocol::order::{Order, Previewed, Verb};

/// Carries out an action.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Detach => return vec![Effect::Detach],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Redraw => return vec![Effect::Redraw],
        Action::Copy => return vec![Effect::Copy(super::draw::as_text(model))],
        Action::Help => overlay::open(model, Overlay::Help),
        Action::Palette => overlay::open(model, Overlay::Palette(String::new(), 0)),
        Action::Identities => overlay::open(model, Overlay::Identities),
        Action::Week => model.in_week = true,
        Action::Step => to_tab(model, Tab::Step),
        Action::Logs => to_tab(model, Tab::Logs),
        Action::Risks => to_tab(model, Tab::Risks),
        Action::Timeline => to_tab(model, Tab::Timeline),
        Action::People => to_tab(model, Tab::People),
        Action::Switch => to_tab(model, Tab::Switch),
        Action::NextTab => next_panel(model, false),
        Action::PreviousTab => next_panel(model, true),
        Action::Up => scroll(model, -1),
        Action::Down => scroll(model, 1),
        Action::PageUp => scroll(model, -10),
        Action::PageDown => scroll(model, 10),
        Action::Top => scroll(model, isize::MIN / 2),
        Action::Bottom if model.past.is_some() => back_to_now(model),
        Action::Bottom => scroll(model, isize::MAX / 2),
        Action::Leave => leave(model),
        Action::Waits => waits(model),
        Action::Search if model.tab == Tab::Logs => model.logs.typing = true,
        Action::Search => {
            to_tab(model, Tab::Logs);
            model.logs.typing = true;
        }
        Action::Follow => model.logs.toggle(),
        Action::Wrap => model.logs.wrap = !model.logs.wrap,
        Action::OnlyStep => {
            let step = model.step().map(|step| step.id.clone());
            model.logs.only(step);
        }
        Action::Level => model.logs.next_level(),
        Action::Note => open(model, Kind::Note, vec![Field::words("what everybody should know", false)]),
        Action::Hand => people::hand(model),
        Action::Wheel => people::wheel(model),
        Action::Release => people::as_driver(model, action, Kind::Release),
        Action::End => people::as_driver(model, action, Kind::End),
        Action::Preview => return preview(model),
        Action::Open => return opened(model),
        Action::Go | Action::Stop | Action::Abort | Action::RollBack | Action::Adopt => return command(model, action),
    }
    Vec::new()
}

/// Opens what is selected: an earlier moment, else the gate of the selected step.
fn opened(model: &mut Model) -> Vec<Effect> {
    if model.tab == Tab::Timeline && !model.in_week {
        return model.timeline.selected().map(|moment| Effect::ViewAt(moment.seq)).into_iter().collect();
    }
    let is_current = model.selected.is_none() || model.selected == model.view.current;
    let waits = model.current().is_some_and(|step| step.status != Status::Running);
    if model.in_week && is_current && waits && model.why_not().is_none() {
        return command(model, Action::Go);
    }
    to_tab(model, Tab::Step);
    Vec::new()
}

/// What only the driver does.
fn command(model: &mut Model, action: Action) -> Vec<Effect> {
    if let Some(why) = model.why_not() {
        model.say(format!("{}: {why}", action.name().replace('_', " ")));
        return Vec::new();
    }
    let Some(step) = model.current().cloned() else {
        if action == Action::RollBack {
            return last_back(model);
        }
        model.say("nothing is left to do");
        return Vec::new();
    };
    let (id, attempt, seq) = (step.id.clone(), step.attempt, model.view.seq);
    let has = |verb: &str| step.choices.iter().any(|choice| choice.verb == verb);
    match action {
        Action::Go if has("resume") => open(model, Kind::Resume { step: id.clone(), attempt, seq }, named(&id)),
        Action::Go if has("start") || has("retry") => {
            return look(model, id, LookingAt::Gate);
        }
        Action::Adopt if has("adopt") => open(model, Kind::Adopt { step: id.clone(), attempt, seq }, named(&id)),
        Action::Stop => {
            if let Some(stop) = step.choices.iter().find(|choice| choice.verb == "stop") {
                let kind = Kind::Stop { step: id, attempt, effect: stop.effect.clone() };
                open(model, kind, vec![Field::exactly("type stop", "stop")]);
            } else {
                model.say("no step is in flight");
            }
        }
        Action::Abort => return abort(model),
        Action::RollBack => return last_back(model),
        _ => model.say(format!("{id} cannot be {} now", if action == Action::Adopt { "adopted" } else { "started" })),
    }
    Vec::new()
}

/// The abort of a freeze asks nothing: it puts things back as they were, and every second counts.
fn abort(model: &mut Model) -> Vec<Effect> {
    let freeze = model.view.freeze.as_ref().filter(|freeze| freeze.ended.is_none());
    let Some(freeze) = freeze else {
        model.say("tenants are not made to wait: there is nothing to abort");
        return Vec::new();
    };
    if freeze.switched {
        let back = model.keymap.key(Action::RollBack).to_owned();
        model.say(format!("past the point of switching there is no abort: {back} shows the price of going back"));
        return Vec::new();
    }
    let (step, id) = (freeze.step.clone(), format!("{:016x}", rand::random::<u64>()));
    let attempt = model.view.step(&step).map_or(0, |step| step.attempt);
    let order = Order { command_id: id.clone(), seq: model.view.seq, verb: Verb::Stop { step, attempt } };
    model.say("aborting: the source opens as it was");
    vec![Effect::Send(Sending::Order(order), id)]
}

/// Asks for the way back of the last step that stands.
fn last_back(model: &mut Model) -> Vec<Effect> {
    let last = model.view.steps.iter().rev().find(|step| step.choices.iter().any(|choice| choice.verb == "roll_back"));
    let Some(step) = last.map(|step| step.id.clone()) else {
        model.say("nothing can be taken back now");
        return Vec::new();
    };
    model.say(format!("looking at the way back of {step}"));
    look(model, step, LookingAt::WayBack)
}

/// Asks for a look at the world; one that is under way is not asked for again, however long a key is held.
fn look(model: &mut Model, step: StepId, at: LookingAt) -> Vec<Effect> {
    let is_back = |at| at == LookingAt::WayBack;
    let under_way = model.looking.as_ref().filter(|looking| looking.step == step && is_back(looking.at) == is_back(at));
    let asks = under_way.is_none();
    // A look that is only looked at becomes the gate's, and never the other way.
    if asks || at != LookingAt::Changes {
        model.looking = Some(Looking { step: step.clone(), at });
    }
    let effect = if is_back(at) { Effect::WayBack(step) } else { Effect::Preview(step) };
    asks.then_some(effect).into_iter().collect()
}

/// The gate of a step whose preview has come.
pub(super) fn open_gate(model: &mut Model, step: &StepId, seen: Previewed) {
    let fields = of_start(&model.view, step, &seen);
    let attempt = model.view.step(step).map_or(0, |step| step.attempt);
    came(model, step, Kind::Start { step: step.clone(), attempt, seen }, fields);
}

/// The gate of a way back that has come.
pub(super) fn open_way_back(model: &mut Model, step: &StepId, seen: Previewed) {
    let fields = of_back(step, &seen);
    let attempt = model.view.step(step).map_or(0, |step| step.attempt);
    came(model, step, Kind::Back { step: step.clone(), attempt, seen }, fields);
}

/// A look at a step has come: its dialog opens, or says what moved since the look that was refused. What is typed in
/// another one is not swept away by one that comes by itself.
fn came(model: &mut Model, step: &StepId, kind: Kind, fields: Vec<Field>) {
    let now = model.now;
    match &mut model.dialog {
        None => open(model, kind, fields),
        Some(dialog) if dialog.refused.is_some() && dialog.kind.is_as(&kind) => dialog.look_again(kind, fields, now),
        Some(_) => model.say(format!("the gate of {step} could not open over this: ask for it again")),
    }
}

/// Looks again at what an order was drawn from, because the engine refused it.
pub(super) fn look_again(model: &mut Model) -> Vec<Effect> {
    match model.dialog.as_ref().map(|dialog| dialog.kind.clone()) {
        Some(Kind::Start { step, .. }) => look(model, step, LookingAt::Gate),
        Some(Kind::Back { step, .. }) => look(model, step, LookingAt::WayBack),
        _ => Vec::new(),
    }
}

fn named(step: &StepId) -> Vec<Field> {
    vec![Field::exactly(format!("type {step}"), step.to_string())]
}

pub(super) fn open(model: &mut Model, kind: Kind, fields: Vec<Field>) {
    model.said = None;
    model.dialog = Some(Dialog::open(kind, fields, model.now).opened_by(model.pressed, model.now));
}

/// Looks at the world for the selected step; on the board of the switch for the switch, wherever the run is.
fn preview(model: &mut Model) -> Vec<Effect> {
    if model.past.is_some() {
        let why = model.why_not().unwrap_or_default();
        model.say(format!("preview: {why}"));
        return Vec::new();
    }
    let on_board = model.tab == Tab::Switch && !model.in_week;
    let board = model.view.switch().filter(|_| on_board && !model.freezes() && !model.view.switched);
    let stays = board.is_some();
    let Some(step) = board.or_else(|| model.step()).map(|step| step.id.clone()) else { return Vec::new() };
    if !stays {
        to_tab(model, Tab::Step);
    }
    look(model, step, LookingAt::Changes)
}
