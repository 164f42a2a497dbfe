//! What a dialog is about, and the order that it ends in.

use crate::domain::{Condition, StepId};
use crate::protocol::order::{Given, Message, Order, Previewed, Verb};
use crate::protocol::view::View;

use super::{Dialog, Field};

/// What a dialog is about.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields repeat the words of the variant's own line")]
pub enum Kind {
    /// Start or retry a step, as that preview has it.
    Start { step: StepId, attempt: u32, seen: Previewed },
    /// Take a step back, as that way back has it.
    Back { step: StepId, attempt: u32, seen: Previewed },
    /// Go on with a step whose engine went away.
    Resume { step: StepId, attempt: u32, seq: u64 },
    /// Take a step as done by others.
    Adopt { step: StepId, attempt: u32, seq: u64 },
    /// Stop the step in flight.
    Stop { step: StepId, attempt: u32, effect: String },
    /// Leave a note.
    Note,
    /// Raise a hand.
    Hand,
    /// Answer a hand.
    Answer { hand: u64 },
    /// Ask the driver for the wheel.
    Ask,
    /// Hand the wheel over to who asked.
    Offer { to: String },
    /// Take the wheel.
    Take { current: String },
    /// Let the wheel go.
    Release,
    /// End the engine.
    End,
}

/// What a dialog ends in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sending {
    /// The driver's.
    Order(Order),
    /// Anybody's.
    Message(Message),
}

impl Kind {
    /// Its title: verb and object.
    pub fn title(&self) -> String {
        match self {
            Self::Start { step, attempt: 0, .. } => format!("start {step}"),
            Self::Start { step, attempt, .. } => format!("{step}, attempt {}", attempt + 1),
            Self::Back { step, .. } => format!("take {step} back"),
            Self::Resume { step, .. } => format!("resume {step}"),
            Self::Adopt { step, .. } => format!("adopt {step}"),
            Self::Stop { step, .. } => format!("stop {step}"),
            Self::Note => "leave a note".to_owned(),
            Self::Hand => "raise a hand".to_owned(),
            Self::Answer { .. } => "answer the hand".to_owned(),
            Self::Ask => "ask for the wheel".to_owned(),
            Self::Offer { to } => format!("hand the wheel to {to}"),
            Self::Take { .. } => "take the wheel".to_owned(),
            Self::Release => "let the wheel go".to_owned(),
            Self::End => "end the engine".to_owned(),
        }
    }

    /// What it will do, in a sentence.
    pub fn says(&self) -> String {
        match self {
            Self::Start { .. } => "the step begins with exactly the changes shown above".to_owned(),
            Self::Back { .. } => "the step is taken back with exactly the changes shown above".to_owned(),
            Self::Resume { .. } => "the engine looks at what the lost one left, and goes on from there".to_owned(),
            Self::Adopt { .. } => "nothing is changed: the step's checks are made, and must pass".to_owned(),
            Self::Stop { effect, .. } => effect.clone(),
            Self::Note => "in the journal for good, on every screen, in the report".to_owned(),
            Self::Hand => "the next gate is held until the driver answers".to_owned(),
            Self::Answer { .. } => "the hand goes down; everybody reads the answer".to_owned(),
            Self::Ask => "the driver sees it, and hands over or does not".to_owned(),
            Self::Offer { to } => format!("{to} reads this and takes it by typing the current step; you look on then"),
            Self::Take { .. } => "you command from then on; it is in the journal".to_owned(),
            Self::Release => "nobody drives until somebody takes it; it is in the journal".to_owned(),
            Self::End => "nothing is lost, and nothing watches the channels, the limits and the page meanwhile; \
                          `cutover drive` starts it again, with the runbook as it is then"
                .to_owned(),
        }
    }

    /// Whether the preview that it shows has a condition that keeps the step from starting.
    pub fn is_no_go(&self) -> bool {
        self.fails().next().is_some()
    }

    /// The conditions that keep the step from starting, as its preview shows them.
    pub fn fails(&self) -> impl Iterator<Item = &Condition> {
        let seen = if let Self::Start { seen, .. } = self { Some(seen) } else { None };
        seen.into_iter().flat_map(|seen| seen.preview.fails())
    }

    /// Whether it is about a look at the same step, of the same way.
    pub fn is_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Start { step, .. }, Self::Start { step: same, .. })
            | (Self::Back { step, .. }, Self::Back { step: same, .. }) => step == same,
            _ => false,
        }
    }

    /// The preview that it shows, if it has one.
    pub fn seen(&self) -> Option<&Previewed> {
        match self {
            Self::Start { seen, .. } | Self::Back { seen, .. } => Some(seen),
            _ => None,
        }
    }
}

