//! From an input to the next screen, and to what is to be done about it: pure, so that a test can press keys.

use std::time::Duration;

use crossterm::event::{Event, KeyEvent, KeyEventKind, KeyModifiers};

use super::action::Action;
use super::answer::answered;
pub use super::answer::{Answer, Copied};
use super::command;
use super::dialog::{Dialog, Guard, Kind, Sending, Took};
use super::model::{AWAY, MOMENT, Model, Overlay, Tab, freezes};
use super::{mouse, overlay};
use crate::domain::StepId;
use crate::protocol::client::Update;
use crate::protocol::log::Query;
use crate::protocol::view::View;

/// Something that happens to a screen.
#[expect(clippy::large_enum_variant, reason = "made one at a time, and not kept")]
#[derive(Debug, Clone)]
pub enum Input {
    /// From the terminal.
    Terminal(Event),
    /// From the engine's stream.
    Engine(Update),
    /// An answer to an effect.
    Answer(Answer),
    /// Time passes.
    Tick,
}

/// Something to be done outside the screen.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are the protocol's")]
pub enum Effect {
    Preview(StepId),
    WayBack(StepId),
    Send(Sending, String),
    Logs(Query),
    Journal(u64),
    ViewAt(u64),
    /// Put this into the clipboard and into a file.
    Copy(String),
    Detach,
    Suspend,
    Redraw,
}

/// The next screen; `now` is the screen's clock.
pub fn update(model: &mut Model, input: Input, now: Duration) -> Vec<Effect> {
    model.now = now;
    if model.said.as_ref().is_some_and(|(_, at)| now.saturating_sub(*at) > MOMENT) {
        model.said = None;
    }
    if !matches!(input, Input::Terminal(_)) {
        model.reading.silence(now);
        let is_quiet = |guard: &mut Guard| {
            guard.silence(now);
            guard.is_armed()
        };
        model.coming.take_if(is_quiet);
        if let Some(dialog) = &mut model.dialog {
            dialog.silence(now);
        }
    }
    let mut effects = match input {
        Input::Terminal(Event::Key(key)) if key.kind != KeyEventKind::Release => pressed(model, &key),
        Input::Terminal(Event::Paste(text)) => {
            paste(model, &text);
            Vec::new()
        }
        Input::Terminal(Event::Resize(columns, rows)) => {
            model.size = (columns, rows);
            Vec::new()
        }
        Input::Terminal(Event::Mouse(event)) => {
            mouse::take(model, event);
            Vec::new()
        }
        Input::Terminal(_) | Input::Tick => Vec::new(),
        Input::Engine(update) => heard(model, update),
        Input::Answer(answer) => answered(model, answer),
    };
    model.goes_on();
    effects.extend(wanted(model));
    effects
}

fn heard(model: &mut Model, update: Update) -> Vec<Effect> {
    match update {
        Update::View(view) => {
            model.hears(view.at);
            if view.run == model.view.run && view.seq < model.view.seq {
                // A stream begins with what was told last, which may be from before this client's own first order:
                // a screen that went back there would not know for a moment that its person drives.
                return Vec::new();
            }
            if freezes(&view) && !model.freezes() {
                // It comes by itself, and stays until another panel is chosen.
                model.tab = Tab::Switch;
                model.in_week = false;
                model.selected = None;
                // Nobody looks at the past, or reads the help, while tenants wait.
                model.past = None;
                overlay::close_all(model);
                // What is being typed was meant for something else: the rest of it commands nothing.
                model.logs.typing = false;
                let mut guard = Guard::new(model.touched, None);
                guard.silence(model.now);
                // Who was not typing may abort at once.
                model.coming = Some(guard).filter(|guard| !guard.is_armed());
            }
            model.changed.take(&view, model.now);
            model.view = *view;
        }
        Update::Beat(clock) => model.hears(clock),
        Update::Lost(failure) => model.link.lost = Some(failure),
    }
    Vec::new()
}

