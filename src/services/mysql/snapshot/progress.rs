//! How far a copy is: told as it happens, for a progress line with an ETA.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows done.
    pub rows: u64,
    /// Bytes done, before compression.
    pub bytes: u64,
    /// Rows in all: an estimate while a snapshot is being taken, exact while one is loaded.
    pub total_rows: u64,
}

/// Is told of progress, from any thread.
pub type Listener = Arc<dyn Fn(Progress) + Send + Sync>;

/// Counts, and tells.
pub(in crate::services::mysql) struct Meter {
    rows: AtomicU64,
    bytes: AtomicU64,
    /// Of a snapshot: bytes on disk.
    stored: AtomicU64,
    total_rows: u64,
    listener: Listener,
}

impl Meter {
    pub(in crate::services::mysql) fn new(total_rows: u64, listener: Listener) -> Self {
        Self { rows: AtomicU64::new(0), bytes: AtomicU64::new(0), stored: AtomicU64::new(0), total_rows, listener }
    }

    pub(in crate::services::mysql) fn add(&self, rows: u64, bytes: u64) {
        let rows = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        (self.listener)(Progress { rows, bytes, total_rows: self.total_rows.max(rows) });
    }

    /// Counts bytes on disk.
    pub(in crate::services::mysql) fn add_stored(&self, bytes: u64) {
        self.stored.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes on disk that all rows will take, by those that were written; nothing where none were.
    pub(in crate::services::mysql) fn stored_in_all(&self) -> Option<u64> {
        let (rows, stored) = (self.rows.load(Ordering::Relaxed), self.stored.load(Ordering::Relaxed));
        let all = u128::from(stored) * u128::from(self.total_rows.max(rows));
        u64::try_from(all.checked_div(u128::from(rows))?).ok()
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("rows", &self.rows).field("total_rows", &self.total_rows).finish_non_exhaustive()
    }
}
