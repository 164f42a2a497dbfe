//! The sockets, the driver's and the watchers': made for their owner alone, in the state directory or, where that path
//! is too long, in a private directory whose path is written beside the journal.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::net::{UnixListener, UnixStream};

use crate::domain::Failure;
use crate::protocol::address::{ADDRESS, LONGEST, SOCKET, WATCHERS};
use crate::protocol::serving::Door;

/// A listener that talks to nobody but its owner, and root.
pub(super) struct Private(UnixListener);

impl Door for Private {
    type Raw = UnixStream;
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        let us = nix::unistd::geteuid().as_raw();
        loop {
            let (stream, _) = self.0.accept().await?;
            if stream.peer_cred().is_ok_and(|peer| peer.uid() == us || peer.uid() == 0) {
                return Ok(stream);
            }
        }
    }

    async fn greet(&self, raw: UnixStream) -> io::Result<UnixStream> {
        Ok(raw)
    }
}

/// A socket and who comes in by it.
pub(super) struct Bound {
    pub(super) path: PathBuf,
    pub(super) door: Private,
}

/// The two sockets of an engine.
pub(super) struct Bounds {
    pub(super) clients: Bound,
    pub(super) watchers: Bound,
}

/// Listens for the engine that has the lock of that state directory: so whatever socket is there is stale.
pub(super) fn listen(directory: &Path) -> Result<Bounds, Failure> {
    let bound = place(directory).and_then(|path| {
        // First, so that nobody finds an engine that has no window.
        let watchers = bind(path.with_file_name(WATCHERS))?;
        Ok(Bounds { clients: bind(path)?, watchers })
    });
    bound.map_err(|why| {
        Failure::permanent(format!("listen for clients in {}", directory.display()))
            .because(why.to_string())
            .next("can sockets be made there? another directory is given with --state")
    })
}

fn bind(path: PathBuf) -> io::Result<Bound> {
    match std::fs::remove_file(&path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(Bound { path, door: Private(listener) })
}

/// Where the socket goes; the file that names another place is there exactly where one is needed.
fn place(directory: &Path) -> io::Result<PathBuf> {
    let directory = directory.canonicalize()?;
    let (socket, address) = (directory.join(SOCKET), directory.join(ADDRESS));
    if socket.as_os_str().len() <= LONGEST {
        match std::fs::remove_file(&address) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
            _ => return Ok(socket),
        }
    }
    let name = hex::encode(&Sha256::digest(directory.as_os_str().as_encoded_bytes())[..8]);
    let us = nix::unistd::geteuid().as_raw();
    // Not in the login's own runtime directory, which goes when the login ends: the engine does not.
    let private = std::env::temp_dir().join(format!("cutover-{us}-{name}"));
    match std::fs::DirBuilder::new().mode(0o700).create(&private) {
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
            // In a directory for everybody the name could be somebody else's.
            let found = std::fs::symlink_metadata(&private)?;
            if !found.is_dir() || found.uid() != us || found.mode() & 0o077 != 0 {
                let why = format!("{} is not a private directory of ours", private.display());
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
            }
        }
        made => made?,
    }
    let socket = private.join(SOCKET);
    std::fs::write(&address, format!("{}\n", socket.display()))?;
    Ok(socket)
}
