//! When it will be over: a range from rehearsals, with slack to the deadline and the step that ate it. A window that
//! is not open yet is waited for; one that closes first is missed.

use jiff::Timestamp;

use super::Facts;
use crate::domain::state::Status;
use crate::protocol::view::{Forecast, Origin, Step, View};

/// A forecast, where every step that is left has a figure.
pub(super) fn of(facts: &Facts<'_>, view: &View) -> Option<Forecast> {
    let (mut least, mut most) = (0.0, 0.0);
    // With the waits for windows, which are no work.
    let mut ends = 0.0;
    let mut misses = None;
    let mut guessed = false;
    for step in view.steps.iter().filter(|step| !matches!(step.status, Status::Done | Status::Adopted)) {
        let (low, high) = left(facts, step)?;
        guessed |= matches!(step.planned_s, Some((_, Origin::Runbook)));
        least += low;
        most += high;
        if let Some(window) = step.gate.window.as_ref().filter(|_| step.status != Status::Running) {
            let until = |at: Timestamp| at.duration_since(facts.now).as_secs_f64();
            ends = f64::max(ends, until(window.from));
            if ends > until(window.to) && facts.now < window.to {
                misses.get_or_insert((step.id.clone(), ends - until(window.to)));
            }
        }
        ends += high;
    }
    let deadline = facts.plan.runbook.deadline;
    let rehearsals = facts.history.0.len();
    let from = match rehearsals {
        0 => "the runbook's guess".to_owned(),
        1 => "1 rehearsal".to_owned(),
        many => format!("{many} rehearsals"),
    };
    Some(Forecast {
        left_s: (least, most),
        from: if guessed && rehearsals > 0 { format!("{from} and the runbook's guess") } else { from },
        deadline,
        slack_s: deadline.map(|deadline| deadline.duration_since(facts.now).as_secs_f64() - ends),
        misses,
        eaten_by: eaten(view),
    })
}

/// What is left of a step: from its rate where it runs and counts, else from what it ever took.
fn left(facts: &Facts<'_>, step: &Step) -> Option<(f64, f64)> {
    if let Some((left, Origin::Rate)) = step.left_s {
        return Some((left, left));
    }
    let (planned, _) = step.planned_s.clone()?;
    let (low, high) = facts.history.range(&step.id).unwrap_or((planned, planned));
    let mut spent = if step.status == Status::Running { step.took_s.unwrap_or(0.0) } else { 0.0 };
    // While it stands still, no work is done.
    spent -= step.stands_since.map_or(0.0, |since| facts.now.duration_since(since).as_secs_f64()).min(spent);
    Some((f64::max(low - spent, 0.0), f64::max(high - spent, 0.0)))
}

/// The step that took most more than planned, with what it still will take.
fn eaten(view: &View) -> Option<(crate::domain::StepId, f64)> {
    let over = view.steps.iter().filter_map(|step| {
        let (planned, _) = step.planned_s.as_ref()?;
        let to_come = step.left_s.as_ref().filter(|(_, origin)| *origin == Origin::Rate).map_or(0.0, |(left, _)| *left);
        Some((step.id.clone(), step.took_s? + to_come - planned))
    });
    over.filter(|(_, over)| *over > 1.0).max_by(|(_, a), (_, b)| a.total_cmp(b))
}
