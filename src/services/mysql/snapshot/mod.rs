//! A consistent snapshot of a server's schemas, in a directory.
//!
//! Several sessions read at once and see one moment ([`freeze`]); rows go into compressed chunk files
//! ([`reader`]), and the manifest is written last ([`manifest`]). A crash loses the moment: what is there
//! without a manifest is thrown away, never gone on with.

pub mod carry;
mod crew;
pub mod digest;
mod disk;
pub mod files;
pub mod freeze;
pub mod manifest;
mod picture;
pub mod progress;
pub mod ranges;
mod reader;
pub mod row;
mod waiting;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub use freeze::{Locks, Patience};
pub use manifest::{Chunk, Entry, Manifest, Position};
pub use picture::without_counter;
pub use progress::{Listener, Progress};

use self::crew::{Work, read_all};
use self::freeze::{Frozen, freeze};
use self::manifest::{FORMAT, fault};
use self::picture::Picture;
use self::progress::Meter;
use self::ranges::part;
use self::reader::{Placed, Shared, Task};
use super::endpoint::Endpoint;
use super::server::Server;
use super::session::Session;
use super::table::Table;
use crate::services::{Kind, Result};

/// What to take, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The schemas.
    pub schemas: Vec<String>,
    /// The sessions' lock names; one reader each.
    pub locks: Locks,
    /// Aimed size of a chunk before compression, in bytes.
    pub chunk_bytes: usize,
    /// How writers may be held.
    pub patience: Patience,
}

/// Takes a snapshot into `directory`, which is made, or emptied of what an interrupted one left.
///
/// A complete snapshot that is there already is given back as it is. One that fails is thrown away at once:
/// its moment is lost, and the room it takes may be missed.
pub async fn take(
    endpoint: &Endpoint,
    directory: &Path,
    options: &Options,
    listener: Listener,
    cancel: CancellationToken,
) -> Result<Manifest> {
    match Manifest::read(directory) {
        Ok(manifest) => return Ok(manifest),
        Err(error) if error.kind == Kind::NotFound => {}
        Err(error) => return Err(error),
    }
    let prepare = |error| disk::writing(directory, "prepare the directory", error);
    discard(directory).map_err(prepare)?;
    files::make_private(directory).map_err(prepare)?;

    let mut look = Session::open(endpoint).await?;
    let before = Picture::take(&mut look, &options.schemas).await?;
    let objections = freeze::objections(&mut look, &options.schemas, &before.tables).await?;
    if !objections.is_empty() {
        return Err(look.refuse("take a snapshot", objections.join("; ")));
    }
    let meter = Arc::new(Meter::new(before.tables.iter().map(|table| table.estimated_rows).sum(), listener));
    let outcome = Box::pin(write(endpoint, &mut look, &before, directory, options, &meter, cancel)).await;
    let Err(error) = outcome else { return outcome };
    discard(directory).map_err(|error| disk::writing(directory, "throw an interrupted snapshot away", error))?;
    if disk::is_full(&error) {
        let most = before.tables.iter().map(|table| table.estimated_bytes).sum();
        return Err(disk::full(directory, meter.stored_in_all().unwrap_or(most)));
    }
    Err(before.explain(&mut look, &options.schemas, error).await)
}

