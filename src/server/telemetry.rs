//! What is only known live, kept for looking back: a file beside the journal, never synced, and bounded.
//!
//! It holds JSON lines. At its bound it becomes `telemetry.1.jsonl`, in place of the one before it; the new file
//! begins with a line that says where it was cut, so that a timeline can show the gap.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

/// The file's name in the state directory.
const FILE: &str = "telemetry.jsonl";

/// The name of the file before it.
const BEFORE: &str = "telemetry.1.jsonl";

/// The most bytes of one file.
const BOUND: u64 = 16 << 20;

/// The file; where it cannot be written, nothing is kept, and nothing else suffers.
#[derive(Debug)]
pub struct Telemetry {
    directory: PathBuf,
    file: Option<BufWriter<File>>,
    written: u64,
}

impl Telemetry {
    pub(super) fn new(directory: &Path) -> Self {
        let mut telemetry = Self { directory: directory.to_path_buf(), file: None, written: 0 };
        telemetry.open();
        telemetry
    }

    fn open(&mut self) {
        let path = self.directory.join(FILE);
        self.file = OpenOptions::new().create(true).append(true).open(&path).ok().map(BufWriter::new);
        self.written = std::fs::metadata(&path).map_or(0, |found| found.len());
    }

    /// Adds a line.
    pub(super) fn write(&mut self, value: &Value) {
        if self.written > BOUND {
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
        self.write(&json!({ "cut": { "at": Timestamp::now(), "before": BEFORE } }));
    }

    /// Hands what was added to the system, without waiting for the disk.
    pub(super) fn flush(&mut self) {
        if let Some(file) = &mut self.file {
            // A full disk is the journal's to report.
            let _ = file.flush();
        }
    }
}
