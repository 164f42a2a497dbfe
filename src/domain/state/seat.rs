//! The people's part of the state.

use crate::domain::event::{Event, Recorded};
use crate::domain::seat::{Driver, Hand, Note, Seat};

impl Seat {
    pub(super) fn fold(&mut self, recorded: &Recorded) {
        let Recorded { seq, at, .. } = *recorded;
        match &recorded.event {
            Event::WheelTaken { by, .. } => self.driver = Some(Driver { name: by.clone(), since: at }),
            Event::WheelReleased { .. } => self.driver = None,
            Event::Noted { by, text } => self.say(seq, at, by, text.clone()),
            Event::HandRaised { by, text } => {
                self.hands.insert(seq, Hand { at, by: by.clone(), text: text.clone() });
            }
            Event::HandAnswered { hand, by, text } => {
                if let Some(Hand { by: asked_by, text: asked, .. }) = self.hands.remove(hand) {
                    self.say(seq, at, by, format!("to {asked_by}, who asked `{asked}`: {text}"));
                }
            }
            _ => {}
        }
    }

    fn say(&mut self, seq: u64, at: jiff::Timestamp, by: &str, text: String) {
        self.notes.push(Note { seq, at, by: by.to_owned(), text });
    }
}
