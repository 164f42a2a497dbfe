//! What can run out or break, nearest limit first.

use std::cmp::Ordering;

use super::Facts;
use crate::domain::figure;
use crate::domain::limit::Limit;
use crate::domain::runbook::ActionSpec;
use crate::domain::state::Status;
use crate::protocol::view::{Level, Risk, Step, View};

/// Less than this is near, in seconds.
const NEAR_S: f64 = 3600.0;

/// All risks that the state and the living figures tell.
pub(super) fn of(facts: &Facts<'_>, view: &View) -> Vec<Risk> {
    let mut risks = Vec::new();
    risks.extend(engine(view));
    risks.extend(supervisor(facts));
    risks.extend(facts.live.limits.iter().map(|limit| limited(limit, view)));
    risks.extend(companions(view));
    risks.extend(windows(view));
    risks.extend(approvals(view));
    risks.extend(verification(facts));
    risks.extend(old_ttl(facts));
    risks.extend(deadline(view));
    risks.sort_by(nearest_first);
    risks
}

fn nearest_first(a: &Risk, b: &Risk) -> Ordering {
    let left = |risk: &Risk| risk.left_s.unwrap_or(f64::INFINITY);
    b.level.cmp(&a.level).then(left(a).total_cmp(&left(b)))
}

/// How bad it is that so much is left.
fn level(left: f64) -> Level {
    if left <= 0.0 {
        Level::Over
    } else if left < NEAR_S {
        Level::Near
    } else {
        Level::Fine
    }
}

fn engine(view: &View) -> Option<Risk> {
    let engine = view.engine.as_ref()?;
    Some(Risk {
        what: "engine".to_owned(),
        value: if engine.alive { format!("process {} on {}", engine.pid, engine.host) } else { "gone".to_owned() },
        limit: None,
        left_s: None,
        level: if engine.alive { Level::Fine } else { Level::Over },
        fix: (!engine.alive).then(|| "`cutover drive` starts it again: it goes on where it was".to_owned()),
        step: None,
    })
}

fn supervisor(facts: &Facts<'_>) -> Option<Risk> {
    let supervisor = facts.live.supervisor?;
    let gone = "gone: should the engine die behind a fence, nothing starts it again";
    Some(Risk {
        what: "supervisor".to_owned(),
        value: if supervisor.alive { format!("process {}", supervisor.pid) } else { gone.to_owned() },
        limit: None,
        left_s: None,
        level: if supervisor.alive { Level::Fine } else { Level::Over },
        fix: (!supervisor.alive)
            .then(|| "between two steps: end the engine (SIGTERM), then `cutover drive`".to_owned()),
        step: None,
    })
}

fn limited(limit: &Limit, view: &View) -> Risk {
    let left = limit.ends.map(|ends| ends.duration_since(view.at).as_secs_f64());
    let near = left.is_some_and(|left| left < f64::from(limit.near_s));
    let over = !limit.held || left.is_some_and(|left| left <= 0.0);
    let level = if over {
        Level::Over
    } else if near {
        Level::Near
    } else {
        Level::Fine
    };
    Risk {
        what: limit.what.clone(),
        value: limit.value.clone(),
        limit: limit.limit.clone(),
        left_s: left,
        level,
        fix: (level > Level::Fine && !limit.fix.is_empty()).then(|| limit.fix.clone()),
        step: None,
    }
}

/// Approvals that a step waits for, and those that were given for a while.
fn approvals(view: &View) -> Vec<Risk> {
    let risk = |step: &Step| {
        let role = step.gate.approval.as_ref()?;
        let given = step.gate.approved.iter().max_by_key(|approved| approved.expires);
        let until = given.map(|given| given.expires).or(step.gate.window.as_ref().map(|window| window.to));
        let left = until.map(|until| until.duration_since(view.at).as_secs_f64());
        let fix = match given {
            Some(_) => "it has to be given again beyond that",
            None => "`cutover approve` on their machine signs its preview, also the evening before",
        };
        Some(Risk {
            what: format!("approval of {}", step.id),
            value: given.map_or_else(|| format!("not given yet by {role}"), |given| format!("by {}", given.by)),
            limit: until.map(|until| until.strftime("%a %H:%MZ").to_string()),
            left_s: left,
            level: left.map_or(Level::Fine, level),
            fix: (given.is_none() || left.is_some_and(|left| level(left) > Level::Fine)).then(|| fix.to_owned()),
            step: Some(step.id.clone()),
        })
    };
    not_begun(view).filter_map(risk).collect()
}

