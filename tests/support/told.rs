//! A run in which everybody and everything said the same text.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use cutover::domain::event::{Consent, ConsentKind, Holder};
use cutover::domain::ids::RunId;
use cutover::domain::seat::Taking;
use cutover::domain::{Check, Event, Failure, Recorded, StepId};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Markup, a colour, a title, a clipboard, a turn of direction, a bell.
pub const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>\" onload='x' &lt; \u{1b}[31mred\u{1b}]0;t\u{7}\
    \u{1b}]52;c;ZXZpbA==\u{1b}\\ \u{202e}moc.elpmaxe\u{2066}\u{200f}\u{7}\u{9b}2J";

/// The steps of its runbook.
pub const STEPS: &str = "[[person]]\nname = \"anna\"\nrole = \"<b>lead</b>\"\n\
    [[step]]\nid = \"first\"\naction = \"command\"\nowner = \"<i>lead</i>\"\nday = 1\nexpected = \"5m\"\n\
    with = { run = [\"true\"], check = [\"true\"] }\n\
    [[step]]\nid = \"second\"\naction = \"manual\"\nowner = \"ops\"\nday = 2\n\
    gate = { phrase = \"it is done\" }\nwith = { instructions = \"turn the key\" }\n";

/// Its journal: an event each minute.
pub fn events(text: &str) -> Vec<Recorded> {
    let said = |prefix: &str| format!("{prefix} {text}");
    let step = |id: &str| StepId::from(id);
    let by = Holder { who: said("who"), host: said("host"), pid: 1, since: Timestamp::UNIX_EPOCH };
    let consent = |phrase: Option<&str>| Consent {
        by: said("anna"),
        how: ConsentKind::Typed,
        phrase: phrase.map(str::to_owned),
        accepted: vec![said("risk")],
        evidence: Some(said("evidence")),
    };
    let attempt = 1;
    let (digest, inputs) = ("0".repeat(64), String::new());
    let start = |id: &str, phrase| Event::StepStarted {
        step: step(id),
        attempt,
        digest: digest.clone(),
        inputs: inputs.clone(),
        consent: consent(phrase),
    };
    let (effect, failure) = (said("key"), Failure::permanent(said("what")).because(said("why")).next(said("next")));
    let run = RunId(said("run"));
    let (runbook, environment) = (said("book"), "lab".to_owned());
    let checks = vec![Check::passed(said("fact"), said("seen")), Check::failed(said("other fact"), said("seen"))];
    let intended = Event::Intended {
        step: step("first"),
        attempt,
        effect: effect.clone(),
        summary: said("summary"),
        undo: Value::Null,
        touches: Vec::new(),
    };
    let kept = Event::Kept { step: step("first"), attempt, effect: None, what: said("kept"), why: said("because") };
    let events = [
        Event::RunCreated { run, runbook, environment, digest: digest.clone(), by: by.clone() },
        Event::EngineStarted { by, version: said("version") },
        Event::WheelTaken { by: said("anna"), from: None, how: Taking::Free, why: said("why") },
        start("first", None),
        intended,
        Event::Happened { step: step("first"), attempt, effect, outcome: Value::Null },
        Event::Log { step: step("first"), attempt, line: said("line") },
        Event::Checked { step: step("first"), attempt, checks },
        Event::Companion { step: step("first"), healthy: false, detail: said("detail") },
        kept,
        Event::StepDone { step: step("first"), attempt },
        Event::Noted { by: said("ben"), text: said("note") },
        Event::HandRaised { by: said("ben"), text: said("hand") },
        Event::HandAnswered { hand: 13, by: said("anna"), text: said("answer") },
        start("second", Some("it is done")),
        Event::Fence { step: step("second"), service: said("source MySQL"), shut: true },
        Event::StepFailed { step: step("second"), attempt, failure },
    ];
    let began: Timestamp = "2026-11-23T23:50:00Z".parse().unwrap();
    let at = |seq: u64| began + SignedDuration::from_mins(i64::try_from(seq - 1).unwrap());
    (1..).zip(events).map(|(seq, event)| Recorded { seq, at: at(seq), event }).collect()
}
