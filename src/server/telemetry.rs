//! What is only known live, kept for looking back: a file beside the journal, never synced, and bounded.
//!
//! It holds JSON lines. At its bound it becomes `telemetry.1.jsonl`, in place of the one before it; the new file
//! begins with a line that says where it was cut, so that a timeline can show the gap.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

/// The file's name in the state directory.
pub(super) const FILE: &str = "telemetry.jsonl";

/// The name of the file before it.
pub(super) const BEFORE: &str = "telemetry.1.jsonl";

/// The most bytes of one file.
const BOUND: u64 = 16 << 20;

/// The file; where it cannot be written, nothing is kept, and nothing else suffers.
#[derive(Debug)]
pub struct Telemetry {
    directory: PathBuf,
    file: Option<BufWriter<File>>,
    written: u64,
    bound: u64,
    /// Where the file before this one ended, if there was one.
    begins: Option<Timestamp>,
    /// What came before then was let go.
    since: Option<Timestamp>,
}

impl Telemetry {
    pub(super) fn new(directory: &Path) -> Self {
        Self::bounded(directory, BOUND)
    }

    pub(super) fn bounded(directory: &Path, bound: u64) -> Self {
        let begins = cut_at(&directory.join(FILE));
        let since = cut_at(&directory.join(BEFORE));
        let mut telemetry = Self { directory: directory.to_path_buf(), file: None, written: 0, bound, begins, since };
        telemetry.open();
        telemetry
    }

    /// From when on there is something; nothing where all of it is there.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.since
    }

    fn open(&mut self) {
        let path = self.directory.join(FILE);
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).ok();
        self.file = file.map(BufWriter::new);
        self.written = std::fs::metadata(&path).map_or(0, |found| found.len());
    }

    /// Adds a line.
    pub(super) fn write(&mut self, value: &Value) {
        if self.written > self.bound {
            self.cut();
        }
        let line = format!("{value}\n");
        if let Some(file) = &mut self.file
            && file.write_all(line.as_bytes()).is_ok()
        {
            self.written += line.len() as u64;
        }
    }

    fn cut(&mut self) {
        self.flush();
        let directory = &self.directory;
        if std::fs::rename(directory.join(FILE), directory.join(BEFORE)).is_err() {
            self.file = None; // Bounded comes first.
            return;
        }
        self.open();
        // What began where an earlier file ended took that one's place.
        let now = Timestamp::now();
        self.since = self.begins.replace(now);
        self.write(&json!({ "cut": { "at": now, "before": BEFORE } }));
    }

    /// Hands what was added to the system, without waiting for the disk.
    pub(super) fn flush(&mut self) {
        if let Some(file) = &mut self.file {
            // A full disk is the journal's to report.
            let _ = file.flush();
        }
    }
}

/// When the file before that one was cut off, as its first line says.
fn cut_at(path: &Path) -> Option<Timestamp> {
    let mut first = String::new();
    BufReader::new(File::open(path).ok()?).read_line(&mut first).ok()?;
    let value: Value = serde_json::from_str(&first).ok()?;
    value.get("cut")?.get("at")?.as_str()?.parse().ok()
}
