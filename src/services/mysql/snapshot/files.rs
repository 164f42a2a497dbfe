//! Files that are whole or not there: written beside, synced, renamed, the directory synced.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Result, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Size and hash of what was stored.
#[derive(Debug)]
pub struct Stored {
    /// Bytes on disk.
    pub bytes: u64,
    /// SHA-256, hex.
    pub sha256: String,
}

/// Makes the directory and those above it; only its owner may look in.
pub fn make_private(directory: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Writes a file (mode 0600) that is there whole or not at all.
pub fn write_whole(directory: &Path, name: &str, content: &[u8]) -> Result<()> {
    write_synced(directory, name, content)?;
    sync(directory)
}

/// Compresses and writes rows; the caller syncs the directory when all files are there.
pub fn write_rows(directory: &Path, name: &str, rows: &[u8]) -> Result<Stored> {
    let packed = zstd::bulk::compress(rows, 1)?;
    write_synced(directory, name, &packed)?;
    Ok(Stored { bytes: packed.len() as u64, sha256: hex::encode(Sha256::digest(&packed)) })
}

/// Makes renames in a directory durable.
pub fn sync(directory: &Path) -> Result<()> {
    File::open(directory)?.sync_all()
}

fn write_synced(directory: &Path, name: &str, content: &[u8]) -> Result<()> {
    let temporary = directory.join(format!(".{name}.part"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&temporary, directory.join(name))
}
