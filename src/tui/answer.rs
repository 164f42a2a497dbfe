//! What came of an effect, and what it does to the screen.

use super::command;
pub use super::copy::Copied;
use super::dialog::Kind;
use super::model::{LookingAt, Model, Tab};
use super::update::Effect;
use crate::domain::{Failure, FailureKind, Recorded, StepId};
use crate::protocol::log::Page;
use crate::protocol::order::{Answered, Previewed};
use crate::protocol::view::View;

/// What an effect gave.
#[derive(Debug, Clone)]
pub enum Answer {
    /// What a step would change.
    Previewed(StepId, Result<Previewed, Failure>),
    /// What taking it back would change.
    WayBack(StepId, Result<Previewed, Failure>),
    /// An order, by its id.
    Sent(String, Result<Answered, Failure>),
    /// Log lines.
    Logs(Result<Page, Failure>),
    /// Events after a place of the journal.
    Journal(Result<Vec<Recorded>, Failure>),
    /// An earlier moment.
    Past(Result<Box<View>, Failure>),
    /// Where what was copied is.
    Copied(Result<Copied, Failure>),
}

/// Takes an answer in; what is to be done about it.
pub(super) fn answered(model: &mut Model, answer: Answer) -> Vec<Effect> {
    match answer {
        Answer::Previewed(step, seen) => {
            let asked = model.looking.take_if(|looking| looking.step == step && looking.at != LookingAt::WayBack);
            let gate = asked.is_some_and(|looking| looking.at == LookingAt::Gate);
            match &seen {
                Ok(seen) if gate => command::open_gate(model, &step, seen.clone()),
                // Who wanted to start it may be looking at something else.
                Err(failure) if gate => model.say(format!("{step} does not start: {failure}")),
                _ => {}
            }
            model.previewed = Some((step, seen));
        }
        Answer::WayBack(step, seen) => {
            let asked = model.looking.take_if(|looking| looking.step == step && looking.at == LookingAt::WayBack);
            match seen {
                Ok(seen) if asked.is_some() => command::open_way_back(model, &step, seen),
                // Something else was asked meanwhile.
                Ok(_) => {}
                Err(failure) => model.say(failure.to_string()),
            }
        }
        Answer::Sent(id, result) => return sent(model, &id, result),
        Answer::Logs(page) => {
            if model.logs.take(page.ok()) {
                return model.logs.query().map(Effect::Logs).into_iter().collect();
            }
        }
        Answer::Journal(events) => model.timeline.take(events.ok()),
        Answer::Past(Ok(view)) => {
            model.past = Some(*view);
            model.selected = None;
            model.tab = Tab::Step;
        }
        Answer::Copied(Ok(Copied { path, in_clipboard: true })) => model.say(format!("copied; also in {path}")),
        Answer::Copied(Ok(Copied { path, .. })) => {
            model.say(format!("{path} has it whole: it is too long for a terminal's clipboard"));
        }
        Answer::Past(Err(failure)) | Answer::Copied(Err(failure)) => model.say(failure.to_string()),
    }
    Vec::new()
}

/// An order was answered: its dialog is done with, or says why not.
fn sent(model: &mut Model, id: &str, result: Result<Answered, Failure>) -> Vec<Effect> {
    let now = model.now;
    let waiting = model.dialog.as_mut().filter(|dialog| dialog.sent.as_deref() == Some(id));
    match (result, waiting) {
        (Ok(_), Some(dialog)) => {
            model.ended = dialog.kind == Kind::End;
            model.dialog = None;
            model.previewed = None;
            return model.ended.then_some(Effect::Detach).into_iter().collect();
        }
        (Ok(_), None) => {}
        (Err(failure), Some(dialog)) => {
            let moved = failure.kind == FailureKind::Refused;
            dialog.refuse(failure, now);
            return if moved { command::look_again(model) } else { Vec::new() };
        }
        (Err(failure), None) => model.say(failure.to_string()),
    }
    Vec::new()
}
