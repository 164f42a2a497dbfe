//! A program on a terminal, as a person at it has it: when it is there, how quickly it answers a key, what it costs
//! while nothing happens. The same for every program.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::pty::Pty;

/// A terminal of that size for every program.
pub const SIZE: (u16, u16) = (80, 24);

/// So many starts and so many keys; the median counts.
const STARTS: usize = 7;
const KEYS: usize = 15;

/// A program that wrote nothing for so long has done with a key.
const QUIET: Duration = Duration::from_millis(120);

/// Nobody touches it for so long.
const IDLE: Duration = Duration::from_secs(10);

/// A program to measure.
pub struct Program<'a> {
    pub name: &'static str,
    pub command: Box<dyn Fn() -> Command + 'a>,
    /// A key that moves its selection, and one that moves it back.
    pub keys: [&'static str; 2],
}

/// What it costs.
#[derive(Default)]
pub struct Cost {
    /// From its start to the first letter on the screen, in ms.
    pub first_frame: f64,
    /// From a key to the last byte of what it did, in ms.
    pub key: f64,
    /// While nobody touches it: bytes a second, and percent of one processor.
    pub idle_bytes: f64,
    pub idle_cpu: f64,
    /// Its memory, in MiB.
    pub memory: f64,
}

/// Measures a program.
pub fn cost(program: &Program<'_>) -> Cost {
    let mut starts = Vec::new();
    let mut pty = None;
    for _ in 0..STARTS {
        drop(pty.take());
        let began = Instant::now();
        let started = Pty::run(&(program.command)(), SIZE);
        started.until("a first letter", Duration::from_secs(30), |screen| !screen.trim().is_empty());
        starts.push(began.elapsed().as_secs_f64() * 1000.0);
        pty = Some(started);
    }
    let mut pty = pty.unwrap();
    settle(&pty);
    let mut keys = Vec::new();
    for n in 0..KEYS {
        let asked = Instant::now();
        pty.types(program.keys[n % 2]);
        let quiet = settle(&pty);
        let (_, last) = pty.written();
        // A key that changes nothing on the screen has no last byte, nor has one amid frames that come by themselves.
        let took = last.checked_duration_since(asked).filter(|_| quiet);
        keys.extend(took.map(|took| took.as_secs_f64() * 1000.0));
    }
    let (idle_bytes, idle_cpu) = still(&pty, IDLE);
    let key = if keys.is_empty() { f64::NAN } else { median(keys) };
    Cost { first_frame: median(starts), key, idle_bytes, idle_cpu, memory: memory(pty.pid().as_raw()) }
}

/// Waits until nothing was written for a while; whether that came.
pub fn settle(pty: &Pty) -> bool {
    let began = Instant::now();
    loop {
        let (_, last) = pty.written();
        let left = QUIET.saturating_sub(last.max(began).elapsed());
        if left.is_zero() || began.elapsed() > Duration::from_secs(1) {
            return left.is_zero();
        }
        std::thread::sleep(left);
    }
}

/// Bytes a second, and percent of one processor, while nobody types.
pub fn still(pty: &Pty, time: Duration) -> (f64, f64) {
    let pid = pty.pid().as_raw();
    let (bytes, cpu, began) = (pty.written().0, processor(pid), Instant::now());
    std::thread::sleep(time);
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = (pty.written().0 - bytes) as f64 / seconds;
    (rate, (processor(pid) - cpu) / seconds * 100.0)
}

pub fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// The processor time that a process took, in seconds.
fn processor(pid: i32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: f64 = after.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    // Linux counts a hundred a second for everybody who asks here.
    ticks / 100.0
}

/// A process's memory, in MiB.
pub fn memory(pid: i32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}
