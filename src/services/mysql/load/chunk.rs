//! Loading one chunk: its rows and its mark in one transaction, and any warning is an error.
//!
//! LOAD DATA LOCAL skips what it cannot store and says so only in warnings, and a stream that breaks off
//! still ends as if it were whole: so the rows are counted, and everything is rolled back at the first doubt.

use bytes::Bytes;
use mysql_async::prelude::Queryable;
use tokio::sync::mpsc;

use super::insert;
use super::state::SCHEMA;
use crate::services::mysql::fault::Intent;
use crate::services::mysql::quote::{identifier, literal};
use crate::services::mysql::session::Session;
use crate::services::mysql::snapshot::carry::Carry;
use crate::services::mysql::snapshot::{Chunk, Manifest};
use crate::services::mysql::table::Table;
use crate::services::{Kind, Result};

/// Bytes handed to the server at a time.
const PIECE: usize = 256 * 1024;

/// How rows get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// LOAD DATA LOCAL INFILE.
    Infile,
    /// INSERTs of many rows: where the server takes no local files.
    Insert,
}

/// Loads a chunk whose stored bytes have been checked.
pub(super) async fn load(
    session: &mut Session,
    manifest: &Manifest,
    chunk: &Chunk,
    packed: Vec<u8>,
    way: Way,
) -> Result<()> {
    let table = &manifest.tables[chunk.table].table;
    let doing = format!("load {} into {}", chunk.file, table.plain());
    // An ENUM's error value cannot be written without a warning; so many are expected, and no others.
    let strict = if chunk.empty_enums > 0 { "" } else { "STRICT_ALL_TABLES," };
    let mode =
        format!("SET SESSION sql_mode = '{strict}NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION'");
    session.run(&doing, &mode).await?;
    session.run(&doing, "START TRANSACTION").await?;
    let outcome = fill(session, table, chunk, packed, way, &doing).await;
    let outcome = match outcome {
        Ok(()) => mark(session, manifest, chunk, &doing).await,
        failed => failed,
    };
    if let Err(error) = outcome {
        // Nothing was committed; where the session is gone the server rolls back by itself.
        let _ = session.run("roll the chunk back", "ROLLBACK").await;
        return Err(if error.kind == Kind::Unknown {
            crate::services::Error { kind: Kind::Transient, ..error }
        } else {
            error
        });
    }
    session.run(&format!("commit {}", chunk.file), "COMMIT").await
}

async fn fill(
    session: &mut Session,
    table: &Table,
    chunk: &Chunk,
    packed: Vec<u8>,
    way: Way,
    doing: &str,
) -> Result<()> {
    let rows = match way {
        Way::Infile => infile(session, table, packed, doing).await?,
        Way::Insert => insert::rows(session, table, packed, chunk.empty_enums, doing).await?,
    };
    if way == Way::Infile {
        no_other_warnings(session, chunk.empty_enums, doing).await?;
    }
    if rows == chunk.rows {
        return Ok(());
    }
    Err(session.refuse(doing, format!("{rows} rows went in, the chunk has {}", chunk.rows)))
}

async fn infile(session: &mut Session, table: &Table, packed: Vec<u8>, doing: &str) -> Result<u64> {
    let (send, receive) = mpsc::channel::<std::io::Result<Bytes>>(4);
    let unpacking = tokio::task::spawn_blocking(move || unpack(&packed, &send));
    let stream = futures_util::stream::unfold(receive, |mut receive| async {
        receive.recv().await.map(|piece| (piece, receive))
    });
    session.conn().set_infile_handler(async move { Ok(Box::pin(stream) as mysql_async::InfileData) });
    let outcome = session.conn().query_drop(statement(table)).await;
    // A statement that was refused never asked for the rows: their stream still stands in the connection, and the
    // unpacking would wait for it for ever. Nothing in its place ends both.
    session.conn().set_infile_handler(async { Ok(Box::pin(futures_util::stream::empty()) as mysql_async::InfileData) });
    outcome.map_err(|error| session.fault(doing, Intent::Write, error))?;
    if !unpacking.await.unwrap_or(false) {
        return Err(session.refuse(doing, "the chunk could not be unpacked to its end"));
    }
    Ok(session.conn().affected_rows())
}

/// Unpacks piece by piece; false where it broke off.
fn unpack(packed: &[u8], send: &mpsc::Sender<std::io::Result<Bytes>>) -> bool {
    use std::io::Read;
    let mut reader = match zstd::Decoder::new(packed) {
        Ok(reader) => reader,
        Err(error) => {
            let _ = send.blocking_send(Err(error));
            return false;
        }
    };
    loop {
        let mut piece = vec![0; PIECE];
        match reader.read(&mut piece) {
            Ok(0) => return true,
            Ok(length) => {
                piece.truncate(length);
                if send.blocking_send(Ok(piece.into())).is_err() {
                    return false;
                }
            }
            Err(error) => {
                let _ = send.blocking_send(Err(error));
                return false;
            }
        }
    }
}

fn statement(table: &Table) -> String {
    let mut columns = Vec::new();
    let mut sets = Vec::new();
    for (index, column) in table.stored().enumerate() {
        let variable = format!("@c{index}");
        match Carry::of(column).convert(&variable) {
            None => columns.push(identifier(&column.name)),
            Some(value) => {
                columns.push(variable);
                sets.push(format!("{} = {value}", identifier(&column.name)));
            }
        }
    }
    let sets = if sets.is_empty() { String::new() } else { format!(" SET {}", sets.join(", ")) };
    format!(
        "LOAD DATA LOCAL INFILE 'cutover' INTO TABLE {} CHARACTER SET binary \
         FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ({}){sets}",
        table.sql(),
        columns.join(", ")
    )
}

/// Warnings are errors, but for the `expected` ones about an ENUM's error value (1265).
pub(super) async fn no_other_warnings(session: &mut Session, expected: u64, doing: &str) -> Result<()> {
    let count = u64::from(session.conn().get_warnings());
    if count == 0 && expected == 0 {
        return Ok(());
    }
    let warnings: Vec<(String, u16, String)> = session.query(doing, "SHOW WARNINGS").await?;
    // The counter of the protocol ends at 65535, and so does the list.
    let right = count == expected.min(u64::from(u16::MAX)) && warnings.iter().all(|(_, code, _)| *code == 1265);
    if right {
        return Ok(());
    }
    let first: Vec<_> = warnings.iter().take(3).map(|(_, code, text)| format!("{code}: {text}")).collect();
    Err(session.refuse(doing, format!("{count} warning(s), first {}", first.join("; "))))
}

async fn mark(session: &mut Session, manifest: &Manifest, chunk: &Chunk, doing: &str) -> Result<()> {
    let sql = format!(
        "INSERT INTO {SCHEMA}.loaded_chunks VALUES ({}, {}, {})",
        literal(&manifest.id),
        literal(&chunk.file),
        chunk.rows
    );
    session.run(doing, &sql).await
}
