//! From the folded state to what is drawn: one pure function, the same for every window and for the past.

mod choices;
mod forecast;
pub mod history;
mod left;
mod risks;
mod sentence;
mod steps;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::VERSION;
use super::live::Live;
use super::view::{Driver, Engine, Freeze, Hand, View};
use crate::domain::runbook::ActionSpec;
use crate::domain::state::{FREEZE_SECONDS, FROZEN_AT, Status};
use crate::domain::{Plan, RunState, machine};
pub use history::History;
pub use sentence::of as sentence_of;

/// A driver whose client was silent for so long may be replaced, in seconds.
pub const SILENT_AFTER_S: f64 = 30.0;

/// A view has so many notes, the newest; the timeline and the report have all.
const NOTES: usize = 200;

/// Everything that a view is made of.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The folded journal.
    pub state: &'a RunState,
    /// The runbook being driven.
    pub plan: &'a Plan,
    /// What is known only live, or what of it was kept for the past; the default where no engine is.
    pub live: &'a Live,
    /// What rehearsals took.
    pub history: &'a History,
    /// The engine's clock.
    pub now: Timestamp,
    /// Whether an engine has the journal.
    pub alive: bool,
    /// Whether this is a look back.
    pub past: bool,
}

/// Where the run stands, ready to be drawn.
pub fn view(facts: &Facts<'_>) -> View {
    let Facts { state, plan, live, now, .. } = *facts;
    let runbook = &plan.runbook;
    let service = &runbook.connections.service;
    let mut view = View {
        protocol: VERSION,
        seq: state.seq,
        at: now,
        past: facts.past,
        run: state.run.as_ref().map(ToString::to_string).unwrap_or_default(),
        runbook: plan.file.display().to_string(),
        service: service.name.clone(),
        host: service.host.clone(),
        environment: runbook.environment.clone(),
        production: runbook.is_production(),
        engine: engine(facts),
        driver: driver(facts),
        clients: live.clients,
        current: current(state, plan),
        identities: state.identities.clone().into_iter().collect(),
        fences: state.fences.clone().into_iter().collect(),
        barred: state.barring().map(str::to_owned),
        freeze: freeze(facts),
        switched: state.switched,
        steps: runbook.steps.iter().map(|step| steps::step(facts, step)).collect(),
        notes: state.seat.notes.iter().skip(state.seat.notes.len().saturating_sub(NOTES)).cloned().collect(),
        hands: hands(state),
        kept: state.kept.iter().map(|kept| (kept.what.clone(), kept.why.clone())).collect(),
        figures_since: live.since,
        ..View::default()
    };
    view.forecast = forecast::of(facts, &view);
    view.risks = risks::of(facts, &view);
    view.sentence = sentence::of(&view);
    view
}

/// The step that something is to be done about: the one that runs or is half taken back, else the next.
fn current(state: &RunState, plan: &Plan) -> Option<crate::domain::StepId> {
    let busy = |status| matches!(status, Status::Running | Status::InDoubt | Status::Failed);
    let busy = plan.runbook.steps.iter().rev().find(|step| busy(state.step(&step.id).status));
    busy.or_else(|| machine::next(state, plan)).map(|step| step.id.clone())
}

fn engine(facts: &Facts<'_>) -> Option<Engine> {
    let holder = facts.state.engine.clone()?;
    let deaths = facts.state.deaths;
    Some(Engine {
        who: holder.who,
        host: holder.host,
        pid: holder.pid,
        since: holder.since,
        deaths,
        alive: facts.alive,
    })
}

fn driver(facts: &Facts<'_>) -> Option<Driver> {
    let driver = facts.state.seat.driver.clone()?;
    let seen = facts.live.driver_seen;
    let silent = seen.is_none_or(|seen| facts.now.duration_since(seen).as_secs_f64() > SILENT_AFTER_S);
    Some(Driver { name: driver.name, since: driver.since, seen, silent, asking: facts.live.asking.clone() })
}

fn hands(state: &RunState) -> Vec<Hand> {
    let hand = |(hand, up): (&u64, &crate::domain::seat::Hand)| Hand {
        hand: *hand,
        at: up.at,
        by: up.by.clone(),
        text: up.text.clone(),
    };
    state.seat.hands.iter().map(hand).collect()
}

/// The switch's freeze: under way while a fence is shut by it, over with its attempt or its probe.
fn freeze(facts: &Facts<'_>) -> Option<Freeze> {
    let step = facts.plan.step_with_action("dns.switch")?;
    let ActionSpec::Switch(switch) = &step.action else { return None };
    let was = facts.state.steps.get(&step.id)?;
    let since: Timestamp = serde_json::from_value(was.checkpoints.get(FROZEN_AT)?.clone()).ok()?;
    let told = was.outputs.get(FREEZE_SECONDS);
    // Before its attempt is over, what it noted; a note of an earlier try goes with no point of switching.
    let noted = was.checkpoints.get(FREEZE_SECONDS).filter(|_| facts.state.switched);
    let thawed = told.or(noted).and_then(serde_json::Value::as_f64);
    let thawed =
        thawed.map(|seconds| since.saturating_add(jiff::SignedDuration::from_secs_f64(seconds)).unwrap_or(since));
    let fenced = facts.state.fences.values().any(|by| *by == step.id);
    // Writes wait from the fence on, and past the point of switching until the new side was seen to take one: not in
    // what a later try does before its own, whatever an earlier one noted.
    let stands = !fenced && !facts.state.switched;
    Some(Freeze {
        step: step.id.clone(),
        since,
        ended: thawed.or_else(|| stands.then(|| was.ended.unwrap_or(facts.now))),
        budget_s: switch.budget.duration().as_secs_f64(),
        rehearsed_s: facts.history.last().and_then(|last| last.freeze_s),
        switched: facts.state.switched,
    })
}

/// Values as they are shown: strings without their quotes.
fn as_text(values: &BTreeMap<String, serde_json::Value>) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    values.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}
