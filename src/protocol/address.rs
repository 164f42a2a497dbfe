//! Where an engine listens: `engine.sock` in its state directory, and beside it `watch.sock` for those who look on;
//! or, where that path is longer than a socket's address may be, the path that stands in `engine.addr` there.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The socket's name in the state directory.
pub const SOCKET: &str = "engine.sock";

/// Beside it, the socket that takes no orders.
pub const WATCHERS: &str = "watch.sock";

/// The file with the socket's path, where the socket is somewhere else.
pub const ADDRESS: &str = "engine.addr";

/// The longest path that a socket can have: `sun_path` of Linux without its last NUL.
pub const LONGEST: usize = 107;

/// The socket of the engine of that state directory, whether or not anybody listens.
pub fn of(directory: &Path) -> PathBuf {
    match std::fs::read_to_string(directory.join(ADDRESS)) {
        Ok(path) if is_of_the_same_owner(directory, Path::new(path.trim())) => PathBuf::from(path.trim()),
        _ => directory.join(SOCKET),
    }
}

/// The socket of the same engine for those who look on.
pub fn of_watchers(directory: &Path) -> PathBuf {
    of(directory).with_file_name(WATCHERS)
}

/// The place elsewhere is in a directory for everybody: once that engine ended and its own was cleaned away, somebody
/// else could have made one of that name, and would be told what a driver types.
fn is_of_the_same_owner(directory: &Path, socket: &Path) -> bool {
    let owner = |path: &Path| std::fs::symlink_metadata(path).ok().map(|found| found.uid());
    socket.parent().and_then(owner).is_some_and(|found| Some(found) == owner(directory))
}
