//! What people may say to a run, and what it means: notes, hands, and the wheel.

use super::event::Event;
use super::failure::Failure;
use super::seat::{Seat, Taking};

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
}

/// What is recorded for it.
///
/// # Errors
/// Refused: an empty or too long text, a hand that is not up, a wheel that somebody else holds.
pub fn decide(seat: &Seat, saying: &Saying) -> Result<Vec<Event>, Failure> {
    Ok(vec![match saying.clone() {
        Saying::Note { by, text } => Event::Noted { by, text: readable(&text)? },
        Saying::RaiseHand { by, text } => Event::HandRaised { by, text: readable(&text)? },
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
    let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
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
