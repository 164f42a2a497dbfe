//! Fifty watchers of one engine, half of them slow, and what they cost the driver's steps.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cutover::domain::state::Status;
use cutover::domain::{Event, StepId};
use cutover::protocol::address;
use cutover::protocol::client::Client;
use cutover::protocol::order::Given;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use crate::attached::{Bench, start, take, until};

/// So many look on; every second one never reads what it is sent.
pub const WATCHERS: usize = 50;

/// How often the watchers come and go, and how many steps are driven each time.
const ROUNDS: usize = 6;
const STEPS: usize = 5;

/// What was measured.
pub struct Measured {
    /// How long each step took without watchers, and with them, in seconds, the shortest first.
    pub alone: Vec<f64>,
    pub watched: Vec<f64>,
    /// The engine's memory before the first watcher came, and the most with them, in KiB.
    pub before: u64,
    pub most: u64,
    /// What the quick watchers were sent, in bytes.
    pub read: u64,
}

pub fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// Steps that begin and end at once: what they take is the engine's own work.
fn runbook() -> String {
    (0..2 * ROUNDS * STEPS).fold(String::new(), |mut steps, n| {
        let _ = write!(
            steps,
            "[[step]]\nid = \"s{n}\"\naction = \"command\"\nowner = \"lead\"\nday = 1\nretries = 0\n\
             with = {{ run = [\"true\"], check = [\"true\"] }}\n"
        );
        steps
    })
}

/// Drives the same steps by turns without watchers and with them.
pub async fn measure() -> Measured {
    let mut bench = Bench::new(&runbook());
    let driver = bench.start().await;
    take(&driver, "").await.unwrap();
    let memory = |bench: &Bench| rss(bench.engine_pid().unwrap().as_raw());
    let (before, mut most, read) = (memory(&bench), 0, Arc::new(AtomicU64::new(0)));
    let (mut next, mut watched_steps) = (0, Vec::new());
    for round in 0..2 * ROUNDS {
        let with = round % 2 == 1;
        let mut quick = JoinSet::new();
        let mut slow = Vec::new();
        if with {
            for n in 0..WATCHERS {
                let stream = watch(bench.state(), n).await.unwrap();
                if n % 2 == 0 {
                    slow.push(stream);
                } else {
                    quick.spawn(count(stream, Arc::clone(&read)));
                }
            }
            until(&driver, |view| view.clients as usize >= WATCHERS).await;
        }
        for _ in 0..STEPS {
            let step = StepId::from(format!("s{next}").as_str());
            driver.order(&start(&driver, step.as_str(), Given::default()).await).await.unwrap();
            until(&driver, |view| view.step(&step).unwrap().status == Status::Done).await;
            watched_steps.extend(with.then(|| step.clone()));
            next += 1;
        }
        most = most.max(memory(&bench));
        drop(slow);
        quick.shutdown().await;
        until(&driver, |view| view.clients <= 1).await;
    }
    let (mut alone, mut watched) = (Vec::new(), Vec::new());
    for (step, took) in took(&driver).await {
        if watched_steps.contains(&step) { watched.push(took) } else { alone.push(took) }
    }
    alone.sort_by(f64::total_cmp);
    watched.sort_by(f64::total_cmp);
    Measured { alone, watched, before, most, read: read.load(Ordering::Relaxed) }
}

/// A watcher's stream of the run in that state directory, asked for and not read yet.
pub async fn watch(state: &Path, n: usize) -> std::io::Result<UnixStream> {
    let mut stream = UnixStream::connect(address::of(state)).await?;
    let who = format!("x-cutover-name: watcher {n}\r\nx-cutover-client: w{n}\r\n");
    let asked = format!("GET /v1/events HTTP/1.1\r\nhost: engine\r\n{who}\r\n");
    stream.write_all(asked.as_bytes()).await?;
    Ok(stream)
}

/// Reads whatever comes, for as long as it comes.
pub async fn count(mut stream: UnixStream, read: Arc<AtomicU64>) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(came @ 1..) = stream.read(&mut bytes).await {
        read.fetch_add(came as u64, Ordering::Relaxed);
    }
}

/// From each step's start to its end, as the journal has them.
async fn took(driver: &Client) -> Vec<(StepId, f64)> {
    let mut events = Vec::new();
    loop {
        let page = driver.journal(events.len() as u64, 1000).await.unwrap();
        if page.is_empty() {
            break;
        }
        events.extend(page);
    }
    let started = |wanted: &StepId| {
        let mut all = events.iter();
        all.find(|recorded| matches!(&recorded.event, Event::StepStarted { step, .. } if step == wanted)).unwrap().at
    };
    let ended = events.iter().filter_map(|recorded| match &recorded.event {
        Event::StepDone { step, .. } => Some((step.clone(), recorded.at.duration_since(started(step)).as_secs_f64())),
        _ => None,
    });
    ended.collect()
}

/// A process's memory, in KiB.
pub fn rss(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
