//! A disk that is full: the error says which directory, how much is free there and how much it takes.

use std::io::ErrorKind;
use std::path::Path;

use super::manifest::fault;
use crate::services::{Error, Kind};

/// Whether a fault is a disk, or a quota, that has no room left.
pub(super) fn is_full(error: &Error) -> bool {
    let io = error.why.as_deref().and_then(|why| why.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
}

/// A fault of writing into the snapshot's directory.
pub(super) fn writing(directory: &Path, doing: &str, error: std::io::Error) -> Error {
    fault(directory, doing, Kind::Permanent)
        .because(error)
        .next(format!("may this user write into {}?", directory.display()))
}

/// The same fault, once what was written has been thrown away, with figures. `needed` is in bytes.
pub(super) fn full(directory: &Path, needed: u64) -> Error {
    let free =
        nix::sys::statvfs::statvfs(directory).map(|disk| disk.blocks_available().saturating_mul(disk.fragment_size()));
    let free = free.map_or_else(|_| "an unknown amount".to_owned(), mebibytes);
    let needed = mebibytes(needed);
    fault(directory, "write the snapshot", Kind::Permanent)
        .because(format!(
            "the disk is full: about {needed} are needed, {free} are free; what was written is thrown away"
        ))
        .next(format!("make room for {needed} where {} is, or choose another place by --state", directory.display()))
}

fn mebibytes(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_disk_is_called_full() {
        let of = |kind: ErrorKind| writing(Path::new("/there"), "write a chunk", std::io::Error::from(kind));
        assert!(is_full(&of(ErrorKind::StorageFull)) && is_full(&of(ErrorKind::QuotaExceeded)));
        assert!(!is_full(&of(ErrorKind::PermissionDenied)));
        assert_eq!(mebibytes(3 * (1 << 19)), "1.5 MiB");
    }
}
