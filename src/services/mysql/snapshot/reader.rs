//! A reader: streams parts of tables into chunk files, with bounded memory.
//!
//! One chunk is being filled while the one before it is compressed and synced by another thread.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mysql_async::Value;
use mysql_async::prelude::Queryable;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::carry::{Carry, empty_is_an_error};
use super::files;
use super::manifest::{Chunk, fault};
use super::progress::Meter;
use super::ranges::Range;
use super::row;
use crate::services::mysql::fault::Intent;
use crate::services::mysql::session::Session;
use crate::services::mysql::table::Table;
use crate::services::{Error, Kind, Result};

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
    pub tasks: Vec<Task>,
    pub next: AtomicUsize,
    pub chunk_bytes: usize,
    pub meter: Meter,
    pub cancel: CancellationToken,
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
            return Err(endpoint.error(&doing, Kind::Transient).because("stopped on request"));
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
        self.writing = Some(tokio::task::spawn_blocking(move || {
            let stored = files::write_rows(&shared.directory, &file, &buffer)?;
            let bytes = buffer.len() as u64;
            shared.meter.add(rows, bytes);
            let chunk =
                Chunk { file, table: place.0, rows, bytes, stored: stored.bytes, sha256: stored.sha256, empty_enums };
            Ok((place, chunk))
        }));
        Ok(())
    }

    async fn settle(&mut self) -> Result<()> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        let failed = |why: Box<dyn std::error::Error + Send + Sync>| -> Error {
            fault(&self.shared.directory, "write a chunk", Kind::Permanent)
                .because(why)
                .next("is there room on the disk, and may this user write there?")
        };
        self.done.push(writing.await.map_err(|error| failed(error.into()))?.map_err(|error| failed(error.into()))?);
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
