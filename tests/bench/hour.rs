//! An hour of a busy run in simulated time: what the screen and the engine's log keep of 1,000 events a second.

use std::time::Duration;

use cutover::domain::{Event, Recorded, StepId};
use cutover::protocol::client::Update;
use cutover::protocol::log::{Level, Line, Page, Query};
use cutover::server::logs::{Draft, Store};
use cutover::tui::update::{Answer, Effect, Input};
use jiff::{SignedDuration, Timestamp};

use crate::screen::Screen;
use crate::terminal::memory;

const SECONDS: i64 = 3600;
const A_SECOND: u64 = 1_000;

/// Memory before and after, in MiB, with a screen that follows log and timeline, and the engine's own store.
pub fn hour(screen: &mut Screen) -> (f64, f64) {
    let us = i32::try_from(std::process::id()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::new(directory.path());
    let before = memory(us);
    let (view, step) = (screen.model.view.clone(), StepId::from("restore"));
    for second in 0..SECONDS {
        let at = view.at + SignedDuration::from_secs(second);
        let first = second.unsigned_abs() * A_SECOND + 1;
        for quarter in 0..4 {
            for n in first + quarter * A_SECOND / 4..first + (quarter + 1) * A_SECOND / 4 {
                let text = format!("loaded chunk {n} of shop.orders, 2,000 rows, no warning");
                store.push(Draft { at, step: Some(step.clone()), level: Level::Info, text });
            }
            screen.now += Duration::from_millis(250);
            let mut view = view.clone();
            (view.at, view.seq) = (at, first);
            screen.input(Input::Engine(Update::View(Box::new(view))));
            // It asks for what it shows, until it has it.
            while let Some(query) = screen.effects.iter().find_map(asked) {
                screen.input(Input::Answer(Answer::Logs(Ok(store.page(&query)))));
            }
        }
        let events = (first..first + A_SECOND).map(|n| event(n, at, &step)).collect();
        screen.input(Input::Answer(Answer::Journal(Ok(events))));
    }
    // All of it is there while it is measured.
    let after = memory(us);
    assert!(store.page(&Query { limit: 1, ..Query::default() }).kept.1 == SECONDS.unsigned_abs() * A_SECOND);
    (before, after)
}

fn asked(effect: &Effect) -> Option<Query> {
    if let Effect::Logs(query) = effect { Some(query.clone()) } else { None }
}

fn event(seq: u64, at: Timestamp, step: &StepId) -> Recorded {
    let line = format!("loaded chunk {seq} of shop.orders");
    Recorded { seq, at, event: Event::Log { step: step.clone(), attempt: 1, line } }
}

/// Ten thousand lines of a log.
pub fn lines(at: Timestamp) -> impl Iterator<Item = Page> {
    // No two neighbours alike: a frame that scrolls by a line has to write all of them.
    let texts = [
        "copied a chunk of shop.orders into the target: 2,000 rows in 31 ms",
        "checked: every table has the digest that the source gave inside the snapshot",
        "source MySQL: binlogs are kept, 720 h of them; nothing that the replica needs is gone",
        "pushed layer sha256:9f14c2 to registry.example.com/shop/backend, 41.2 MiB in 3.1 s",
        "deployment shop-web: 3 of 4 pods are ready, the last one waits for its image",
        "again in 2 s: the target took too many connections, and names the limit that it has",
    ];
    let line = move |n: u64| {
        let text = texts.iter().cycle().nth(usize::try_from(n % 6).unwrap_or(0));
        let text = format!("{} ({n})", text.unwrap_or(&""));
        let level = if n.is_multiple_of(50) { Level::Warn } else { Level::Info };
        Line { n, at, step: Some(StepId::from("restore")), level, text }
    };
    (0..20).map(move |page| Page {
        lines: (page * 500 + 1..=page * 500 + 500).map(line).collect(),
        kept: (1, page * 500 + 500),
        ..Page::default()
    })
}
