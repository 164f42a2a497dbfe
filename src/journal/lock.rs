//! The run's lock: one engine at a time, and its name for everybody to read.
//!
//! Two things guard a run. An advisory lock on the file, which the kernel lets go when its process dies,
//! so a crash on this machine never leaves the run locked. And the holder's name in the file, because the
//! kernel of this machine knows nothing of a holder on another one: such a holder is never presumed dead.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use nix::fcntl::{Flock, FlockArg};

use super::error::JournalError;
use super::private;
use crate::domain::event::Holder;

/// The file's name in the state directory.
pub const FILE: &str = "lock";

/// So many looks of others are waited out before the lock counts as held, each so long: a `status` at the wrong moment
/// must not keep an engine from starting, least of all one that is to open a fence.
const LOOKS: u32 = 5;
const A_LOOK: Duration = Duration::from_millis(20);

/// The lock of a run, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: Flock<File>,
    holder: Holder,
    previous: Option<Holder>,
}

impl Lock {
    /// Takes the lock in a state directory, which is made if it is not there.
    ///
    /// # Errors
    /// [`JournalError::Held`] where another engine has it, on this machine or, by the name it left, on
    /// another; `take_over` passes over such a name, never over a living process of this machine.
    pub fn take(directory: &Path, take_over: bool) -> Result<Self, JournalError> {
        let path = directory.join(FILE);
        let fault = |why| JournalError::Lock(path.clone(), why);
        private::directory(directory).map_err(fault)?;
        let mut file = match exclusive(private::file(&path).map_err(fault)?) {
            Ok(file) => file,
            Err(mut file) => {
                return Err(JournalError::Held(Box::new(read(&mut file, &path)?.unwrap_or_else(unnamed))));
            }
        };
        let previous = read(&mut file, &path)?;
        let holder = myself();
        if let Some(other) = &previous
            && other.host != holder.host
            && !take_over
        {
            return Err(JournalError::Held(Box::new(other.clone())));
        }
        write(&mut file, Some(&holder)).map_err(fault)?;
        Ok(Self { file, holder, previous })
    }

    /// Who holds it: this process.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Takes our name out of the file; the lock itself goes with the process, or when it is dropped.
    ///
    /// # Errors
    /// That the file could not be written.
    pub fn sign_off(&mut self) -> std::io::Result<()> {
        write(&mut self.file, None)
    }

    /// Whether an engine of this machine has the run now. The look holds the lock together with other looks, for an
    /// instant that whoever takes it waits out.
    pub fn is_held(directory: &Path) -> bool {
        let Ok(file) = File::open(directory.join(FILE)) else { return false };
        Flock::lock(file, FlockArg::LockSharedNonblock).is_err()
    }

    /// Who left it without letting it go in good order, if anybody.
    pub fn previous(&self) -> Option<&Holder> {
        self.previous.as_ref()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Should this fail, the next engine on this machine finds our name and sees that we are gone.
        let _ = self.sign_off();
    }
}

/// The lock for this process alone, or the file back where another one keeps it.
fn exclusive(mut file: File) -> Result<Flock<File>, File> {
    for _ in 0..LOOKS {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => return Ok(locked),
            Err((back, _)) => file = back,
        }
        std::thread::sleep(A_LOOK);
    }
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(file, _)| file)
}

fn read(file: &mut File, path: &Path) -> Result<Option<Holder>, JournalError> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_string(&mut text))
        .map_err(|why| JournalError::Lock(PathBuf::from(path), why))?;
    // A name cut short by a crash in the middle of writing it belongs to a holder that is gone.
    Ok(serde_json::from_str(&text).ok())
}

fn write(file: &mut File, holder: Option<&Holder>) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    if let Some(holder) = holder {
        file.write_all(serde_json::to_string(holder)?.as_bytes())?;
    }
    file.sync_all()
}

/// This process, as a holder.
pub fn myself() -> Holder {
    let who = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten().map(|user| user.name);
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    Holder {
        who: std::env::var("SUDO_USER").ok().or(who).unwrap_or_else(|| "somebody".to_owned()),
        host: host.unwrap_or_else(|| "localhost".to_owned()),
        pid: std::process::id(),
        since: Timestamp::now(),
    }
}

fn unnamed() -> Holder {
    Holder { who: "another engine".to_owned(), host: "this machine".to_owned(), pid: 0, since: Timestamp::now() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_who_looks_does_not_keep_an_engine_from_starting() {
        let directory = tempfile::tempdir().unwrap();
        drop(Lock::take(directory.path(), false).unwrap());
        let file = File::open(directory.path().join(FILE)).unwrap();
        let look = Flock::lock(file, FlockArg::LockSharedNonblock).unwrap();
        let looks = std::thread::spawn(move || {
            std::thread::sleep(A_LOOK);
            drop(look);
        });
        let lock = Lock::take(directory.path(), false).unwrap();
        looks.join().unwrap();
        assert!(Lock::is_held(directory.path()));
        assert!(matches!(Lock::take(directory.path(), false), Err(JournalError::Held(_))));
        drop(lock);
        assert!(!Lock::is_held(directory.path()));
    }
}
