//! Where an engine listens: `engine.sock` in its state directory, or, where that path is longer than a socket's
//! address may be, the path that stands in `engine.addr` there.

use std::path::{Path, PathBuf};

/// The socket's name in the state directory.
pub const SOCKET: &str = "engine.sock";

/// The file with the socket's path, where the socket is somewhere else.
pub const ADDRESS: &str = "engine.addr";

/// The longest path that a socket can have: `sun_path` of Linux without its last NUL.
pub const LONGEST: usize = 107;

/// The socket of the engine of that state directory, whether or not anybody listens.
pub fn of(directory: &Path) -> PathBuf {
    match std::fs::read_to_string(directory.join(ADDRESS)) {
        Ok(path) => PathBuf::from(path.trim()),
        Err(_) => directory.join(SOCKET),
    }
}
