//! What fifty watchers, half of them slow, cost a rehearsal with tenants on it: one without and one with them, step by
//! step. It wants the lab.

#![expect(clippy::unwrap_used, reason = "a bench says by a panic that it failed")]

#[path = "../support/attached.rs"]
mod attached;
#[path = "../support/rehearse.rs"]
mod rehearse;
#[path = "../support/watchers.rs"]
mod watchers;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cutover::domain::event::Holder;
use cutover::protocol::address;
use rehearse::{Said, rehearse};
use tokio::task::JoinSet;
use watchers::{WATCHERS, count, rss, watch};

/// How often the engine's memory is looked at.
const EVERY: Duration = Duration::from_millis(200);

/// What one rehearsal took.
struct Measured {
    said: Said,
    /// The most memory of the engine, in KiB.
    most: u64,
    /// What the quick watchers were sent, in bytes.
    read: u64,
}

#[tokio::main]
async fn main() {
    let (alone, watched) = (measure(0).await, measure(WATCHERS).await);
    println!("| step, in s | without watchers | with {WATCHERS}, half of them slow | ratio |");
    println!("|---|---|---|---|");
    let steps = |measured: &Measured| measured.said.summary()["steps"].as_array().unwrap().clone();
    for (a, w) in steps(&alone).iter().zip(&steps(&watched)) {
        row(a["id"].as_str().unwrap(), a["seconds"].as_f64().unwrap(), w["seconds"].as_f64().unwrap());
    }
    let of = |measured: &Measured, path: &str| measured.said.summary().pointer(path).unwrap().as_f64().unwrap();
    for (what, path) in [("freeze", "/freeze_seconds"), ("longest stall", "/traffic/longest_write_stall_seconds")] {
        row(what, of(&alone, path), of(&watched, path));
    }
    println!("\nThe engine's memory: at most {} MiB without, {} MiB with them.", alone.most >> 10, watched.most >> 10);
    println!("The quick ones were sent {} KiB.", watched.read >> 10);
}

fn row(what: &str, alone: f64, watched: f64) {
    println!("| {what} | {alone:.1} | {watched:.1} | {:.2} |", watched / alone);
}

/// A rehearsal with so many watchers from its first step on.
async fn measure(watchers: usize) -> Measured {
    let known = newest();
    let over = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&over);
    let rehearsal = tokio::task::spawn_blocking(move || {
        let said = rehearse(&[]);
        ends.store(true, Ordering::Relaxed);
        said
    });
    let state = loop {
        let state = newest().filter(|newest| Some(newest) != known.as_ref()).map(|newest| newest.join("state"));
        if let Some(state) = state.filter(|state| address::of(state).exists()) {
            break state;
        }
        assert!(!over.load(Ordering::Relaxed), "the rehearsal ended before it began");
        tokio::time::sleep(EVERY).await;
    };
    let (mut quick, mut slow, read) = (JoinSet::new(), Vec::new(), Arc::new(AtomicU64::new(0)));
    for n in 0..watchers {
        let stream = watch(&state, n).await.unwrap();
        if n % 2 == 0 {
            slow.push(stream);
        } else {
            quick.spawn(count(stream, Arc::clone(&read)));
        }
    }
    let mut most = 0;
    while !over.load(Ordering::Relaxed) {
        let lock = fs::read_to_string(state.join("lock")).unwrap_or_default();
        let engine = serde_json::from_str::<Holder>(&lock).map_or(0, |holder| holder.pid);
        most = most.max(rss(i32::try_from(engine).unwrap()));
        tokio::time::sleep(EVERY).await;
    }
    Measured { said: rehearsal.await.unwrap(), most, read: read.load(Ordering::Relaxed) }
}

/// The directory of the rehearsal that began last: their names are times.
fn newest() -> Option<PathBuf> {
    let home = || std::env::home_dir().unwrap().join(".cache/cutover/lab");
    let lab = std::env::var_os("CUTOVER_LAB_DIR").map_or_else(home, PathBuf::from);
    let all = fs::read_dir(lab.join("rehearsals")).ok()?;
    all.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).max()
}