/// What has to be typed before a step starts: its phrase or its name, its evidence, the risks one by one.
pub fn of_start(view: &View, step: &StepId, seen: &Previewed) -> Vec<Field> {
    let known = view.step(step);
    let phrase = known.and_then(|step| step.gate.phrase.clone()).unwrap_or_else(|| step.to_string());
    let mut fields = vec![Field::exactly(format!("type {phrase}"), phrase)];
    if known.is_some_and(|step| step.action == "manual") {
        fields.push(Field::words("what was done, and how one can see it", false));
    }
    for risk in &seen.preview.accepts {
        // A risk without a phrase cannot be accepted: the field can never be met.
        let phrase = risk.phrase.clone().unwrap_or_default();
        let label = if phrase.is_empty() {
            format!("cannot be accepted: {}", risk.what)
        } else {
            format!("{}: type {phrase}", risk.what)
        };
        fields.push(Field::exactly(label, if phrase.is_empty() { "\0".to_owned() } else { phrase }));
    }
    fields
}

/// What has to be typed before a step is taken back: that it is, what is lost by number, and the words that the
/// way back may ask for.
pub fn of_back(step: &StepId, seen: &Previewed) -> Vec<Field> {
    let phrase = format!("back from {step}");
    let mut fields = vec![Field::exactly(format!("type {phrase}"), phrase)];
    if let Some(loses) = seen.preview.loses.filter(|loses| *loses > 0) {
        fields.push(Field::exactly(format!("it loses {loses} writes: type the number"), loses.to_string()));
    }
    fields.push(Field::consent("the words that its refusal asked for, if it did"));
    fields
}

/// What has to be typed before the wheel is taken: the current step, which its taker has read about.
pub fn of_take(current: &str) -> Vec<Field> {
    let (label, wanted) = if current.is_empty() {
        ("no step is left: type wheel".to_owned(), "wheel")
    } else {
        (format!("the current step: type {current}"), current)
    };
    vec![Field::exactly(label, wanted), Field::words("why", true)]
}

impl Dialog {
    /// What it ends in, drawn from that view.
    pub fn sending(&self, view: &View, command_id: String) -> Sending {
        let order = |seq, verb| Sending::Order(Order { command_id, seq, verb });
        let text = |at: usize| self.fields.get(at).map(|field| field.text.trim().to_owned()).unwrap_or_default();
        match self.kind.clone() {
            Kind::Start { step, attempt, seen } => {
                let manual = view.step(&step).is_some_and(|step| step.action == "manual");
                let has_phrase = view.step(&step).is_some_and(|step| step.gate.phrase.is_some());
                let given = Given {
                    phrase: has_phrase.then(|| text(0)),
                    evidence: manual.then(|| text(1)),
                    accepted: self
                        .fields
                        .iter()
                        .skip(1 + usize::from(manual))
                        .map(|field| field.text.clone())
                        .collect(),
                };
                order(seen.seq, Verb::Start { step, attempt, digest: seen.digest, given })
            }
            Kind::Back { step, attempt, seen } => {
                let accepted_loss = seen.preview.loses.unwrap_or(0);
                let words = text(self.fields.len().saturating_sub(1));
                let given = Given { phrase: Some(words).filter(|words| !words.is_empty()), ..Given::default() };
                order(seen.seq, Verb::RollBack { step, attempt, digest: seen.digest, given, accepted_loss })
            }
            Kind::Resume { step, attempt, seq } => order(seq, Verb::Resume { step, attempt }),
            Kind::Adopt { step, attempt, seq } => order(seq, Verb::Adopt { step, attempt }),
            Kind::Stop { step, attempt, .. } => order(view.seq, Verb::Stop { step, attempt }),
            Kind::Answer { hand } => order(view.seq, Verb::AnswerHand { hand, text: text(0) }),
            Kind::Offer { to } => order(view.seq, Verb::HandOver { to }),
            // What was typed is the current step to the letter; where none is left, the order names none.
            Kind::Take { current } => order(view.seq, Verb::TakeWheel { current, why: text(1) }),
            Kind::Release => order(view.seq, Verb::ReleaseWheel),
            Kind::End => order(view.seq, Verb::Shutdown),
            Kind::Note => Sending::Message(Message::Note { text: text(0) }),
            Kind::Hand => Sending::Message(Message::RaiseHand { text: text(0) }),
            Kind::Ask => Sending::Message(Message::AskWheel { why: text(0) }),
        }
    }
}
