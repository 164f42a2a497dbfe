//! What a snapshot holds. Written last: a directory with a valid manifest is a complete snapshot.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::files;
use crate::services::mysql::schema::{Schema, counter_in};
use crate::services::mysql::table::Table;
use crate::services::{Error, Kind, Result};

/// The format that this program writes and reads.
pub const FORMAT: u32 = 1;

/// The manifest's file name.
pub const NAME: &str = "manifest.json";

/// A complete snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format's version.
    pub format: u32,
    /// A name for this snapshot that no other has.
    pub id: String,
    /// When it was taken (the moment that it shows), RFC 3339.
    pub taken: String,
    /// `@@server_uuid` of the server it was taken from.
    pub server_uuid: String,
    /// That server's version.
    pub server_version: String,
    /// Where in the binary log it stands.
    pub position: Position,
    /// How long writes were held up while it began, in milliseconds.
    pub held_milliseconds: u64,
    /// Everything but the rows.
    pub schemas: Vec<Schema>,
    /// The tables.
    pub tables: Vec<Entry>,
    /// The files with rows: tables in order, each in the order of its primary key.
    pub chunks: Vec<Chunk>,
}

/// A moment in a binary log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// `@@gtid_mode` at that moment. Transactions from before GTIDs are in no GTID set.
    pub gtid_mode: String,
    /// `@@gtid_executed` at that moment.
    pub gtid_executed: String,
    /// The log's file; empty where there is no binary log.
    pub file: String,
    /// Offset in that file, in bytes.
    pub offset: u64,
}

/// A table of the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The table.
    pub table: Table,
    /// Its rows, counted by the server inside the snapshot.
    pub rows: u64,
    /// Their digest ([`super::digest`]), worked out by the server inside the snapshot.
    pub digest: String,
}

/// A file with rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// File name in the snapshot's directory.
    pub file: String,
    /// Index into the manifest's tables.
    pub table: usize,
    /// Rows in it.
    pub rows: u64,
    /// Size before compression, in bytes.
    pub bytes: u64,
    /// Size of the file, in bytes.
    pub stored: u64,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Cells in it that hold the error value of an ENUM (index 0): loading each warns, and that many warnings are right.
    #[serde(default)]
    pub empty_enums: u64,
}

impl Manifest {
    /// Rows in all.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|entry| entry.rows).sum()
    }

    /// Bytes before compression in all.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.bytes).sum()
    }

    /// Bytes on disk in all, the manifest not counted.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.stored).sum()
    }

    /// Where the tables' AUTO_INCREMENT counters stood, by `schema.table`; none where a table has none, or
    /// still stands at 1.
    #[must_use]
    pub fn counters(&self) -> BTreeMap<String, u64> {
        let tables = self.schemas.iter().flat_map(|schema| schema.tables.iter().map(move |table| (schema, table)));
        let counter = |statement: &str| -> Option<u64> {
            let (_, number) = statement[counter_in(statement)?].split_once('=')?;
            number.parse().ok()
        };
        tables
            .filter_map(|(schema, table)| Some((format!("{}.{}", schema.name, table.name), counter(&table.statement)?)))
            .collect()
    }

    /// Writes it whole: the last act of a snapshot.
    pub fn write(&self, directory: &Path) -> std::io::Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?;
        files::write_whole(directory, NAME, &text)
    }

    /// Reads the manifest of a complete snapshot. [`Kind::NotFound`] where there is none.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(NAME);
        let text = std::fs::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => fault(directory, "find a complete snapshot", Kind::NotFound).because(error),
            _ => fault(directory, "read the manifest", Kind::Permanent).because(error),
        })?;
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|error| fault(directory, "understand the manifest", Kind::Permanent).because(error))?;
        if manifest.format != FORMAT {
            let why = format!("it is of format {}, this program reads {FORMAT}", manifest.format);
            return Err(fault(directory, "read the manifest", Kind::Permanent).because(why));
        }
        Ok(manifest)
    }

    /// Checks every file against its hash; the first bad one is the error. Stops between two files when it is cancelled.
    pub async fn check_files(&self, directory: &Path, cancel: &CancellationToken) -> Result<()> {
        for chunk in &self.chunks {
            if cancel.is_cancelled() {
                return Err(fault(directory, "check every file", Kind::Interrupted));
            }
            chunk.load(directory).await?;
        }
        Ok(())
    }
}

impl Chunk {
    /// The file's bytes as stored, checked against the manifest: by a thread of its own, because nothing else would go
    /// on meanwhile, neither a step's timeout nor a request to stop.
    pub async fn load(&self, directory: &Path) -> Result<Vec<u8>> {
        let (chunk, place) = (self.clone(), directory.to_owned());
        let read = tokio::task::spawn_blocking(move || chunk.read(&place)).await;
        read.map_err(|why| fault(directory, format!("read {}", self.file), Kind::Permanent).because(why))?
    }

    fn read(&self, directory: &Path) -> Result<Vec<u8>> {
        let path: PathBuf = directory.join(&self.file);
        let doing = format!("read {}", self.file);
        let bytes = std::fs::read(path).map_err(|error| fault(directory, &doing, Kind::Permanent).because(error))?;
        if hex::encode(Sha256::digest(&bytes)) != self.sha256 {
            let why = "its content is not what the manifest says: the snapshot is damaged";
            return Err(fault(directory, doing, Kind::Permanent).because(why).next("take another snapshot"));
        }
        Ok(bytes)
    }
}

/// A fault of a snapshot's directory.
pub(in crate::services::mysql) fn fault(directory: &Path, doing: impl Into<String>, kind: Kind) -> Error {
    Error::new("snapshot", directory.display().to_string(), doing, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_one_file(content: &str) -> Manifest {
        let sha256 = hex::encode(Sha256::digest(content));
        let chunk = Chunk { file: "a".into(), table: 0, rows: 1, bytes: 1, stored: 1, sha256, empty_enums: 0 };
        Manifest {
            format: FORMAT,
            id: String::new(),
            taken: String::new(),
            server_uuid: String::new(),
            server_version: String::new(),
            position: Position::default(),
            held_milliseconds: 0,
            schemas: Vec::new(),
            tables: Vec::new(),
            chunks: vec![chunk],
        }
    }

    #[tokio::test]
    async fn files_are_checked_until_one_is_bad_or_somebody_asks_to_stop() {
        let (directory, cancel) = (tempfile::tempdir().unwrap(), CancellationToken::new());
        std::fs::write(directory.path().join("a"), "rows").unwrap();
        of_one_file("rows").check_files(directory.path(), &cancel).await.unwrap();
        let bad = of_one_file("others").check_files(directory.path(), &cancel).await.unwrap_err();
        assert_eq!(bad.kind, Kind::Permanent);
        cancel.cancel();
        let stopped = of_one_file("others").check_files(directory.path(), &cancel).await.unwrap_err();
        assert_eq!(stopped.kind, Kind::Interrupted);
    }
}
