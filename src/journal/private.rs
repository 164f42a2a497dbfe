//! A state directory is its owner's alone: journals name hosts, people and what programs said.
//!
//! One that was there before, or was copied, may be open to others; what cannot be closed is said, and the run goes on.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// The permissions of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Makes the directory where there is none, and closes it to others.
pub(super) fn directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    close(directory);
    Ok(())
}

/// Opens a file for reading and writing that is its owner's alone, and makes it where there is none.
pub(super) fn file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    close(path);
    Ok(file)
}

/// Where that fails, [`open_to_others`] says so.
fn close(path: &Path) {
    if let Some(mode) = mode(path).filter(|mode| mode & OTHERS != 0) {
        let _ = std::fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS));
    }
}

fn mode(path: &Path) -> Option<u32> {
    Some(std::fs::metadata(path).ok()?.permissions().mode() & 0o7777)
}

/// What to tell where a state directory could not be closed to others.
pub fn open_to_others(directory: &Path) -> Option<String> {
    let mode = mode(directory).filter(|mode| mode & OTHERS != 0)?;
    let directory = directory.display();
    Some(format!(
        "OTHERS OF THIS MACHINE MAY LOOK INTO {directory} (mode {mode:04o}), and it could not be closed to them: `chmod \
         700 {directory}` as its owner, or another directory with --state"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_open_to_others_is_closed_and_what_is_made_is_its_owners() {
        let parent = tempfile::tempdir().unwrap();
        let state = parent.path().join("state");
        std::fs::create_dir(&state).unwrap();
        std::fs::write(state.join("old"), "kept").unwrap();
        for (path, open) in [(state.clone(), 0o755), (state.join("old"), 0o664)] {
            std::fs::set_permissions(path, Permissions::from_mode(open)).unwrap();
        }
        assert!(open_to_others(&state).unwrap().contains("(mode 0755)"));
        directory(&state).unwrap();
        for name in ["old", "new"] {
            file(&state.join(name)).unwrap();
            assert_eq!(mode(&state.join(name)), Some(0o600), "{name}");
        }
        assert_eq!((mode(&state), open_to_others(&state)), (Some(0o700), None));
        assert_eq!(std::fs::read_to_string(state.join("old")).unwrap(), "kept");
    }
}
