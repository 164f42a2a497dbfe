//! Events in a reader's words: the lines of the log, of the timeline, and of what happened while one was away.

use jiff::Timestamp;

use super::live::Meter;
use super::log::Level;
use crate::domain::{Event, Recorded, StepId, figure};

/// A line before it has its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// When.
    pub at: Timestamp,
    /// The step, where it belongs to one.
    pub step: Option<StepId>,
    /// How grave.
    pub level: Level,
    /// What; it need not be harmless yet.
    pub text: String,
}

/// The lines that an event makes, if any.
pub fn of_event(recorded: &Recorded, mut line: impl FnMut(Draft)) {
    let step = recorded.event.step().cloned();
    let mut say = |level, text: String| line(Draft { at: recorded.at, step: step.clone(), level, text });
    match &recorded.event {
        Event::Log { line, .. } => say(Level::Info, line.clone()),
        Event::StepStarted { attempt, consent, .. } => {
            say(Level::Info, format!("starts, attempt {attempt}, by {}", consent.by));
        }
        Event::RollbackStarted { consent, .. } => say(Level::Info, format!("is taken back, by {}", consent.by)),
        Event::Happened { effect, .. } => say(Level::Info, format!("did {effect}")),
        Event::Undone { effect, .. } => say(Level::Info, format!("undid {effect}")),
        Event::StepDone { .. } => say(Level::Info, "done".to_owned()),
        Event::RolledBack { .. } => say(Level::Info, "taken back".to_owned()),
        Event::StepAdopted { by, .. } => say(Level::Info, format!("adopted by {by}")),
        Event::Checked { checks, .. } => {
            for check in checks {
                let level = if check.is_failed() { Level::Error } else { Level::Info };
                say(level, format!("checked: {}: {}", check.fact, check.evidence));
            }
        }
        Event::Looked { effect, found, .. } => {
            say(Level::Warn, format!("{effect} was in doubt, and was looked for: {found}"));
        }
        Event::Retrying { failure, wait_ms, .. } => {
            #[expect(clippy::cast_precision_loss, reason = "shown only")]
            let wait = figure::seconds(*wait_ms as f64 / 1000.0);
            say(Level::Warn, format!("again in {wait}: {}", failure.in_full()));
        }
        Event::EffectFailed { effect, failure, .. } => {
            say(Level::Error, format!("{effect} failed: {}", failure.in_full()));
        }
        Event::StepFailed { failure, .. } => say(Level::Error, format!("did not go on: {}", failure.in_full())),
        Event::Fence { service, shut, .. } => {
            let way = if *shut { "shut" } else { "open" };
            say(Level::Warn, format!("fence {way}: {service}"));
        }
        Event::PointOfSwitching { .. } => {
            say(Level::Warn, "point of switching: the source stays fenced from here on".to_owned());
        }
        Event::SwitchedBack { .. } => say(Level::Warn, "the source is opened again from here on".to_owned()),
        Event::Kept { what, why, .. } => say(Level::Info, format!("kept {what}: {why}")),
        Event::Companion { healthy, detail, .. } => {
            let (level, word) = if *healthy { (Level::Info, "healthy") } else { (Level::Error, "NOT HEALTHY") };
            say(level, format!("left running, {word}: {detail}"));
        }
        Event::EngineStarted { by, version } => {
            say(Level::Info, format!("engine {version} started on {}, process {}", by.host, by.pid));
        }
        Event::LockTakenOver { from, .. } => {
            say(Level::Warn, format!("taken over from {} on {}, process {}", from.who, from.host, from.pid));
        }
        Event::RunbookChanged { .. } => say(Level::Warn, "the runbook changed".to_owned()),
        Event::LimitCrossed { what, value } => say(Level::Warn, format!("limit crossed: {what}: {value}")),
        Event::LimitBack { what, value } => say(Level::Info, format!("back from its limit: {what}: {value}")),
        Event::Approved { approval, .. } => say(Level::Info, format!("approved by {}", approval.by)),
        Event::WheelTaken { by, from: Some(from), why, .. } => {
            say(Level::Warn, format!("{by} drives now, after {from}{}", because(why)));
        }
        Event::WheelTaken { by, why, .. } => say(Level::Info, format!("{by} drives{}", because(why))),
        Event::WheelReleased { by } => say(Level::Info, format!("{by} let the wheel go")),
        Event::Noted { by, text } => say(Level::Info, format!("{by} notes: {text}")),
        Event::HandRaised { by, text } => say(Level::Warn, format!("{by} raises a hand: {text}")),
        Event::HandAnswered { by, text, .. } => say(Level::Info, format!("{by} answers the hand: {text}")),
        _ => {}
    }
}

/// Whether somebody who was away wants to know it: what began, ended and failed, what was said, who drives, and
/// what tenants may have felt.
pub fn matters(event: &Event) -> bool {
    matches!(
        event,
        Event::StepStarted { .. }
            | Event::StepDone { .. }
            | Event::StepFailed { .. }
            | Event::StepAdopted { .. }
            | Event::RollbackStarted { .. }
            | Event::RolledBack { .. }
            | Event::Retrying { .. }
            | Event::EngineStarted { .. }
            | Event::Fence { .. }
            | Event::PointOfSwitching { .. }
            | Event::SwitchedBack { .. }
            | Event::Companion { .. }
            | Event::LimitCrossed { .. }
            | Event::LimitBack { .. }
            | Event::Approved { .. }
            | Event::WheelTaken { .. }
            | Event::WheelReleased { .. }
            | Event::Noted { .. }
            | Event::HandRaised { .. }
            | Event::HandAnswered { .. }
    )
}

/// An event on one line; nothing for those that only a resume needs.
pub fn in_a_line(recorded: &Recorded) -> Option<String> {
    let mut texts = Vec::new();
    if let Event::Checked { checks, .. } = &recorded.event {
        let failed = checks.iter().filter(|check| check.is_failed()).count();
        let facts = if checks.len() == 1 { "1 fact".to_owned() } else { format!("{} facts", checks.len()) };
        let held = if failed == 0 { "all hold".to_owned() } else { format!("{failed} do not hold") };
        return Some(format!("looked at {facts}: {held}"));
    }
    of_event(recorded, |line| texts.push(line.text));
    match &recorded.event {
        Event::RunCreated { by, environment, .. } => Some(format!("the run begins in {environment}, by {}", by.who)),
        Event::EngineStopped {} => Some("engine stopped".to_owned()),
        _ => (!texts.is_empty()).then(|| texts.join("; ")),
    }
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

/// How far something is.
pub fn of_meter(step: &StepId, meter: &Meter, at: Timestamp) -> Draft {
    let unit = meter.unit.as_str();
    let of = meter.total.map(|total| format!(" of {}", figure::amount(total, unit))).unwrap_or_default();
    let left = meter.eta_s.filter(|left| *left > 0.0).map(|left| format!(", {} left", figure::seconds(left)));
    let text = format!("{}: {}{of}{}", meter.label, figure::amount(meter.done, unit), left.unwrap_or_default());
    Draft { at, step: Some(step.clone()), level: Level::Info, text }
}
