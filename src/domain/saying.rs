//! What people may say to a run, and what it means: notes, hands, and the wheel.

use super::approval::Approval;
use super::event::Event;
use super::failure::Failure;
use super::plain;
use super::plan::Plan;
use super::runbook::Person;
use super::seat::{Seat, Taking};
use super::state::RunState;

/// The longest note, in characters.
pub const LONGEST: usize = 500;

/// Something that a person says, or does with the wheel.
#[expect(missing_docs, reason = "the fields repeat the words of the variant's own line")]
#[derive(Debug, Clone, PartialEq)]
pub enum Saying {
    /// For everybody to read.
    Note { by: String, text: String },
    /// To be answered before the next gate is passed.
    RaiseHand { by: String, text: String },
    /// The driver's answer to the hand raised at that place of the journal.
    AnswerHand { hand: u64, by: String, text: String },
    /// Take the wheel, in a way that the engine saw to be open.
    TakeWheel { by: String, how: Taking, why: String },
    /// Let the wheel go.
    ReleaseWheel { by: String },
    /// An approval whose signature was made somewhere else.
    Approve(Approval),
}

/// What is recorded for it.
///
/// # Errors
/// Refused: an empty or too long text, a hand that is not up, a second one of the same person, a wheel that somebody
/// else holds.
pub fn decide(state: &RunState, plan: &Plan, saying: &Saying) -> Result<Vec<Event>, Failure> {
    let seat = &state.seat;
    Ok(vec![match saying.clone() {
        Saying::Approve(approval) => return approved(state, plan, approval),
        Saying::Note { by, text } => Event::Noted { by, text: readable(&text)? },
        Saying::RaiseHand { by, text } => raised(seat, by, &text)?,
        Saying::AnswerHand { hand, by, text } => {
            if !seat.hands.contains_key(&hand) {
                return Err(Failure::refused("that hand is not up any more"));
            }
            Event::HandAnswered { hand, by, text: readable(&text)? }
        }
        Saying::TakeWheel { by, how, why } => take(seat, by, how, why)?,
        Saying::ReleaseWheel { by } => match &seat.driver {
            Some(driver) if driver.name == by => Event::WheelReleased { by },
            _ => return Err(Failure::refused(format!("{by} is not driving"))),
        },
    }])
}

/// One hand a person: each is one more that the driver has to answer before the next gate.
fn raised(seat: &Seat, by: String, text: &str) -> Result<Event, Failure> {
    if let Some(up) = seat.hands.values().find(|up| Person::is_one(&up.by, &by)) {
        return Err(Failure::refused(format!("{by} has a hand up already"))
            .because(format!("since {}: {}", up.at.strftime("%H:%M"), up.text))
            .next("the driver answers it; until then a note says more"));
    }
    Ok(Event::HandRaised { by, text: readable(text)? })
}

/// A signature of one of the runbook's people, with the role that the step's gate asks for. Whether it opens the gate
/// is looked at when the step starts: by then the preview may be another. One that is there already is not recorded
/// again.
fn approved(state: &RunState, plan: &Plan, approval: Approval) -> Result<Vec<Event>, Failure> {
    let statement = &approval.statement;
    if state.run.as_ref() != Some(&statement.run) {
        return Err(Failure::refused(format!("the approval is of the run {}, and this is another", statement.run)));
    }
    let Some(step) = plan.step(&statement.step) else {
        return Err(Failure::refused(format!("there is no step `{}`", statement.step)));
    };
    let key = approval.verify(plan)?.to_string();
    approval.is_asked_for(plan, step)?;
    let same = |known: &&Approval| known.statement == approval.statement && known.by == approval.by;
    if state.approvals.iter().find(same).is_some_and(|known| known.verify(plan).is_ok()) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::Approved { approval, key }])
}

fn take(seat: &Seat, by: String, how: Taking, why: String) -> Result<Event, Failure> {
    match &seat.driver {
        Some(driver) if driver.name != by && how == Taking::Free => {
            Err(Failure::refused(format!("{} is driving, since {}", driver.name, driver.since.strftime("%H:%M")))
                .next("watch, or ask for the wheel"))
        }
        driver => {
            let from = driver.as_ref().map(|driver| driver.name.clone()).filter(|from| *from != by);
            Ok(Event::WheelTaken { by, from, how, why })
        }
    }
}

/// The text without what could draw on somebody's terminal.
fn readable(text: &str) -> Result<String, Failure> {
    let text = plain::line(text);
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::refused("there is nothing to say"));
    }
    let letters = text.chars().count();
    if letters > LONGEST {
        return Err(Failure::refused(format!("{letters} characters are too many, {LONGEST} fit")));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Recorded;

    #[test]
    fn a_person_has_one_hand() {
        let service = serde_json::json!({ "name": "a", "host": "a.example" });
        let runbook = serde_json::json!({ "name": "a", "environment": "lab", "service": service, "step": [] });
        let plan = Plan::new(serde_json::from_value(runbook).unwrap(), "a.toml".into());
        let mut state = RunState::default();
        let mut says = |saying: Saying| -> Result<u64, Failure> {
            for event in decide(&state, &plan, &saying)? {
                state.fold(&Recorded { seq: state.seq + 1, at: jiff::Timestamp::UNIX_EPOCH, event });
            }
            Ok(state.seq)
        };
        let raise = |by: &str| Saying::RaiseHand { by: by.into(), text: "is the cron job moved?".into() };
        let hand = says(raise("ben")).unwrap();
        for again in ["ben", "Ben "] {
            let failure = says(raise(again)).unwrap_err();
            assert!(failure.what.ends_with("has a hand up already") && failure.next.is_some(), "{failure:?}");
            assert_eq!(failure.why, ["since 00:00: is the cron job moved?"]);
        }
        says(raise("eve")).unwrap();
        says(Saying::AnswerHand { hand, by: "ana".into(), text: "yes".into() }).unwrap();
        says(raise("ben")).unwrap();
    }
}