fn companions(view: &View) -> Vec<Risk> {
    let risk = |step: &Step| {
        let companion = step.companion.as_ref()?;
        Some(Risk {
            what: format!("what {} left running", step.id),
            value: companion.detail.clone(),
            limit: None,
            left_s: None,
            level: if companion.healthy { Level::Fine } else { Level::Over },
            fix: (!companion.healthy).then(|| format!("mend what it names; later steps wait for {}", step.id)),
            step: Some(step.id.clone()),
        })
    };
    view.steps.iter().filter_map(risk).collect()
}

/// Steps whose gate is still ahead.
fn not_begun(view: &View) -> impl Iterator<Item = &Step> {
    view.steps.iter().filter(|step| matches!(step.status, Status::Pending | Status::Failed | Status::RolledBack))
}

fn windows(view: &View) -> Vec<Risk> {
    let risk = |step: &Step| {
        let window = step.gate.window.as_ref()?;
        let left = window.to.duration_since(view.at).as_secs_f64();
        let missed = view.forecast.as_ref().and_then(|forecast| forecast.misses.as_ref());
        let missed = missed.filter(|(missed, _)| *missed == step.id).map(|(_, late)| figure::seconds(*late));
        let open = if view.at < window.from { "not open yet" } else { "open" };
        let late = "is not reached in time at the worst: begin earlier, or agree on another window";
        let over = "agree on another window and write it into the runbook";
        Some(Risk {
            what: format!("window of {}", step.id),
            value: missed
                .as_ref()
                .map_or_else(|| open.to_owned(), |late| format!("{open}; missed by {late} at the worst")),
            limit: Some(window.to.strftime("%a %H:%MZ").to_string()),
            left_s: Some(left),
            level: if missed.is_some() { level(left).max(Level::Near) } else { level(left) },
            fix: if left <= 0.0 { Some(over.to_owned()) } else { missed.map(|_| late.to_owned()) },
            step: Some(step.id.clone()),
        })
    };
    not_begun(view).filter_map(risk).collect()
}

/// A full verification is good for so long; the switch makes it again afterwards.
fn verification(facts: &Facts<'_>) -> Option<Risk> {
    let step = facts.plan.step_with_action("mysql.restore")?;
    let ActionSpec::Restore(restore) = &step.action else { return None };
    let switch = facts.plan.step_with_action("dns.switch")?;
    if facts.state.is_over(&switch.id) || !facts.state.is_over(&step.id) {
        return None;
    }
    let verified = facts.state.step(&step.id).ended?;
    let left = restore.verify_expiry.duration().as_secs_f64() - facts.now.duration_since(verified).as_secs_f64();
    Some(Risk {
        what: "full verification of the copy".to_owned(),
        value: format!("{} old", figure::seconds(facts.now.duration_since(verified).as_secs_f64())),
        limit: Some(restore.verify_expiry.to_string()),
        left_s: Some(left),
        level: if left <= 0.0 { Level::Near } else { level(left) },
        fix: (left <= 0.0).then(|| format!("nothing: {} verifies again before its freeze", switch.id)),
        step: Some(step.id.clone()),
    })
}

/// The old TTL: until it has run out, clients may hold the old answer for longer than the low TTL says.
fn old_ttl(facts: &Facts<'_>) -> Option<Risk> {
    let step = facts.plan.step_with_action("dns.lower-ttl")?;
    let over_at =
        facts.state.step(&step.id).outputs.get("old_ttl_over_at")?.as_str()?.parse::<jiff::Timestamp>().ok()?;
    let left = over_at.duration_since(facts.now).as_secs_f64();
    (left > 0.0).then(|| Risk {
        what: "old TTL".to_owned(),
        value: format!("{} left", figure::seconds(left)),
        limit: Some(over_at.strftime("%a %H:%MZ").to_string()),
        left_s: Some(left),
        level: Level::Fine,
        fix: Some("nothing: the switch waits for it".to_owned()),
        step: Some(step.id.clone()),
    })
}

fn deadline(view: &View) -> Option<Risk> {
    let forecast = view.forecast.as_ref()?;
    let slack = forecast.slack_s?;
    let eaten = forecast.eaten_by.as_ref();
    Some(Risk {
        what: "slack to the deadline".to_owned(),
        value: if slack < 0.0 {
            format!("{} too late", figure::seconds(-slack))
        } else {
            format!("at the worst of {}", forecast.from)
        },
        limit: forecast.deadline.map(|at| at.strftime("%a %H:%MZ").to_string()),
        left_s: Some(slack),
        level: level(slack),
        fix: eaten.map(|(step, over)| format!("{step} took {} more than planned", figure::seconds(*over))),
        step: eaten.map(|(step, _)| step.clone()),
    })
}
