//! Whether two servers hold the same: every row of every table, and everything that is not a row.
//!
//! The caller holds both sides still (a consistent snapshot on one, a stopped applier on the other); here
//! each chunk is counted and hashed by the servers themselves, with SQL that shares nothing with the code
//! that copied the rows. A chunk that differs is read again, and its differing keys are named.

mod chunk;
mod counters;
mod hash;
mod objects;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio_util::sync::CancellationToken;

use super::rights;
use super::session::Session;
use super::table::{Table, read_tables};
use crate::services::{Error, Kind, Result};
use chunk::Chunk;
pub use counters::Counters;
pub use objects::digests;

/// Two sessions that see the two sides at the moment of the comparison.
pub struct Pair {
    /// The side that is right.
    pub source: Session,
    /// The side that is looked at.
    pub target: Session,
}

/// What a comparison saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Tables on the source.
    pub tables: usize,
    /// Pieces that were compared.
    pub chunks: usize,
    /// Rows that were compared.
    pub rows: u64,
    /// What is not the same, a line each; empty where all is.
    pub differences: Vec<String>,
}

/// How far a comparison is: chunks done, of how many.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// How a comparison goes about its work.
pub struct Pace<'a> {
    /// Told after each chunk.
    pub progress: Progress<'a>,
    /// Stops it between two chunks.
    pub cancel: &'a CancellationToken,
    /// The share of the time in which a pair asks its servers anything, in percent: the rest is the tenants'.
    pub busy_percent: u8,
}

impl Pace<'_> {
    /// Leaves the servers alone after a chunk that took so long, as long as the share says.
    async fn rest(&self, took: Duration) {
        let busy = u32::from(self.busy_percent.clamp(1, 100));
        tokio::select! {
            () = tokio::time::sleep(took * (100 - busy) / busy) => {}
            () = self.cancel.cancelled() => {}
        }
    }
}

/// Compares `schemas` by all pairs at once; `counters` are what a snapshot of the source recorded, empty where
/// there is none.
///
/// # Errors
/// What a server says; [`Kind::Interrupted`] where it was cancelled. A difference is no error.
pub async fn compare(
    pairs: &mut [Pair],
    schemas: &[String],
    counters: &Counters,
    pace: &Pace<'_>,
) -> Result<Comparison> {
    let Some(first) = pairs.first_mut() else { return Ok(Comparison::default()) };
    sees_all(&mut first.source, schemas).await?;
    sees_all(&mut first.target, schemas).await?;
    let mut differences = objects::differences(first, schemas).await?;
    differences.extend(counters::behind(first, schemas, counters).await?);
    let tables = read_tables(&mut first.source, schemas).await?;
    let there = read_tables(&mut first.target, schemas).await?;
    let is_there = |table: &Table| there.iter().any(|other| other.schema == table.schema && other.name == table.name);
    let mut chunks = Vec::new();
    for table in &tables {
        if is_there(table) {
            chunks.extend(chunk::split(&mut first.source, table).await?);
        }
    }
    let (next, done, rows) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let total = chunks.len() as u64;
    let work = pairs.iter_mut().map(|pair| async {
        let mut found = Vec::new();
        while let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
            if pace.cancel.is_cancelled() {
                return Err(Error::new("comparison", "both servers", "finish it", Kind::Interrupted));
            }
            let began = Instant::now();
            rows.fetch_add(one(pair, chunk, &mut found).await?, Ordering::Relaxed);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            (pace.progress)(done, total);
            // After the last there is nothing to make room before.
            if done < total {
                pace.rest(began.elapsed()).await;
            }
        }
        Ok(found)
    });
    differences.extend(try_join_all(work).await?.into_iter().flatten());
    Ok(Comparison { tables: tables.len(), chunks: chunks.len(), rows: rows.into_inner(), differences })
}

/// What one side hides is no difference where the other hides it too.
async fn sees_all(session: &mut Session, schemas: &[String]) -> Result<()> {
    let unseen = rights::unseen(session, schemas).await?;
    if unseen.is_empty() {
        return Ok(());
    }
    let refused = session.refuse("compare everything", unseen.join("; "));
    Err(refused.next("give the account what the brackets say, then compare again"))
}

/// Compares one chunk; the number of its rows on the source.
async fn one(pair: &mut Pair, chunk: &Chunk<'_>, found: &mut Vec<String>) -> Result<u64> {
    for again in [false, true] {
        let (source, target) =
            tokio::try_join!(hash::sums(&mut pair.source, chunk), hash::sums(&mut pair.target, chunk))?;
        if source == target {
            return Ok(source.rows);
        }
        if again {
            let keys = hash::differing(pair, chunk).await?;
            found.push(format!("{}: {} rows here, {} there; {keys}", chunk.name(), source.rows, target.rows));
            return Ok(source.rows);
        }
    }
    Ok(0)
}
