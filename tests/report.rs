//! The report as a page: everything is on it, and what people and services said stays text.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/attached.rs"]
mod attached;

use std::collections::BTreeSet;
use std::fs;

use attached::Bench;
use cutover::domain::event::{Consent, ConsentKind, Holder};
use cutover::domain::ids::RunId;
use cutover::domain::seat::Taking;
use cutover::domain::{Check, Event, Failure, StepId};
use cutover::journal::{Journal, Lock};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Markup, a colour, a title, a clipboard, a turn of direction, a bell.
const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>\" onload='x' &lt; \u{1b}[31mred\u{1b}]0;t\u{7}\
    \u{1b}]52;c;ZXZpbA==\u{1b}\\ \u{202e}moc.elpmaxe\u{2066}\u{200f}\u{7}\u{9b}2J";

const STEPS: &str = "[[person]]\nname = \"anna\"\nrole = \"<b>lead</b>\"\n\
    [[step]]\nid = \"first\"\naction = \"command\"\nowner = \"<i>lead</i>\"\nday = 1\nexpected = \"5m\"\n\
    with = { run = [\"true\"], check = [\"true\"] }\n\
    [[step]]\nid = \"second\"\naction = \"manual\"\nowner = \"ops\"\nday = 2\n\
    gate = { phrase = \"it is done\" }\nwith = { instructions = \"turn the key\" }\n";

/// A run in which everybody and everything said that.
fn told(bench: &Bench, text: &str) {
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
        Event::Fence { step: step("second"), service: said("source"), shut: true },
        Event::StepFailed { step: step("second"), attempt, failure },
    ];
    fs::create_dir_all(bench.state()).unwrap();
    let lock = Lock::take(bench.state(), false).unwrap();
    let mut journal = Journal::open(bench.state(), &lock).unwrap();
    let began: Timestamp = "2026-11-23T23:50:00Z".parse().unwrap();
    for (minutes, event) in (0..).zip(events) {
        journal.append(began + SignedDuration::from_mins(minutes), event).unwrap();
    }
}

fn page(bench: &Bench) -> String {
    let file = bench.path("report.html");
    let output = bench.command("report").arg("--html").arg(&file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    fs::read_to_string(file).unwrap()
}

/// The names of all tags that a browser would find.
fn tags(page: &str) -> BTreeSet<&str> {
    let name = |rest: &'_ str| rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).len();
    let opened = page.split('<').skip(1).map(|rest| rest.trim_start_matches(['/', '!']));
    opened.map(|rest| &rest[..name(rest)]).collect()
}

#[test]
fn the_page_tells_the_whole_run() {
    let bench = Bench::new(STEPS);
    told(&bench, "is plain");
    let page = page(&bench);
    for wanted in [
        "FENCE SHUT at the source is plain, by step second",
        "1 of 2",
        "✓ done",
        "✗ failed",
        "7 min 00 s",
        "Mon 23 Nov 23:53:00",
        "5 min 00 s",
        "summary is plain",
        "seen is plain",
        "✗ fails",
        "typed on a terminal",
        "phrase: it is done",
        "accepted: risk is plain",
        "evidence: evidence is plain",
        "note is plain",
        "answered the hand",
        "kept is plain",
        "&lt;b&gt;lead&lt;/b&gt;",
        "Tuesday, 24 November 2026",
        "line is plain",
        "All times are UTC",
    ] {
        assert!(page.contains(wanted), "`{wanted}` is not on the page");
    }
    let ids: Vec<_> = page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(ids, ["step-first", "step-second"]);
    assert!(ids.iter().all(|id| page.contains(&format!("id=\"{id}\""))));
}

#[test]
fn nothing_that_was_said_is_alive_on_the_page() {
    let bench = Bench::new(STEPS);
    told(&bench, HOSTILE);
    let page = page(&bench);
    let said = page.matches("&lt;script&gt;alert(1)&lt;/script&gt;").count();
    assert!(said > 25, "what was said is on the page, {said} times");
    let known = "a b body dd div dl dt footer h1 h2 h3 head header html i li main meta ol p section span strong style \
        table tbody td th thead title tr ul";
    let known: BTreeSet<_> = known.split(' ').chain(["doctype"]).collect();
    let unknown: Vec<_> = tags(&page).into_iter().filter(|tag| !known.contains(tag)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let live = |letter: char| {
        letter.is_control() && letter != '\n'
            || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!page.chars().any(live), "{:?}", page.chars().find(|letter| live(*letter)));
    // No attribute came of it, and nothing is fetched from anywhere.
    let mut inside = page.split('<').skip(1).filter_map(|rest| rest.split('>').next());
    assert!(inside.all(|tag| !tag.contains("onload") && !tag.contains("onerror") && !tag.contains("src=")));
    for fetched in ["http://", "https://", "url(", "@import", "<script", "<img", "<link"] {
        assert!(!page.contains(fetched), "{fetched}");
    }
    assert!(page.contains("default-src &#39;none&#39;"));
}

#[test]
fn a_page_that_cannot_be_written_says_so_and_the_markdown_stays() {
    let bench = Bench::new(STEPS);
    told(&bench, "is plain");
    let nowhere = bench.path("nowhere").join("report.html");
    let output = bench.command("report").arg("--html").arg(&nowhere).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("write the report to"), "{output:?}");
    let output = bench.command("report").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("# run is plain") && text.contains("## Decisions and incidents"), "{text}");
}
