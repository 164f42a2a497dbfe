//! Orders: from the driver alone, compared with what they were drawn from, and done once however often they come.

use std::collections::VecDeque;
use std::sync::PoisonError;

use super::shared::Shared;
use crate::domain::approval::Approval;
use crate::domain::event::{Consent, ConsentKind};
use crate::domain::machine::Command;
use crate::domain::saying::Saying;
use crate::domain::{Failure, StepId, plain};
use crate::protocol::client::Me;
use crate::protocol::order::{Answered, Given, Message, Order, Verb};

/// So many answers are remembered.
const REMEMBERED: usize = 512;

/// The longest id of an order.
const LONGEST_ID: usize = 128;

/// What was answered, by client and order.
#[derive(Debug, Default)]
pub(super) struct Answers(VecDeque<(String, Order, Result<Answered, Failure>)>);

impl Answers {
    /// What was answered to the same order; refused where the id was used for another one.
    fn known(&self, me: &Me, order: &Order) -> Option<Result<Answered, Failure>> {
        let same =
            |(client, known, _): &&(String, Order, _)| *client == me.client && known.command_id == order.command_id;
        let (_, known, answer) = self.0.iter().find(same)?;
        if known == order {
            return Some(answer.clone());
        }
        Some(Err(Failure::refused(format!("the command id `{}` was used for another order", order.command_id))))
    }

    fn remember(&mut self, me: &Me, order: &Order, answer: Result<Answered, Failure>) {
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((me.client.clone(), order.clone(), answer));
    }
}