/// What the panel that is looked at needs fetched.
fn wanted(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    if model.stale().is_some() {
        return effects;
    }
    let looks_back = model.tab == Tab::Timeline || matches!(model.overlay, Some(Overlay::Since(_)));
    if looks_back && let Some(after) = model.timeline.query(model.view.seq) {
        effects.push(Effect::Journal(after));
    }
    if (model.tab == Tab::Logs || super::draw::has_log_beside(model.size)) && model.logs.due(model.now) {
        effects.extend(model.logs.query().map(Effect::Logs));
    }
    effects
}

fn pressed(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    let away = model.now.saturating_sub(model.touched) >= AWAY;
    model.touched = model.now;
    model.pressed = Some(key.code);
    if away && model.dialog.is_none() && !model.freezes() {
        overlay::since(model);
        return Vec::new();
    }
    model.touched_at = model.view.seq;
    let everywhere = |action: &Action| matches!(action, Action::Detach | Action::Suspend | Action::Redraw);
    if key.modifiers.contains(KeyModifiers::CONTROL)
        && let Some(action) = model.keymap.action(key).filter(everywhere)
    {
        return command::act(model, action);
    }
    if model.dialog.is_some() {
        return in_dialog(model, key);
    }
    if model.overlay.is_some() {
        return overlay::key(model, key);
    }
    if let Some(guard) = &mut model.coming {
        guard.key(key.code, model.now);
        model.say("the freeze came while you typed: keys count once none came for a moment");
        return Vec::new();
    }
    if model.logs.typing && model.tab == Tab::Logs {
        model.logs.type_search(key);
        return Vec::new();
    }
    match model.keymap.action(key) {
        Some(action) => command::act(model, action),
        None => Vec::new(),
    }
}

/// A dialog is left. An order that was sent is not taken back by that, and may begin something yet.
fn left(model: &mut Model) {
    let Some(dialog) = model.dialog.take() else { return };
    if dialog.sent.is_some() {
        let stop = model.keymap.key(Action::Stop).to_owned();
        let title = dialog.kind.title();
        model.say(format!("{title} was sent, and the engine decides: {stop} stops what begins"));
    }
}

fn in_dialog(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    let needs_the_wheel = model
        .dialog
        .as_ref()
        .is_some_and(|dialog| !matches!(dialog.kind, Kind::Note | Kind::Hand | Kind::Ask | Kind::Take { .. }));
    let blocked = model.stale().is_some() || needs_the_wheel && model.why_not().is_some();
    let Some(dialog) = &mut model.dialog else { return Vec::new() };
    let blocked = blocked || dialog.kind.is_no_go();
    match dialog.key(key, model.now, blocked) {
        Took::Key => {
            let longest = super::draw::longest_of_dialog(model);
            if let Some(dialog) = &mut model.dialog {
                dialog.scroll = dialog.scroll.min(longest);
            }
            Vec::new()
        }
        Took::Leave => {
            left(model);
            model.looking = None;
            Vec::new()
        }
        Took::Submit => submit(dialog, &model.view),
    }
}

fn submit(dialog: &mut Dialog, view: &View) -> Vec<Effect> {
    let id = format!("{:016x}", rand::random::<u64>());
    let sending = dialog.sending(view, id.clone());
    dialog.sent = Some(id.clone());
    dialog.refused = None;
    vec![Effect::Send(sending, id)]
}

/// A paste is never keys: it fills a field for any words, or nothing.
fn paste(model: &mut Model, text: &str) {
    let now = model.now;
    let taken = match &mut model.dialog {
        Some(dialog) => dialog.paste(text, now),
        None if model.logs.typing => {
            model.logs.paste_search(text);
            true
        }
        None => false,
    };
    if !taken {
        model.say("a paste is not taken here: type it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::client::Me;
    use crate::protocol::view::View;
    use crate::tui::{keymap::Keymap, theme::Theme};

    #[test]
    fn a_view_from_before_is_not_drawn() {
        let view = |seq| View { seq, run: "shop-1".into(), ..View::default() };
        let theme = Theme::named("dark", true, false).unwrap();
        let mut model = Model::new(view(5), Me::new("anna"), false, (Keymap::standard(), theme));
        let mut hears = |seq| {
            update(&mut model, Input::Engine(Update::View(Box::new(view(seq)))), Duration::ZERO);
            model.view.seq
        };
        assert_eq!([hears(4), hears(5), hears(6)], [5, 5, 6]);
    }
}
