//! The run's journal: one SQLite file in the state directory, to which events are only ever appended.
//!
//! SQLite, because many may read while one writes, any standard tool can look inside, and its durability
//! is the most tested there is: WAL with `synchronous=FULL`, so an append is on disk when it returns.
//! One engine writes, guarded by [`Lock`]; readers open the file without it.

pub mod error;
pub mod lock;
pub mod private;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::domain::{Event, Recorded};
pub use error::JournalError;
pub use lock::Lock;

/// The file's name in the state directory.
pub const FILE: &str = "journal.sqlite";

/// The format that this version writes. A reader of another version refuses it.
const FORMAT: &str = "1";

/// `cuto` in ASCII: tells our files from other SQLite files.
const APPLICATION_ID: i32 = 0x6375_746f;

const SCHEMA: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE events (seq INTEGER PRIMARY KEY, at TEXT NOT NULL, event TEXT NOT NULL) STRICT;
    CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    CREATE TRIGGER events_are_not_removed BEFORE DELETE ON events
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
";

/// A run's journal, open for reading or writing.
#[derive(Debug)]
pub struct Journal {
    connection: Connection,
    next: u64,
    /// Set when an append failed: what is on disk is not known, so nothing more is written.
    failed: bool,
}

impl Journal {
    /// Opens the journal in a state directory for writing, or makes it. The caller holds the [`Lock`].
    ///
    /// # Errors
    /// [`JournalError`] where it is damaged, of another format, or not ours.
    pub fn open(directory: &Path, _lock: &Lock) -> Result<Self, JournalError> {
        let path = directory.join(FILE);
        // SQLite makes its files like this one; an empty one is a new journal to it.
        private::file(&path).map_err(|why| JournalError::Make(path.clone(), why))?;
        let connection = Connection::open(&path).map_err(|why| JournalError::open(&path, why))?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let made = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
        if made == 0 {
            let transaction = connection.unchecked_transaction()?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.execute_batch(SCHEMA)?;
            transaction.execute("INSERT INTO meta VALUES ('format', ?1)", [FORMAT])?;
            transaction.commit()?;
        }
        Self::checked(connection, &path)
    }

    /// Opens the journal in a state directory for reading, beside an engine that may be writing.
    ///
    /// # Errors
    /// [`JournalError::None`] where there is none; others as for [`Journal::open`].
    pub fn read(directory: &Path) -> Result<Self, JournalError> {
        let path = directory.join(FILE);
        if !path.exists() {
            return Err(JournalError::None(path));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(|why| JournalError::open(&path, why))?;
        connection.busy_timeout(Duration::from_secs(5))?;
        Self::checked(connection, &path)
    }

    fn checked(connection: Connection, path: &Path) -> Result<Self, JournalError> {
        let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        if application != APPLICATION_ID {
            return Err(JournalError::Foreign(path.to_path_buf()));
        }
        let format = connection
            .query_row("SELECT value FROM meta WHERE key = 'format'", [], |row| row.get::<_, String>(0))
            .optional()?;
        match format.as_deref() {
            Some(FORMAT) => {}
            other => return Err(JournalError::Format(path.to_path_buf(), other.unwrap_or("none").to_owned())),
        }
        let integrity: String = connection.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
        if integrity != "ok" {
            return Err(JournalError::Damaged(path.to_path_buf(), integrity));
        }
        let (count, last) = connection.query_row("SELECT count(*), coalesce(max(seq), 0) FROM events", [], |row| {
            Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?))
        })?;
        if count != last {
            return Err(JournalError::Damaged(path.to_path_buf(), format!("{count} events, but the last is {last}")));
        }
        Ok(Self { connection, next: last + 1, failed: false })
    }

    /// Appends an event; it is on disk when this returns.
    ///
    /// # Errors
    /// [`JournalError`] where it could not be written; every later append is refused, because what is on
    /// disk is then not known.
    pub fn append(&mut self, at: Timestamp, event: Event) -> Result<Recorded, JournalError> {
        if self.failed {
            return Err(JournalError::Failed);
        }
        let recorded = Recorded { seq: self.next, at, event };
        let text = serde_json::to_string(&recorded.event)?;
        let written = self.connection.execute(
            "INSERT INTO events (seq, at, event) VALUES (?1, ?2, ?3)",
            rusqlite::params![recorded.seq, recorded.at.to_string(), text],
        );
        if let Err(why) = written {
            self.failed = true;
            return Err(why.into());
        }
        self.next += 1;
        Ok(recorded)
    }

    /// Every event after `seq`, in order.
    ///
    /// # Errors
    /// [`JournalError::Event`] for an event that this version does not know: it fails closed.
    pub fn events_after(&self, seq: u64) -> Result<Vec<Recorded>, JournalError> {
        self.page(seq, usize::MAX)
    }

    /// The first events after `seq`, at most so many, in order.
    ///
    /// # Errors
    /// As for [`Journal::events_after`].
    pub fn page(&self, seq: u64, limit: usize) -> Result<Vec<Recorded>, JournalError> {
        let mut statement =
            self.connection.prepare_cached("SELECT seq, at, event FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
        let row =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?));
        let rows = statement.query_map(rusqlite::params![seq, i64::try_from(limit).unwrap_or(i64::MAX)], row)?;
        rows.map(|row| {
            let (seq, at, event) = row?;
            let broken = |why: String| JournalError::Event(seq, why);
            Ok(Recorded {
                seq,
                at: at.parse().map_err(|why: jiff::Error| broken(why.to_string()))?,
                event: serde_json::from_str(&event).map_err(|why| broken(why.to_string()))?,
            })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests;