impl Shared {
    /// Carries an order out, as far as its decision.
    pub(super) async fn order(&self, me: &Me, order: &Order) -> Result<Answered, Failure> {
        self.driven_by_clients()?;
        if order.command_id.is_empty() || order.command_id.len() > LONGEST_ID {
            return Err(Failure::refused("an order has an id of 1 to 128 bytes"));
        }
        // Orders that begin or adopt something wait for each other; a stop, or a word, waits for nothing.
        let begins = !matches!(order.verb, Verb::Stop { .. }) && order.verb.about().is_some();
        let deciding = match order.verb {
            // What is being decided may begin at any moment.
            Verb::Shutdown => Some(self.deciding.try_lock().map_err(|_| {
                Failure::refused("a step is being looked at, and may begin at any moment")
                    .next("wait for it, or stop it")
            })?),
            _ if begins => Some(self.deciding.lock().await),
            _ => None,
        };
        if self.over.is_cancelled() {
            return Err(Failure::refused("the engine is being ended").next("`cutover drive` starts it again"));
        }
        if let Some(answer) = self.answers.lock().unwrap_or_else(PoisonError::into_inner).known(me, order) {
            return answer;
        }
        let done = if begins { self.begin(me, order).await } else { self.at_once(me, &order.verb) };
        let answer = done.map(|()| Answered { seq: self.handle.state().seq });
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).remember(me, order, answer.clone());
        drop(deciding);
        self.changed.notify_one();
        answer
    }

    /// What needs no look at the world.
    fn at_once(&self, me: &Me, verb: &Verb) -> Result<(), Failure> {
        if let Verb::TakeWheel { current, why } = verb {
            return self.take_wheel(me, current, why);
        }
        if matches!(verb, Verb::Stop { .. }) {
            self.is_the_driver(me)?;
        } else {
            self.drives(me)?;
        }
        let by = me.name.clone();
        match verb {
            Verb::Stop { step, attempt } => self.handle.stop_attempt(step, *attempt),
            Verb::Note { text } => self.handle.say(Saying::Note { by, text: text.clone() }),
            Verb::AnswerHand { hand, text } => {
                self.handle.say(Saying::AnswerHand { hand: *hand, by, text: text.clone() })
            }
            Verb::HandOver { to } => self.hand_over(to),
            Verb::ReleaseWheel => self.release_wheel(me),
            Verb::Shutdown => {
                self.nothing_runs()?;
                self.over.cancel();
                Ok(())
            }
            _ => Err(Failure::refused("this order begins an attempt")),
        }
    }

    /// What begins an attempt, or ends without one: drawn from what still is so.
    async fn begin(&self, me: &Me, order: &Order) -> Result<(), Failure> {
        self.drives(me)?;
        self.nothing_runs()?;
        let Some((step, attempt)) = order.verb.about() else { return Ok(()) };
        self.drawn_from_now(step, attempt, order.seq)?;
        self.look_at(Some(step.clone()));
        let begun = match self.command(me, &order.verb).await {
            Ok(command) => self.handle.begin_for(&me.name, command).await,
            Err(failure) => Err(failure),
        };
        self.look_at(None);
        begun
    }

    async fn command(&self, me: &Me, verb: &Verb) -> Result<Command, Failure> {
        let by = me.name.clone();
        Ok(match verb.clone() {
            Verb::Start { step, digest, given, .. } => {
                // The engine puts in the risks of the preview that it takes itself.
                Command::Start { step, digest, risks: Vec::new(), consent: consent(by, given) }
            }
            Verb::RollBack { step, digest, given, accepted_loss, .. } => {
                Command::RollBack { step, digest, consent: consent(by, given), accepted_loss }
            }
            Verb::Resume { step, .. } => Command::Resume { step, by },
            Verb::Adopt { step, .. } => {
                let checks = self.handle.verify(&step).await?;
                Command::Adopt { step, by, checks }
            }
            _ => return Err(Failure::refused("this order begins nothing")),
        })
    }

    fn nothing_runs(&self) -> Result<(), Failure> {
        match self.handle.state().running() {
            Some(id) => Err(Failure::refused(format!("step `{id}` is under way")).next("wait for it, or stop it")),
            None => Ok(()),
        }
    }

    /// Refuses a look at the world beside a freeze: tenants wait, and the same servers would be asked.
    pub(super) fn nobody_waits(&self) -> Result<(), Failure> {
        let state = self.handle.state();
        match (state.barring(), state.running()) {
            (Some(service), Some(step)) => {
                Err(Failure::refused(format!("{step} has fenced the {service}, and nothing is looked at beside it"))
                    .next("ask again when tenants write again"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses an order that was drawn from what is not so any more.
    fn drawn_from_now(&self, id: &StepId, attempt: u32, seq: u64) -> Result<(), Failure> {
        let step = self.handle.state().step(id);
        let moved = |what: String| Err(Failure::refused(what).next("look at it as it is now, and decide again"));
        if step.attempt != attempt {
            return moved(format!("attempt {} at step `{id}` was the last, not attempt {attempt}", step.attempt));
        }
        if step.seq > seq {
            return moved(format!("something happened to step `{id}` since this order was drawn up"));
        }
        Ok(())
    }

    /// Takes in what a watcher may say.
    pub(super) fn message(&self, me: &Me, message: Message) -> Result<Answered, Failure> {
        let by = me.name.clone();
        // A note needs nobody's answer.
        if !matches!(message, Message::Note { .. }) {
            self.driven_by_clients()?;
        }
        match message {
            Message::Note { text } => self.handle.say(Saying::Note { by, text })?,
            Message::RaiseHand { text } => self.handle.say(Saying::RaiseHand { by, text })?,
            Message::AskWheel { why } => {
                let why: String = plain::line(&why).chars().take(crate::domain::saying::LONGEST).collect();
                self.people().ask(me, why, jiff::Timestamp::now()).map_err(Failure::refused)?;
            }
        }
        self.changed.notify_one();
        Ok(Answered { seq: self.handle.state().seq })
    }

    /// Takes in an approval: its signature says whose it is, whoever brings it.
    pub(super) fn approve(&self, approval: Approval) -> Result<Answered, Failure> {
        // Here, because what decides has no clock.
        approval.is_good_at(jiff::Timestamp::now())?;
        self.handle.say(Saying::Approve(approval))?;
        self.changed.notify_one();
        Ok(Answered { seq: self.handle.state().seq })
    }
}

fn consent(by: String, given: Given) -> Consent {
    let Given { phrase, accepted, evidence } = given;
    Consent { by, how: ConsentKind::Typed, phrase, accepted, evidence }
}
