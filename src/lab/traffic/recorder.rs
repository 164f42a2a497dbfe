//! Writes every attempt to disk within a tenth of a second, and a line about all of them each second.
//!
//! JSON lines, appended: whoever kills this process loses at most the last tenth, and whoever reads them
//! needs nothing but a text editor.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::attempt::{Attempt, Kind, Outcome};
use super::options::Options;
use super::totals::{ServedCounts, Totals};
use crate::services::{self, Error, Result};

/// The records' file in the traffic's directory.
pub const ATTEMPTS: &str = "attempts.jsonl";
/// The file of the lines of each second.
pub const LIVE: &str = "live.jsonl";

/// Attempts that may wait for the disk before clients have to.
const QUEUE: usize = 4_096;
const FLUSH: Duration = Duration::from_millis(100);
const FLUSHES_A_SECOND: u64 = 10;

/// What is known each second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// When.
    pub at: Timestamp,
    /// Attempts that ended in the last second.
    pub rps: u64,
    /// All attempts so far.
    pub requests: u64,
    /// Those not acknowledged.
    pub failed: u64,
    /// Writes that were.
    pub acknowledged: u64,
    /// Writes whose answer was lost.
    pub unknown: u64,
    /// The longest wait of a writer who waits now, in seconds.
    pub current_stall_seconds: f64,
    /// The longest wait so far, in seconds.
    pub longest_stall_seconds: f64,
    /// How requests were served.
    pub served: ServedCounts,
    /// Writes that the new side acknowledged.
    #[serde(default)]
    pub new_side_writes: u64,
    /// Tenants that have written at least once.
    pub tenants_written: u64,
    /// The last line: the traffic has ended.
    pub ended: bool,
}

impl Live {
    /// The latest whole line in the traffic's directory; `None` before the first second.
    pub fn latest(dir: &Path) -> Option<Self> {
        let mut file = File::open(dir.join(LIVE)).ok()?;
        let length = file.metadata().ok()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(2_048))).ok()?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail).ok()?;
        String::from_utf8_lossy(&tail).lines().rev().find_map(|line| serde_json::from_str(line).ok())
    }
}

/// The end of the queue that writes.
pub(super) struct Recorder {
    queue: mpsc::Receiver<Attempt>,
    attempts: BufWriter<File>,
    live: File,
    place: String,
    totals: Totals,
    written: Vec<bool>,
    before: u64,
}

/// Opens the files for appending, and the queue before them.
pub(super) fn open(options: &Options) -> Result<(mpsc::Sender<Attempt>, Recorder)> {
    let place = options.dir.display().to_string();
    let fault = |e: std::io::Error| fault(&place, e);
    std::fs::create_dir_all(&options.dir).map_err(fault)?;
    let append = |name| OpenOptions::new().create(true).append(true).open(options.dir.join(name)).map_err(fault);
    let (sender, queue) = mpsc::channel(QUEUE);
    let recorder = Recorder {
        queue,
        attempts: BufWriter::new(append(ATTEMPTS)?),
        live: append(LIVE)?,
        totals: Totals::default(),
        written: vec![false; options.tenants as usize + 1],
        before: 0,
        place: place.clone(),
    };
    Ok((sender, recorder))
}

impl Recorder {
    /// Records until every sender is gone; then the last line, and all of it on the disk itself.
    pub(super) async fn run(mut self, pending: Arc<Vec<AtomicI64>>) -> Result<()> {
        let mut flush = interval(FLUSH);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut flushes = 0;
        loop {
            tokio::select! {
                attempt = self.queue.recv() => match attempt {
                    Some(attempt) => self.take(&attempt)?,
                    None => break,
                },
                _ = flush.tick() => {
                    self.attempts.flush().map_err(|e| fault(&self.place, e))?;
                    flushes += 1;
                    if flushes % FLUSHES_A_SECOND == 0 {
                        self.tell(&pending, false)?;
                    }
                }
            }
        }
        self.tell(&pending, true)?;
        let synced = self.attempts.flush().and_then(|()| self.attempts.get_ref().sync_all());
        synced.and_then(|()| self.live.sync_all()).map_err(|e| fault(&self.place, e))
    }

    fn take(&mut self, attempt: &Attempt) -> Result<()> {
        self.totals.saw(attempt);
        let promised = attempt.kind == Kind::Write && attempt.outcome == Outcome::Acknowledged;
        if promised && let Some(written) = self.written.get_mut(attempt.tenant as usize) {
            *written = true;
        }
        let line = serde_json::to_vec(attempt).map_err(|e| fault(&self.place, e))?;
        let written = self.attempts.write_all(&line).and_then(|()| self.attempts.write_all(b"\n"));
        written.map_err(|e| fault(&self.place, e))
    }

    fn tell(&mut self, pending: &[AtomicI64], ended: bool) -> Result<()> {
        let (at, totals) = (Timestamp::now(), &self.totals);
        let since = pending.iter().map(|since| since.load(Ordering::Relaxed)).filter(|since| *since > 0).min();
        let waiting = since.map_or(0, |since| (at.as_microsecond() - since).max(0));
        let current = Duration::from_micros(u64::try_from(waiting).unwrap_or(0)).as_secs_f64();
        let line = Live {
            at,
            rps: totals.requests - self.before,
            requests: totals.requests,
            failed: totals.failed,
            acknowledged: totals.acknowledged_writes,
            unknown: totals.unknown_writes,
            current_stall_seconds: current,
            longest_stall_seconds: totals.longest_stall().max(current),
            served: totals.served,
            new_side_writes: totals.new_side_writes,
            tenants_written: self.written.iter().filter(|written| **written).count() as u64,
            ended,
        };
        self.before = totals.requests;
        let mut text = serde_json::to_vec(&line).map_err(|e| fault(&self.place, e))?;
        text.push(b'\n');
        self.live.write_all(&text).map_err(|e| fault(&self.place, e))
    }
}

fn fault(place: &str, why: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new("traffic", place, "write the records", services::Kind::Permanent).because(why)
}
