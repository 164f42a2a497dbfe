//! One step, from its state, its place in the runbook and what is counted.

use super::left::Running;
use super::{Facts, as_text, choices};
use crate::domain::approval::{self, Approval, Asked};
use crate::domain::runbook::{ActionSpec, Person, Step};
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
    let parts = parts(facts, step, &was);
    let at_it = Running { took, planned: expected.as_ref(), meters: &meters, parts: &parts, now: facts.now };
    let left_s = if running { at_it.left() } else { None };
    let stands_since = if running { at_it.stands_since() } else { None };
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
        fraction: fraction(&meters, took, left_s.as_ref()),
        left_s,
        stands_since,
        planned_s: planned,
        gate: gate(facts, step, &was),
        parts,
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

/// Only approvals that would open the gate are shown as given: all that is not known here is the preview of that time.
fn gate(facts: &Facts<'_>, step: &Step, was: &StepState) -> view::Gate {
    let driver = facts.state.seat.driver.as_ref().map(|driver| driver.name.as_str());
    let asked = Asked { attempt: was.attempt + 1, driver, now: facts.now };
    let of_step = facts.state.approvals.iter().filter(|approval| approval.statement.step == step.id);
    let wanted = step.gate.approval.as_ref();
    let would_open = |approval: &&Approval| {
        wanted.is_some_and(|wanted| approval::holds(facts.plan, wanted, approval, asked).is_ok())
    };
    let approved = of_step.filter(would_open).map(|Approval { statement, by, .. }| view::Approved {
        by: by.clone(),
        digest: statement.digest.clone(),
        expires: statement.expires,
    });
    let may = |person: &&Person| {
        let has_role = wanted.is_some_and(|wanted| wanted.role == person.role);
        has_role && person.key.is_some() && driver.is_none_or(|driver| !person.goes_by(driver))
    };
    let reached = |person: &Person| match &person.phone {
        Some(phone) => format!("{} {phone}", person.name),
        None => person.name.clone(),
    };
    view::Gate {
        confirm: step.gate.confirm,
        phrase: step.gate.phrase.clone(),
        window: step.gate.window.clone(),
        approval: wanted.map(|wanted| wanted.role.clone()),
        approvers: facts.plan.runbook.people.iter().filter(may).map(reached).collect(),
        approved: approved.collect(),
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

/// How far a step is that counts something: by time where that is known, else by what it counts now.
#[expect(clippy::cast_precision_loss, reason = "a share, shown only")]
fn fraction(meters: &[Meter], took: Option<f64>, left: Option<&(f64, Origin)>) -> Option<f64> {
    let meter = meters.last()?;
    let counted = meter.total.filter(|total| *total > 0).map(|total| meter.done as f64 / total as f64);
    let by_time = took.zip(left).filter(|(took, _)| *took > 0.0).map(|(took, (left, _))| took / (took + left));
    by_time.or(counted).map(|share| share.clamp(0.0, 1.0))
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
