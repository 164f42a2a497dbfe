//! A week as its journal would tell it: events with times, folded and drawn as any window would.
//!
//! The words of effects and checks are those of a real rehearsal; names and times are those of
//! `tests/screens/week.toml`, which fills Rev3 in for a production.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::path::Path;

use cutover::domain::event::{Consent, ConsentKind, Event, Holder, Recorded};
use cutover::domain::seat::Taking;
use cutover::domain::{Check, Failure, Plan, RunId, RunState, StepId};
use cutover::loader;
use cutover::protocol::derive::history::Rehearsal;
use cutover::protocol::derive::{self, Facts, History};
use cutover::protocol::live::{Live, Meter};
use cutover::protocol::view::View;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Monday of the week, nine in the morning in Berlin.
const BEGINS: &str = "2026-03-02T08:00:00Z";

/// A run under way.
#[derive(Clone, Debug)]
pub struct Story {
    pub plan: Plan,
    pub events: Vec<Recorded>,
    pub now: Timestamp,
    pub live: Live,
    history: History,
    /// The attempt of each step.
    attempts: BTreeMap<StepId, u32>,
}

impl Story {
    /// A run that was just made, with mara at the wheel.
    pub fn begins() -> Self {
        let plan = loader::load(Path::new("tests/screens/week.toml")).unwrap_or_else(|faults| panic!("{faults}"));
        let now: Timestamp = BEGINS.parse().unwrap();
        let history = rehearsals(&plan);
        let mut story =
            Self { plan, events: Vec::new(), now, live: Live::default(), history, attempts: BTreeMap::new() };
        let by = Holder { who: "mara".into(), host: "ops-1".into(), pid: 4242, since: now };
        let (run, digest) = (RunId("shop-rev3-51c0de".to_owned()), "5eed".to_owned());
        let runbook = "runbooks/shop.toml".to_owned();
        let environment = "production".to_owned();
        story.tell(Event::RunCreated { run, runbook, environment, digest, by: by.clone() });
        story.tell(Event::EngineStarted { by, version: "0.1.0".into() });
        let why = String::new();
        story.tell(Event::WheelTaken { by: "mara".into(), from: None, how: Taking::Free, why });
        story.live.clients = 3;
        story
    }

    pub fn tell(&mut self, event: Event) -> &mut Self {
        if let Event::RollbackStarted { step, .. } = &event {
            self.live.meters.remove(step);
        }
        let seq = self.events.len() as u64 + 1;
        self.events.push(Recorded { seq, at: self.now, event });
        self.live.driver_seen = Some(self.now);
        self
    }

    pub fn wait(&mut self, seconds: f64) -> &mut Self {
        self.now += SignedDuration::from_secs_f64(seconds);
        self.live.driver_seen = Some(self.now);
        self
    }

    /// Goes on at that time.
    pub fn until(&mut self, time: &str) -> &mut Self {
        self.now = time.parse().unwrap();
        self.live.driver_seen = Some(self.now);
        self
    }

    pub fn start(&mut self, step: &str) -> &mut Self {
        let attempt = self.attempts.entry(step.into()).or_default();
        *attempt += 1;
        let attempt = *attempt;
        let gate = &self.plan.runbook.steps.iter().find(|known| known.id.as_str() == step).unwrap().gate;
        let consent = Consent {
            by: "mara".into(),
            how: ConsentKind::Typed,
            phrase: gate.phrase.clone(),
            accepted: vec![],
            evidence: None,
        };
        let (digest, inputs) = ("d16e57".to_owned(), "1275".to_owned());
        self.tell(Event::StepStarted { step: step.into(), attempt, digest, inputs, consent })
    }

    pub fn attempt(&self, step: &str) -> u32 {
        self.attempts.get(&step.into()).copied().unwrap_or(0)
    }

    pub fn pin(&mut self, step: &str, service: &str, identity: &str) -> &mut Self {
        self.tell(Event::Pinned { step: step.into(), service: service.into(), identity: identity.into() })
    }

    /// An effect begins.
    pub fn intend(&mut self, step: &str, effect: &str, summary: &str) -> &mut Self {
        let attempt = self.attempt(step);
        let (effect, summary) = (effect.to_owned(), summary.to_owned());
        self.tell(Event::Intended { step: step.into(), attempt, effect, summary, undo: Value::Null, touches: vec![] })
    }

    /// It is there, after so many seconds.
    pub fn happens(&mut self, step: &str, effect: &str, seconds: f64) -> &mut Self {
        let attempt = self.attempt(step);
        self.wait(seconds);
        self.tell(Event::Happened { step: step.into(), attempt, effect: effect.into(), outcome: Value::Null })
    }

