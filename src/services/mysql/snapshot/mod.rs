//! A consistent snapshot of a server's schemas, in a directory.
//!
//! Several sessions read at once and see one moment ([`freeze`]); rows go into compressed chunk files
//! ([`reader`]), and the manifest is written last ([`manifest`]). A crash loses the moment: what is there
//! without a manifest is thrown away, never gone on with.

pub mod carry;
pub mod digest;
pub mod files;
pub mod freeze;
pub mod manifest;
pub mod progress;
pub mod ranges;
mod reader;
pub mod row;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use freeze::{Locks, Patience};
pub use manifest::{Chunk, Entry, Manifest, Position};
pub use progress::{Listener, Progress};

use self::freeze::{Frozen, freeze};
use self::manifest::{FORMAT, fault};
use self::progress::Meter;
use self::ranges::part;
use self::reader::{Placed, Shared, Task};
use super::endpoint::Endpoint;
use super::schema::{Schema, read_schemas};
use super::server::Server;
use super::session::Session;
use super::table::{Table, read_tables};
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
/// A complete snapshot that is there already is given back as it is.
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
    let disk = |error: std::io::Error| fault(directory, "prepare the directory", Kind::Permanent).because(error);
    discard(directory).map_err(disk)?;
    files::make_private(directory).map_err(disk)?;

    let mut look = Session::open(endpoint).await?;
    let before = Picture::take(&mut look, &options.schemas).await?;
    let objections = freeze::objections(&mut look, &before.tables).await?;
    if !objections.is_empty() {
        return Err(look.refuse("take a snapshot", objections.join("; ")));
    }
    let server = Server::read(&mut look).await?;
    let Frozen { mut control, readers, position, held, .. } =
        freeze(endpoint, &before.tables, &options.locks, options.patience).await?;
    let taken = jiff::Timestamp::now().to_string();

    let tasks = plan(&mut look, &before.tables, options).await?;
    let estimate = before.tables.iter().map(|table| table.estimated_rows).sum();
    let shared = Arc::new(Shared {
        directory: directory.to_owned(),
        tables: before.tables.clone(),
        tasks,
        next: AtomicUsize::new(0),
        chunk_bytes: options.chunk_bytes,
        meter: Meter::new(estimate, listener),
        cancel,
    });
    let (placed, rows) = read_all(readers, &shared).await?;
    let after = Picture::take(&mut control, &options.schemas).await?;
    if let Some(changed) = before.differs(&after) {
        let why = format!("{changed} was changed while the snapshot was being taken");
        return Err(control.refuse("take a snapshot", why).next("keep DDL away, then take it again"));
    }
    let chunks = in_order(placed);
    let tables: Vec<Entry> =
        before.tables.into_iter().zip(rows).map(|(table, (rows, digest))| Entry { table, rows, digest }).collect();
    complete(&tables, &chunks, directory)?;
    files::sync(directory).map_err(disk)?;
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
    manifest
        .write(directory)
        .map_err(|error| fault(directory, "write the manifest", Kind::Permanent).because(error))?;
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

/// The schemas as they are at one look: compared with a second look, to find DDL in between.
struct Picture {
    tables: Vec<Table>,
    schemas: Vec<Schema>,
    made: Vec<(String, String)>,
}

impl Picture {
    async fn take(session: &mut Session, names: &[String]) -> Result<Self> {
        let tables = read_tables(session, names).await?;
        let schemas = read_schemas(session, names).await?;
        // TRUNCATE and a rebuild leave the statement as it is but make the table anew.
        let sql = format!(
            "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), CAST(CREATE_TIME AS CHAR) FROM information_schema.TABLES \
             WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN ({}) ORDER BY 1",
            super::quote::literals(names)
        );
        let made = session.query("read when the tables were made", &sql).await?;
        Ok(Self { tables, schemas, made })
    }

    fn differs(&self, later: &Self) -> Option<String> {
        let statements = |picture: &Self| -> Vec<(String, String)> {
            let all = picture.schemas.iter().flat_map(|schema| {
                let objects = [&schema.tables, &schema.views, &schema.routines, &schema.triggers, &schema.events];
                objects
                    .into_iter()
                    .flatten()
                    .map(|object| (format!("{}.{}", schema.name, object.name), without_counter(&object.statement)))
            });
            all.chain(picture.made.clone()).collect()
        };
        let (mut one, mut other) = (statements(self), statements(later));
        let changed = one.iter().find(|object| !other.contains(object)).cloned();
        changed
            .or_else(|| {
                one.sort();
                other.sort();
                other.into_iter().find(|object| one.binary_search(object).is_err())
            })
            .map(|(name, _)| name)
    }
}

/// A table's statement without its `AUTO_INCREMENT=n`, which moves with every row.
#[must_use]
pub fn without_counter(statement: &str) -> String {
    let Some(at) = statement.rfind(" AUTO_INCREMENT=") else { return statement.to_owned() };
    let (head, tail) = statement.split_at(at);
    let rest = tail[" AUTO_INCREMENT=".len()..].trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{head}{rest}")
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

/// Rows and digest of a table.
type Counted = (u64, String);

/// What one reader wrote, and what it counted, by table.
type Read = (Vec<Placed>, Vec<(usize, Counted)>);

/// Runs the readers to their end; the first fault stops all of them. Counts and hashes the rows inside the snapshot.
async fn read_all(readers: Vec<Session>, shared: &Arc<Shared>) -> Result<(Vec<Placed>, Vec<Counted>)> {
    let mut running = JoinSet::new();
    let counted = Arc::new(AtomicUsize::new(0));
    for mut session in readers {
        let (shared, counted) = (shared.clone(), counted.clone());
        running.spawn(async move {
            let chunks = reader::read(&mut session, &shared).await?;
            let mut counts = Vec::new();
            loop {
                let index = counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(table) = shared.tables.get(index) else { break };
                let (rows, digest) = digest::digest(&mut session, table).await?;
                counts.push((index, (rows, digest)));
            }
            session.close().await?;
            Ok((chunks, counts))
        });
    }
    let (mut placed, mut rows) = (Vec::new(), vec![(0, String::new()); shared.tables.len()]);
    while let Some(ended) = running.join_next().await {
        let outcome: Result<Read> = ended
            .map_err(|error| fault(&shared.directory, "run a reader", Kind::Permanent).because(error))
            .and_then(|outcome| outcome);
        let (chunks, counts) = outcome?;
        placed.extend(chunks);
        for (index, counted) in counts {
            rows[index] = counted;
        }
    }
    Ok((placed, rows))
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
    fn a_counter_is_no_part_of_a_tables_shape() {
        let statement = "CREATE TABLE `t` (\n) ENGINE=InnoDB AUTO_INCREMENT=12 DEFAULT CHARSET=utf8mb4";
        assert_eq!(without_counter(statement), "CREATE TABLE `t` (\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4");
    }

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
