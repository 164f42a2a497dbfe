//! How far a person has read the journal, kept beside it: so that a screen that is opened again says what happened
//! since, also after the last one was killed.

use std::path::PathBuf;
use std::time::Duration;

/// So often it is kept while something was read.
const EVERY: Duration = Duration::from_secs(5);

/// A person's place in the journal.
#[derive(Debug)]
pub(super) struct Seen {
    path: Option<PathBuf>,
    kept: Option<u64>,
    kept_at: Duration,
}

impl Seen {
    /// The place that was kept for that person, if they were ever here.
    pub(super) fn open(path: Option<PathBuf>) -> Self {
        let text = path.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        let kept = text.and_then(|text| text.trim().parse().ok());
        Self { path, kept, kept_at: Duration::ZERO }
    }

    /// The place up to which it was read.
    pub(super) fn place(&self) -> Option<u64> {
        self.kept
    }

    /// Keeps a place, if it is time to; a disk that takes nothing is the journal's to report.
    pub(super) fn keep(&mut self, place: u64, now: Duration) {
        if self.kept == Some(place) || now.saturating_sub(self.kept_at) < EVERY {
            return;
        }
        self.keep_at_once(place);
        self.kept_at = now;
    }

    /// Keeps a place.
    pub(super) fn keep_at_once(&mut self, place: u64) {
        let Some(path) = &self.path else { return };
        if self.kept != Some(place) && std::fs::write(path, place.to_string()).is_ok() {
            self.kept = Some(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = Some(directory.path().join("seen-mara"));
        let mut seen = Seen::open(path.clone());
        assert_eq!(seen.place(), None);
        seen.keep(7, Duration::from_secs(1));
        assert_eq!(Seen::open(path.clone()).place(), None, "not more often than it has to");
        seen.keep(7, EVERY);
        assert_eq!(Seen::open(path.clone()).place(), Some(7));
        seen.keep_at_once(9);
        assert_eq!(Seen::open(path).place(), Some(9));
    }
}