    pub fn does(&mut self, step: &str, effect: &str, summary: &str, seconds: f64) -> &mut Self {
        self.intend(step, effect, summary).happens(step, effect, seconds)
    }

    pub fn note(&mut self, step: &str, key: &str, value: Value) -> &mut Self {
        let attempt = self.attempt(step);
        self.tell(Event::Checkpoint { step: step.into(), attempt, key: key.into(), value })
    }

    pub fn done(&mut self, step: &str, outputs: &[(&str, Value)], checks: &[(&str, &str)]) -> &mut Self {
        let attempt = self.attempt(step);
        let outputs = outputs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let checks = checks.iter().map(|(fact, evidence)| Check::passed(*fact, *evidence)).collect();
        self.tell(Event::Applied { step: step.into(), attempt, outputs });
        self.tell(Event::Checked { step: step.into(), attempt, checks });
        self.tell(Event::StepDone { step: step.into(), attempt })
    }

    pub fn fails(&mut self, step: &str, effect: &str, failure: &Failure) -> &mut Self {
        let attempt = self.attempt(step);
        let (effect, of_effect) = (effect.to_owned(), failure.clone());
        self.tell(Event::EffectFailed { step: step.into(), attempt, effect, failure: of_effect });
        self.tell(Event::StepFailed { step: step.into(), attempt, failure: failure.clone() })
    }

    pub fn companion(&mut self, step: &str, detail: &str) -> &mut Self {
        self.tell(Event::Companion { step: step.into(), healthy: true, detail: detail.into() })
    }

    pub fn meter(&mut self, step: &str, meter: Meter) -> &mut Self {
        self.live.meters.entry(step.into()).or_default().push(meter);
        self
    }

    pub fn view(&self) -> View {
        self.told(&self.live, true)
    }

    /// The look back at that place of the journal.
    pub fn past(&self, seq: u64) -> View {
        let upto: Vec<_> = self.events.iter().filter(|event| event.seq <= seq).cloned().collect();
        let state = RunState::of(&upto);
        let now = upto.last().unwrap().at;
        let live = Live::default();
        let facts = Facts {
            state: &state,
            plan: &self.plan,
            live: &live,
            history: &self.history,
            now,
            alive: true,
            past: true,
        };
        derive::view(&facts)
    }

    /// As it is drawn where no engine lives.
    pub fn dead(&self) -> View {
        self.told(&Live::default(), false)
    }

    fn told(&self, live: &Live, alive: bool) -> View {
        let state = RunState::of(&self.events);
        let (plan, history) = (&self.plan, &self.history);
        derive::view(&Facts { state: &state, plan, live, history, now: self.now, alive, past: false })
    }
}

/// A meter in the middle of something.
pub fn meter(label: &str, unit: &str, (done, total): (u64, u64), rate: f64, eta_s: f64, moved: Timestamp) -> Meter {
    let samples = (0..60).map(|n| rate * (0.8 + 0.2 * (f64::from(n) / 4.0).sin())).collect();
    Meter { label: label.into(), done, total: Some(total), unit: unit.into(), rate, eta_s: Some(eta_s), samples, moved }
}

/// Three rehearsals, each a little slower than the one before.
fn rehearsals(plan: &Plan) -> History {
    let took = |id: &str| match id {
        "snapshot" => 1500.0,
        "containerise" => 260.0,
        "restore" => 5400.0,
        "dns" => 75.0,
        "settle" => 86_400.0,
        "uploads" | "cron" | "sessions" | "allow-lists" | "last-clients" | "switch-off" => 1800.0,
        _ => 40.0,
    };
    let rehearsal = |number: u32| {
        let slower = 0.9 + f64::from(number) * 0.05;
        let steps = plan.runbook.steps.iter().map(|step| (step.id.clone(), took(step.id.as_str()) * slower));
        let undo = plan.runbook.steps.iter().map(|step| (step.id.clone(), 4.0));
        let dns = || StepId::from("dns");
        let part = |key: &str, seconds: f64| ((dns(), key.to_owned()), seconds);
        let parts = [
            part("hold", 0.18),
            part("fence-source", 0.012),
            part("reset-forward-channel", 0.035),
            part("source-learns-history-1", 0.006),
            part("start-reverse-channel", 0.1),
            part("open-target", 0.015),
            part("probe-write", 0.05),
            part("relay", 0.09),
        ];
        Rehearsal {
            number,
            steps: steps.collect(),
            parts: parts.into(),
            undo: undo.collect(),
            freeze_s: Some(0.57 * slower),
        }
    };
    History(vec![rehearsal(1), rehearsal(2), rehearsal(3)])
}

/// A value of an output or a checkpoint.
pub fn time(at: Timestamp) -> Value {
    json!(at)
}
