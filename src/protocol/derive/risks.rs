//! What can run out or break, nearest limit first.

use std::cmp::Ordering;

use super::Facts;
use crate::domain::figure;
use crate::domain::runbook::ActionSpec;
use crate::domain::state::Status;
use crate::protocol::view::{Level, Risk, View};

/// Less than this is near, in seconds.
const NEAR_S: f64 = 3600.0;

/// All risks that the state and the living figures tell.
pub(super) fn of(facts: &Facts<'_>, view: &View) -> Vec<Risk> {
    let mut risks = Vec::new();
    risks.extend(engine(view));
    risks.extend(companions(view));
    risks.extend(windows(view));
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

fn companions(view: &View) -> Vec<Risk> {
    let risk = |step: &crate::protocol::view::Step| {
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

fn windows(view: &View) -> Vec<Risk> {
    let open =
        view.steps.iter().filter(|step| matches!(step.status, Status::Pending | Status::Failed | Status::RolledBack));
    let risk = |step: &crate::protocol::view::Step| {
        let window = step.gate.window.as_ref()?;
        let left = window.to.duration_since(view.at).as_secs_f64();
        Some(Risk {
            what: format!("window of {}", step.id),
            value: if view.at < window.from { "not open yet".to_owned() } else { "open".to_owned() },
            limit: Some(window.to.strftime("%a %H:%MZ").to_string()),
            left_s: Some(left),
            level: level(left),
            fix: (left <= 0.0).then(|| "agree on another window and write it into the runbook".to_owned()),
            step: Some(step.id.clone()),
        })
    };
    open.filter_map(risk).collect()
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
