//! The report as a page: everything is on it, and what people and services said stays text.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/attached.rs"]
mod attached;
#[path = "support/told.rs"]
mod told;

use std::collections::BTreeSet;
use std::fs;

use attached::Bench;
use cutover::journal::{Journal, Lock};
use told::{HOSTILE, STEPS};

/// A run in which everybody and everything said that.
fn told(bench: &Bench, text: &str) {
    fs::create_dir_all(bench.state()).unwrap();
    let lock = Lock::take(bench.state(), false).unwrap();
    let mut journal = Journal::open(bench.state(), &lock).unwrap();
    for recorded in told::events(text) {
        journal.append(recorded.at, recorded.event).unwrap();
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
        "FENCE SHUT at the source MySQL is plain, by step second",
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
