//! Where a service's findings are written down, one sentence a fact.

use std::time::Duration;

use jiff::SignedDuration;

use crate::actions::Reading;
use crate::domain::finding::{Finding, Standing, Topic};
use crate::domain::runbook::ActionSpec;
use crate::domain::{Failure, StepId};
use crate::services::clock::Drift;
use crate::services::reach;

/// How far a clock may be from this machine's. Approvals, certificates and the wait for an old TTL are held
/// against clocks; a signed request to AWS is refused from five minutes on.
const DRIFT: SignedDuration = SignedDuration::from_secs(2);

/// The findings of one service.
pub(super) struct Book {
    service: &'static str,
    found: Vec<Finding>,
}

/// A fact on its way into the book: nothing is written before one of the last words ([`Fact::holds`],
/// [`Fact::noted`], [`Fact::made_by`]).
#[must_use]
pub(super) struct Fact<'a> {
    book: &'a mut Book,
    finding: Finding,
}

impl Book {
    /// An empty book of this service.
    pub(super) fn of(service: &'static str) -> Self {
        Self { service, found: Vec::new() }
    }

    /// Everything in it.
    pub(super) fn close(self) -> Vec<Finding> {
        self.found
    }

    /// Begins a fact.
    pub(super) fn fact(&mut self, topic: Topic, fact: impl Into<String>) -> Fact<'_> {
        let finding = Finding {
            service: self.service.to_owned(),
            topic,
            fact: fact.into(),
            standing: Standing::Noted,
            value: String::new(),
            limit: None,
            fix: None,
            step: None,
        };
        Fact { book: self, finding }
    }

    /// A question that was answered with a fault: red, with the fault's own way out.
    pub(super) fn fault(&mut self, topic: Topic, fact: impl Into<String>, fault: impl Into<Failure>) {
        let failure = fault.into();
        let mut seen = failure.what;
        for why in failure.why {
            seen = format!("{seen}: {why}");
        }
        let fact = self.fact(topic, fact).seen(seen);
        match failure.next {
            Some(next) => fact.fix(next).holds(false),
            None => fact.holds(false),
        }
    }

    /// Whether an address is reached, and how fast.
    pub(super) async fn reach(&mut self, address: &str) {
        let fact = format!("{address} is reached from here");
        match reach::dial(self.service, address).await {
            Ok(took) => self
                .fact(Topic::Reach, fact)
                .seen(milliseconds(took))
                .limit(format!("{} s", reach::PATIENCE.as_secs()))
                .holds(true),
            Err(error) => self.fault(Topic::Reach, fact, error),
        }
    }

    /// A clock against this machine's.
    pub(super) fn clock(&mut self, drift: Option<Drift>) {
        let fact = self.fact(Topic::Clock, "its clock and this machine's agree");
        match drift {
            Some(drift) => fact
                .seen(drift.to_string())
                .limit(format!("{} s: approvals, certificates and TTLs are held against clocks", DRIFT.as_secs()))
                .fix(
                    "let both follow a time server: `timedatectl set-ntp true`, or chrony; `chronyc tracking` shows it",
                )
                .holds(!drift.exceeds(DRIFT)),
            None => fact.seen("it does not tell the time").noted(),
        }
    }
}

impl Fact<'_> {
    /// What was seen.
    pub(super) fn seen(mut self, value: impl Into<String>) -> Self {
        self.finding.value = value.into();
        self
    }

    /// What it is held against.
    pub(super) fn limit(mut self, limit: impl Into<String>) -> Self {
        self.finding.limit = Some(limit.into());
        self
    }

    /// The exact fix, should it not hold.
    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.finding.fix = Some(fix.into());
        self
    }

    /// Writes it: green or red.
    pub(super) fn holds(self, held: bool) {
        self.made_by(held, None);
    }

    /// Writes it: green, or not there yet where a step that is still ahead makes it, or red.
    pub(super) fn made_by(mut self, held: bool, step: Option<StepId>) {
        self.finding.standing = match (held, &step) {
            (true, _) => Standing::Green,
            (false, Some(_)) => Standing::NotYet,
            (false, None) => Standing::Red,
        };
        if held {
            self.finding.fix = None;
        } else {
            self.finding.step = step;
        }
        self.book.found.push(self.finding);
    }

    /// Writes it as worth knowing.
    pub(super) fn noted(self) {
        self.book.found.push(self.finding);
    }
}

/// The step of this kind, if it is still ahead.
pub(super) fn ahead(cx: &Reading, kind: fn(&ActionSpec) -> bool) -> Option<StepId> {
    let step = cx.plan().runbook.steps.iter().find(|step| kind(&step.action))?;
    (!cx.state().is_over(&step.id)).then(|| step.id.clone())
}

/// Whether a step of this kind was begun.
pub(super) fn begun(cx: &Reading, kind: fn(&ActionSpec) -> bool) -> bool {
    let state = cx.state();
    cx.plan().runbook.steps.iter().any(|step| kind(&step.action) && state.step(&step.id).attempt > 0)
}

/// `1.4 ms`.
pub(super) fn milliseconds(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1000.0)
}

/// `210 MiB`.
pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
