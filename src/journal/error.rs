//! What can be wrong with a journal or its lock, each with a way out.

use std::path::{Path, PathBuf};

use crate::domain::event::Holder;
use crate::domain::failure::{Failure, FailureKind};

/// What can be wrong with a journal or its lock.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is no run here yet.
    #[error("there is no run in {}", .0.parent().unwrap_or(.0).display())]
    None(PathBuf),
    /// The file could not be opened.
    #[error("could not open the journal {0}")]
    Open(PathBuf, #[source] rusqlite::Error),
    /// It is a SQLite file of something else.
    #[error("{0} is not a journal of cutover")]
    Foreign(PathBuf),
    /// It was written by another version.
    #[error("the journal {0} has format {1}, and this version knows format 1")]
    Format(PathBuf, String),
    /// It does not hold together.
    #[error("the journal {0} is damaged: {1}")]
    Damaged(PathBuf, String),
    /// An event that this version does not know.
    #[error("event {0} in the journal is not one that this version knows: {1}")]
    Event(u64, String),
    /// An earlier append failed.
    #[error("an earlier write to the journal failed: nothing more is written")]
    Failed,
    /// SQLite said no.
    #[error("the journal could not be written or read")]
    Sqlite(#[from] rusqlite::Error),
    /// An event has no JSON form.
    #[error("an event could not be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The file could not be made, or opened for writing.
    #[error("could not open the journal {0} for writing")]
    Make(PathBuf, #[source] std::io::Error),
    /// The lock file could not be used.
    #[error("could not use the lock {0}")]
    Lock(PathBuf, #[source] std::io::Error),
    /// Another engine has the run.
    #[error("the run is driven by {} on {}, process {}, since {}", .0.who, .0.host, .0.pid, .0.since)]
    Held(Box<Holder>),
}

impl JournalError {
    pub(super) fn open(path: &Path, why: rusqlite::Error) -> Self {
        Self::Open(path.to_path_buf(), why)
    }

    fn next(&self) -> Option<String> {
        Some(match self {
            Self::None(_) => "`cutover run` begins one; `--state DIR` names another place".to_owned(),
            Self::Held(holder) => format!(
                "ask {} to stop it; if that engine is known to be dead, `--take-over` on this command takes the run",
                holder.who
            ),
            Self::Damaged(..) => {
                "keep the file as it is; restore the state directory from a copy, or read it with `sqlite3 FILE .recover`"
                    .to_owned()
            }
            Self::Format(..) | Self::Event(..) => "use the version of cutover that wrote it".to_owned(),
            Self::Foreign(_) => "`--state DIR` names another place".to_owned(),
            Self::Failed | Self::Sqlite(_) | Self::Open(..) | Self::Make(..) | Self::Lock(..) => {
                "look at the disk's space and permissions, then start the engine again: it goes on where it was".to_owned()
            }
            Self::Json(_) => return None,
        })
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let kind = if matches!(error, JournalError::Held(_)) { FailureKind::Refused } else { FailureKind::Permanent };
        let mut failure = Self::new(kind, error.to_string());
        let mut cause = std::error::Error::source(&error);
        while let Some(why) = cause {
            failure.why.push(why.to_string());
            cause = why.source();
        }
        failure.next = error.next();
        failure
    }
}
