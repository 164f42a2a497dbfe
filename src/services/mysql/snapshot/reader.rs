//! A reader: streams parts of tables into chunk files, with bounded memory.
//!
//! One chunk is being filled while the one before it is compressed and synced by another thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mysql_async::Value;
use mysql_async::prelude::Queryable;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::carry::{Carry, empty_is_an_error};
use super::manifest::Chunk;
use super::progress::Meter;
use super::ranges::Range;
use super::{disk, files, row};
use crate::services::mysql::fault::Intent;
use crate::services::mysql::session::Session;
use crate::services::mysql::table::Table;
use crate::services::{Kind, Result};

/// A part of a table to be read.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// Index of the table.
    pub table: usize,
    /// Which part of it: chunks are put in order by this.
    pub part: usize,
    /// The part's rows.
    pub range: Range,
}

/// What every reader needs.
#[derive(Debug)]
pub(super) struct Shared {
    pub directory: PathBuf,
    pub tables: Vec<Table>,
    tasks: Vec<Task>,
    next: AtomicUsize,
    chunk_bytes: usize,
    meter: Arc<Meter>,
    cancel: CancellationToken,
    /// One permit a chunk that is being written: threads go on writing when their reader was stopped.
    writing: Arc<Semaphore>,
}

/// So many chunks may be written at once; each is in memory.
const WRITING: u32 = 16;

impl Shared {
    pub(super) fn new(
        directory: &Path,
        tables: Vec<Table>,
        tasks: Vec<Task>,
        chunk_bytes: usize,
        meter: Arc<Meter>,
        cancel: CancellationToken,
    ) -> Self {
        let writing = Arc::new(Semaphore::new(WRITING as usize));
        let next = AtomicUsize::new(0);
        Self { directory: directory.to_owned(), tables, tasks, next, chunk_bytes, meter, cancel, writing }
    }

    /// Comes back when no thread is writing a chunk any more.
    pub(super) async fn until_nothing_is_written(&self) {
        // The semaphore is never closed.
        let _ = self.writing.acquire_many(WRITING).await;
    }
}

/// A chunk and its place: table, part, number within the part.
pub(super) type Placed = ((usize, usize, usize), Chunk);

/// Reads tasks until none is left, and gives the chunks that were written.
pub(super) async fn read(session: &mut Session, shared: &Arc<Shared>) -> Result<Vec<Placed>> {
    // Values in the column's own character set, unconverted.
    session.run("read bytes unconverted", "SET SESSION character_set_results = NULL").await?;
    let mut chunks = Vec::new();
    while let Some(task) = shared.tasks.get(shared.next.fetch_add(1, Ordering::Relaxed)) {
        read_part(session, shared, task, &mut chunks).await?;
    }
    Ok(chunks)
}

async fn read_part(session: &mut Session, shared: &Arc<Shared>, task: &Task, out: &mut Vec<Placed>) -> Result<()> {
    let table = &shared.tables[task.table];
    let doing = format!("read {}", table.plain());
    let enums: Vec<usize> =
        table.stored().enumerate().filter(|(_, column)| empty_is_an_error(column)).map(|(index, _)| index).collect();
    let mut filling = Filling::new(shared.clone(), task);
    let sql = select(table, &task.range);
    let endpoint = session.endpoint().clone();
    let broken = |error| crate::services::mysql::fault::of_statement(&endpoint, &doing, Intent::Read, error);
    let mut rows = session.conn().query_iter(sql).await.map_err(broken)?;
    while let Some(row) = rows.next().await.map_err(broken)? {
        if shared.cancel.is_cancelled() {
            return Err(endpoint.error(&doing, Kind::Interrupted));
        }
        let values = row.unwrap();
        let cells = values.iter().map(cell).collect::<Option<Vec<_>>>();
        let cells =
            cells.ok_or_else(|| endpoint.error(&doing, Kind::Permanent).because("a value came in an unknown form"))?;
        filling.empty_enums += enums.iter().filter(|index| cells[**index] == Some(b"")).count() as u64;
        row::encode(&mut filling.buffer, cells);
        filling.rows += 1;
        if filling.buffer.len() >= shared.chunk_bytes {
            filling.cut().await?;
        }
    }
    drop(rows);
    filling.end(out).await
}

#[expect(clippy::option_option, reason = "no value at all is not NULL")]
fn cell(value: &Value) -> Option<Option<&[u8]>> {
    match value {
        Value::NULL => Some(None),
        Value::Bytes(bytes) => Some(Some(bytes)),
        // The text protocol knows nothing else.
        _ => None,
    }
}

fn select(table: &Table, range: &Range) -> String {
    let columns: Vec<_> = table.stored().map(|column| Carry::of(column).select(column)).collect();
    let order = table.primary_sql().map_or_else(String::new, |key| format!(" ORDER BY {key}"));
    format!("SELECT {} FROM {} WHERE {range}{order}", columns.join(", "), table.sql())
}

/// The chunk being filled, and the one being written.
struct Filling {
    shared: Arc<Shared>,
    table: usize,
    part: usize,
    number: usize,
    buffer: Vec<u8>,
    rows: u64,
    empty_enums: u64,
    writing: Option<JoinHandle<std::io::Result<Placed>>>,
    done: Vec<Placed>,
}

impl Filling {
    fn new(shared: Arc<Shared>, task: &Task) -> Self {
        let (table, part) = (task.table, task.part);
        Self {
            shared,
            table,
            part,
            number: 0,
            buffer: Vec::new(),
            rows: 0,
            empty_enums: 0,
            writing: None,
            done: Vec::new(),
        }
    }

    async fn cut(&mut self) -> Result<()> {
        self.settle().await?;
        let place = (self.table, self.part, self.number);
        let file = format!("{:05}-{:04}-{:05}.rows.zst", place.0, place.1, place.2);
        let buffer = std::mem::take(&mut self.buffer);
        let (rows, empty_enums) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.empty_enums));
        self.number += 1;
        let shared = self.shared.clone();
        // The semaphore is never closed.
        let permit = shared.writing.clone().acquire_owned().await.ok();
        self.writing = Some(tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let stored = files::write_rows(&shared.directory, &file, &buffer)?;
            let bytes = buffer.len() as u64;
            shared.meter.add_stored(stored.bytes);
            shared.meter.add(rows, bytes);
            let chunk =
                Chunk { file, table: place.0, rows, bytes, stored: stored.bytes, sha256: stored.sha256, empty_enums };
            Ok((place, chunk))
        }));
        Ok(())
    }

    async fn settle(&mut self) -> Result<()> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        let written = writing.await.map_err(std::io::Error::other).and_then(|written| written);
        self.done.push(written.map_err(|error| disk::writing(&self.shared.directory, "write a chunk", error))?);
        Ok(())
    }

    async fn end(mut self, out: &mut Vec<Placed>) -> Result<()> {
        if self.rows > 0 {
            self.cut().await?;
        }
        self.settle().await?;
        out.append(&mut self.done);
        Ok(())
    }
}
