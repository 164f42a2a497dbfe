//! What was copied, in a file beside the run.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::domain::Failure;

/// A copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Its file.
    pub path: String,
    /// Whether it was short enough for a terminal's clipboard.
    pub in_clipboard: bool,
}

/// Keeps a copy in a file of its own: tmux lets nothing through to the clipboard by default.
pub(super) fn keep(copies: &Path, text: &str, in_clipboard: bool) -> Result<Copied, Failure> {
    let now = jiff::Timestamp::now().strftime("copied-%Y%m%dT%H%M%SZ").to_string();
    let (path, written) = write(copies, &now, text);
    let fault =
        |why: std::io::Error| Failure::permanent(format!("keep a copy in {}", path.display())).because(why.to_string());
    written.map_err(fault)?;
    Ok(Copied { path: path.display().to_string(), in_clipboard })
}

/// Writes into a new file: several copies of one second are several files, and what is there is never written over.
fn write(copies: &Path, name: &str, text: &str) -> (PathBuf, io::Result<()>) {
    let mut path = copies.join(format!("{name}.txt"));
    for again in 2.. {
        match OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path) {
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => path = copies.join(format!("{name}-{again}.txt")),
            opened => return (path, opened.and_then(|mut file| file.write_all(text.as_bytes()))),
        }
    }
    (path, Err(io::ErrorKind::AlreadyExists.into()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn copies_of_one_moment_are_files_of_their_own_for_their_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("elsewhere", directory.path().join("copied-2.txt")).unwrap();
        for (text, name) in [("a", "copied.txt"), ("b", "copied-3.txt")] {
            let (path, written) = write(directory.path(), "copied", text);
            written.unwrap();
            assert_eq!(
                (path.file_name().unwrap().to_str().unwrap(), &*std::fs::read_to_string(&path).unwrap()),
                (name, text)
            );
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(!directory.path().join("elsewhere").exists(), "no link is followed");
    }
}