/// Everything that is written, the manifest last.
async fn write(
    endpoint: &Endpoint,
    look: &mut Session,
    before: &Picture,
    directory: &Path,
    options: &Options,
    meter: &Arc<Meter>,
    cancel: CancellationToken,
) -> Result<Manifest> {
    let server = Server::read(look).await?;
    let Frozen { mut control, readers, position, held, .. } =
        freeze(endpoint, &before.tables, &options.locks, options.patience).await?;
    let taken = jiff::Timestamp::now().to_string();
    let tasks = plan(look, &before.tables, options).await?;
    let tables = before.tables.clone();
    let shared = Shared::new(directory, tables, tasks, options.chunk_bytes, meter.clone(), cancel);
    let Work { placed, counted, readers } = read_all(readers, &Arc::new(shared)).await?;
    // The readers' transactions are still open: DDL that waits for them is not in this picture.
    let after = Picture::take(&mut control, &options.schemas).await?;
    before.unchanged(&after, &control)?;
    for reader in readers {
        reader.close().await?;
    }
    let chunks = in_order(placed);
    let entry = |(table, (rows, digest))| Entry { table, rows, digest };
    let tables: Vec<Entry> = before.tables.iter().cloned().zip(counted).map(entry).collect();
    complete(&tables, &chunks, directory)?;
    files::sync(directory).map_err(|error| disk::writing(directory, "sync the directory", error))?;
    let manifest = Manifest {
        format: FORMAT,
        id: hex::encode(rand::random::<[u8; 12]>()),
        taken,
        server_uuid: server.uuid,
        server_version: server.version.text,
        position,
        held_milliseconds: u64::try_from(held.as_millis()).unwrap_or(u64::MAX),
        schemas: after.schemas,
        tables,
        chunks,
    };
    manifest.write(directory).map_err(|error| disk::writing(directory, "write the manifest", error))?;
    control.close().await?;
    Ok(manifest)
}

/// Throws an incomplete snapshot away: only files that a snapshot makes, and only without a manifest.
pub fn discard(directory: &Path) -> std::io::Result<usize> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    let named = |path: &Path, end: &str| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(end));
    if paths.iter().any(|path| named(path, manifest::NAME)) {
        return Ok(0);
    }
    if let Some(foreign) = paths.iter().find(|path| !named(path, ".rows.zst") && !named(path, ".part")) {
        let why = format!("{} is no part of a snapshot: give an empty directory", foreign.display());
        return Err(std::io::Error::other(why));
    }
    paths.iter().try_for_each(std::fs::remove_file)?;
    Ok(paths.len())
}

/// Removes a snapshot with its directory, whole or half written; one that is not there is well. A file that is
/// no part of a snapshot is an error, and stays.
pub fn remove(directory: &Path) -> std::io::Result<()> {
    let absent = |error: std::io::Error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) };
    // The manifest first: what is left of a removal that was interrupted is no snapshot.
    std::fs::remove_file(directory.join(manifest::NAME)).or_else(absent)?;
    discard(directory)?;
    std::fs::remove_dir(directory).or_else(absent)
}

async fn plan(look: &mut Session, tables: &[Table], options: &Options) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    let most = options.locks.readers.len() as u64 * 4;
    for (index, table) in tables.iter().enumerate() {
        let parts = (table.estimated_bytes / options.chunk_bytes.max(1) as u64).clamp(1, most.max(1));
        let ranges = part(look, table, parts).await?;
        tasks.extend(ranges.into_iter().enumerate().map(|(part, range)| Task { table: index, part, range }));
    }
    // The largest tables first, so that no reader is left alone with one at the end.
    tasks.sort_by_key(|task| std::cmp::Reverse(tables[task.table].estimated_bytes));
    Ok(tasks)
}

fn in_order(mut placed: Vec<Placed>) -> Vec<Chunk> {
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, chunk)| chunk).collect()
}

/// The rows in the files have to be as many as the server counted at the same moment.
fn complete(tables: &[Entry], chunks: &[Chunk], directory: &Path) -> Result<()> {
    for (index, entry) in tables.iter().enumerate() {
        let stored: u64 = chunks.iter().filter(|chunk| chunk.table == index).map(|chunk| chunk.rows).sum();
        if stored != entry.rows {
            let why = format!("{} has {} rows, {stored} were read", entry.table.plain(), entry.rows);
            return Err(fault(directory, "take a complete snapshot", Kind::Permanent).because(why));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_something_else_in_it_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("thesis.txt"), "years").unwrap();
        assert!(discard(directory.path()).unwrap_err().to_string().contains("thesis.txt"));
        std::fs::remove_file(directory.path().join("thesis.txt")).unwrap();
        std::fs::write(directory.path().join("00000-0000-00000.rows.zst"), "").unwrap();
        assert_eq!(discard(directory.path()).unwrap(), 1);
    }
}
