//! One step, from its state, its place in the runbook and what is counted.

use super::{Facts, as_text, choices};
use crate::domain::runbook::{ActionSpec, Step};
use crate::domain::state::{Direction, Effect, Stage, Status, StepState};
use crate::protocol::live::{Companion, Meter};
use crate::protocol::view::{self, Origin, Part, PartState, Point, Undo};

/// A step, ready to be drawn.
pub(super) fn step(facts: &Facts<'_>, step: &Step) -> view::Step {
    let mut was = facts.state.step(&step.id);
    if was.status == Status::Running && !facts.alive && !facts.past {
        // Nobody is at it: the next engine will say the same.
        was.status = Status::InDoubt;
    }
    let meters = facts.live.meters.get(&step.id).cloned().unwrap_or_default();
    let running = was.status == Status::Running;
    let planned = planned(facts, step);
    let took = took(facts, &was);
    let meters = if running { meters } else { Vec::new() };
    let back = was.direction == Direction::Back;
    let expected = if back { undo(facts, step, &was).takes_s } else { planned.clone() };
    view::Step {
        id: step.id.clone(),
        action: step.action.name().to_owned(),
        owner: step.owner.clone(),
        day: step.day,
        status: was.status,
        direction: was.direction,
        attempt: was.attempt,
        started: was.started,
        ended: was.ended,
        took_s: took,
        fraction: meters.last().and_then(fraction),
        left_s: if running { left(&meters, took, expected.as_ref()) } else { None },
        planned_s: planned,
        gate: gate(facts, step, &was),
        parts: parts(facts, step, &was),
        meters,
        checks: was.checks.clone(),
        failure: was.failure.clone(),
        choices: choices::of(facts, step, &was),
        companion: companion(facts, step, &was),
        undo: undo(facts, step, &was),
        point: point(step),
        outputs: as_text(&was.outputs),
    }
}

fn gate(facts: &Facts<'_>, step: &Step, was: &StepState) -> view::Gate {
    let next = facts.state.approvals.iter().map(|approval| (&approval.statement, &approval.by));
    let next = next.filter(|(statement, _)| statement.step == step.id && statement.attempt == was.attempt + 1);
    let approved = next.map(|(statement, by)| view::Approved {
        by: by.clone(),
        digest: statement.digest.clone(),
        expires: statement.expires,
    });
    view::Gate {
        confirm: step.gate.confirm,
        phrase: step.gate.phrase.clone(),
        window: step.gate.window.clone(),
        approval: step.gate.approval.as_ref().map(|wanted| wanted.role.clone()),
        approved: approved.filter(|approved| facts.now < approved.expires).collect(),
    }
}

/// How long it took, or has been at it; of a step being taken back, that.
fn took(facts: &Facts<'_>, was: &StepState) -> Option<f64> {
    let since = was.back_started.or(was.started)?;
    let until = if was.back_started.is_some() { was.back_ended } else { was.ended };
    let until = match was.status {
        Status::Running => facts.now,
        _ => until?,
    };
    Some(until.duration_since(since).as_secs_f64())
}

fn planned(facts: &Facts<'_>, step: &Step) -> Option<(f64, Origin)> {
    let measured = facts.history.step(&step.id).map(|(took, number)| (took, Origin::Rehearsal(number)));
    measured.or_else(|| Some((step.expected?.duration().as_secs_f64(), Origin::Runbook)))
}

#[expect(clippy::cast_precision_loss, reason = "a share, shown only")]
fn fraction(meter: &Meter) -> Option<f64> {
    let total = meter.total.filter(|total| *total > 0)?;
    Some((meter.done as f64 / total as f64).clamp(0.0, 1.0))
}

/// From the rate where something is counted, else from what was planned.
fn left(meters: &[Meter], took: Option<f64>, planned: Option<&(f64, Origin)>) -> Option<(f64, Origin)> {
    if let Some(eta) = meters.iter().filter_map(|meter| meter.eta_s).reduce(f64::max) {
        return Some((eta, Origin::Rate));
    }
    let (planned, origin) = planned?;
    let left = planned - took?;
    (left > 0.0).then(|| (left, origin.clone()))
}

fn parts(facts: &Facts<'_>, step: &Step, was: &StepState) -> Vec<Part> {
    let mut effects: Vec<(&String, &Effect)> = was.effects.iter().collect();
    effects.sort_by_key(|(_, effect)| effect.seq);
    let part = |(key, effect): (&String, &Effect)| {
        let state = match effect.stage {
            Stage::Intended => PartState::Doing,
            Stage::Happened(_) => PartState::Done,
            Stage::NotDone => PartState::NotDone,
            Stage::Undoing => PartState::Undoing,
            Stage::Undone => PartState::Undone,
        };
        let under_way = matches!(state, PartState::Doing | PartState::Undoing);
        Part {
            key: key.clone(),
            summary: effect.summary.clone(),
            state,
            seconds: effect.seconds,
            rehearsed_s: facts.history.part(&step.id, key),
            since: effect.since.filter(|_| under_way && was.status == Status::Running),
        }
    };
    effects.into_iter().map(part).collect()
}

/// The live figures where there are any, else the last that were journalled.
fn companion(facts: &Facts<'_>, step: &Step, was: &StepState) -> Option<Companion> {
    let (healthy, detail) = was.companion.clone()?;
    let journalled = Companion { healthy, detail, at: was.ended.unwrap_or(facts.now) };
    // Past the point of switching the target follows nobody: what it last said of that is no figure any more.
    let over = facts.state.switched && matches!(step.action, ActionSpec::Restore(_));
    (!over).then(|| facts.live.companions.get(&step.id).cloned().unwrap_or(journalled))
}

fn undo(facts: &Facts<'_>, step: &Step, was: &StepState) -> Undo {
    let here = was.undo_seconds.map(|seconds| (seconds, Origin::Measured));
    let rehearsed = facts.history.undo(&step.id).map(|(seconds, number)| (seconds, Origin::Rehearsal(number)));
    let none = match &step.action {
        ActionSpec::Settle(_) if facts.state.is_over(&step.id) => {
            Some("the way back is closed: Rev1's database no longer follows the new one".to_owned())
        }
        ActionSpec::Settle(_) => Some("none once it is done: the reverse channel is stopped".to_owned()),
        _ => None,
    };
    let loses = matches!(step.action, ActionSpec::Switch(_)) && was.checkpoints.contains_key("no_way_back");
    Undo { takes_s: here.or(rehearsed), loses, none }
}

fn point(step: &Step) -> Option<Point> {
    match step.action {
        ActionSpec::Switch(_) => Some(Point::Switching),
        ActionSpec::Settle(_) => Some(Point::NoReturn),
        _ => None,
    }
}
