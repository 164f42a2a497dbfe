//! One sentence that says where the run stands and what it waits for: on every screen, in the terminal's title,
//! in tmux's status bar, in what is sent to chats.

use crate::domain::figure;
use crate::domain::state::{Direction, Status};
use crate::protocol::view::{Mood, Sentence, Step, View};

/// The sentence of a view whose steps and fences are filled in.
pub fn of(view: &View) -> Sentence {
    let current = view.current.as_ref().and_then(|id| view.step(id));
    frozen(view, current).or_else(|| hand(view)).unwrap_or_else(|| {
        let stands = match current {
            Some(step) => about(view, step),
            None => say(Mood::Done, "every step is over; nothing waits for you"),
        };
        wheel(view, stands)
    })
}

fn say(mood: Mood, text: impl Into<String>) -> Sentence {
    Sentence { mood, text: text.into() }
}

/// Tenants cannot write.
fn frozen(view: &View, current: Option<&Step>) -> Option<Sentence> {
    let running = current.is_some_and(|current| current.status == Status::Running && view.alive());
    let freeze = view.freeze.as_ref().filter(|freeze| running && freeze.ended.is_none());
    if let Some(freeze) = freeze.filter(|_| view.switched) {
        let spent = view.at.duration_since(freeze.since).as_secs_f64();
        let text = format!("FREEZE: past the point of switching; writes wait for {spent:.1} s, it goes on");
        return Some(say(Mood::Frozen, text));
    }
    if let Some(freeze) = view.freeze.as_ref().filter(|freeze| view.switched && freeze.ended.is_none()) {
        let text = format!("FREEZE: {} stands still past the point of switching: nobody can write", freeze.step);
        return Some(say(Mood::Frozen, text));
    }
    let (service, step) = view.fences.iter().find(|(service, _)| view.barred.as_ref() == Some(service))?;
    Some(match freeze {
        Some(freeze) => {
            let left = freeze.budget_s - view.at.duration_since(freeze.since).as_secs_f64();
            say(Mood::Frozen, format!("FREEZE: tenants' writes wait, {:.1} s of the budget left", left.max(0.0)))
        }
        None if running => say(Mood::Frozen, format!("FREEZE: the {service} is fenced, {step} is at it")),
        None => say(
            Mood::Frozen,
            format!("FENCE SHUT at the {service}, by step {step}: tenants cannot write; resume {step} to open it"),
        ),
    })
}

fn hand(view: &View) -> Option<Sentence> {
    let hand = view.hands.first()?;
    Some(say(Mood::You, format!("WAITING FOR YOU: {} has a hand up: {}", hand.by, hand.text)))
}

/// Somebody asks for the wheel, and the driver has not offered it yet: said before everything but what cannot wait,
/// and beside what failed.
fn wheel(view: &View, stands: Sentence) -> Sentence {
    let Some(asking) = view.asks_for_the_wheel() else { return stands };
    let asks = format!("WAITING FOR YOU: {} asks for the wheel", asking.by);
    match stands.text.strip_prefix("WAITING FOR YOU: ") {
        Some(rest) if stands.mood == Mood::Failed => say(Mood::Failed, format!("{asks}; {rest}")),
        _ if asking.why.trim().is_empty() => say(Mood::You, asks),
        _ => say(Mood::You, format!("{asks}: {}", asking.why)),
    }
}

fn about(view: &View, step: &Step) -> Sentence {
    let back = step.direction == Direction::Back;
    match step.status {
        Status::Running if view.alive() => running(view, step, back),
        Status::Failed if back => {
            say(Mood::Failed, format!("WAITING FOR YOU: taking {} back failed{}", step.id, why(step)))
        }
        Status::Failed => say(Mood::Failed, format!("WAITING FOR YOU: {} failed{}", step.id, why(step))),
        Status::InDoubt | Status::Running => {
            say(Mood::You, format!("WAITING FOR YOU: resume {}, its engine went away in the middle", step.id))
        }
        _ => waiting(view, step),
    }
}

fn why(step: &Step) -> String {
    step.failure.as_ref().map(|failure| format!(": {}", failure.what)).unwrap_or_default()
}

#[expect(clippy::cast_possible_truncation, reason = "a percentage")]
fn running(view: &View, step: &Step, back: bool) -> Sentence {
    let name = if back { format!("taking {} back", step.id) } else { step.id.to_string() };
    let share = step.fraction.map(|share| format!(" {} %", (share * 100.0).floor() as i64)).unwrap_or_default();
    let left = match (step.stands_since, &step.left_s) {
        (Some(since), _) => {
            format!(", stands still for {}", figure::seconds(view.at.duration_since(since).as_secs_f64()))
        }
        (None, Some((left, _))) => format!(", {} left", figure::seconds(*left)),
        (None, None) => String::new(),
    };
    say(Mood::Running, format!("{name}{share}{left}; nothing waits for you"))
}

fn waiting(view: &View, step: &Step) -> Sentence {
    let id = &step.id;
    let until = |at: jiff::Timestamp| figure::seconds(at.duration_since(view.at).as_secs_f64());
    let window = match &step.gate.window {
        Some(window) if view.at < window.from => {
            return say(Mood::Calm, format!("{id} waits for its window, which opens in {}", until(window.from)));
        }
        Some(window) if view.at >= window.to => {
            return say(Mood::You, format!("WAITING FOR YOU: the window of {id} is over; set another in the runbook"));
        }
        Some(window) if window.is_closing(view.at) => format!(", window closes in {}", until(window.to)),
        _ => String::new(),
    };
    if let Some(role) = step.gate.approval.as_ref().filter(|_| step.gate.approved.is_empty()) {
        return say(Mood::Calm, format!("{id} waits for an approval by {role}{window}"));
    }
    let verb = match (&step.gate.phrase, step.action.as_str()) {
        (Some(_), _) => "type the phrase of",
        (None, "manual") => "do and confirm",
        _ => "confirm",
    };
    say(Mood::You, format!("WAITING FOR YOU: {verb} {id}{window}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::live::Asking;
    use crate::protocol::view::Driver;

    #[test]
    fn who_asks_for_the_wheel_is_waiting_for_the_driver_until_it_is_offered() {
        let at = jiff::Timestamp::UNIX_EPOCH;
        let asked = |offered| {
            let asking = Asking { by: "tom".into(), why: "your shift is over".into(), at, offered };
            let driver = Driver { name: "mara".into(), since: at, seen: None, silent: false, asking: Some(asking) };
            View { driver: Some(driver), ..View::default() }
        };
        let expected = say(Mood::You, "WAITING FOR YOU: tom asks for the wheel: your shift is over");
        assert_eq!(of(&asked(false)), expected);
        assert_eq!(of(&asked(true)).mood, Mood::Done);
        let failed = wheel(&asked(false), say(Mood::Failed, "WAITING FOR YOU: push failed: denied"));
        assert_eq!(failed, say(Mood::Failed, "WAITING FOR YOU: tom asks for the wheel; push failed: denied"));
    }
}
