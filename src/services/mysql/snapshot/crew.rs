//! The readers together: the first fault stops all of them, and no file is being written any more when they
//! have come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::digest;
use super::manifest::fault;
use super::reader::{self, Placed, Shared};
use crate::services::mysql::session::Session;
use crate::services::{Kind, Result};

/// Rows and digest of a table, counted and worked out by the server inside the snapshot.
pub(super) type Counted = (u64, String);

/// What all of them did.
pub(super) struct Work {
    /// The chunks, in no order.
    pub placed: Vec<Placed>,
    /// By table.
    pub counted: Vec<Counted>,
    /// The readers, still in their transactions: what waits for those to end has not happened yet.
    pub readers: Vec<Session>,
}

/// What one did.
type Part = (Session, Vec<Placed>, Vec<(usize, Counted)>);

/// Runs them to their end.
pub(super) async fn read_all(readers: Vec<Session>, shared: &Arc<Shared>) -> Result<Work> {
    let mut running = JoinSet::new();
    let next = Arc::new(AtomicUsize::new(0));
    for session in readers {
        running.spawn(one(session, shared.clone(), next.clone()));
    }
    let mut work = Work {
        placed: Vec::new(),
        counted: vec![(0, String::new()); shared.tables.len()],
        readers: Vec::with_capacity(running.len()),
    };
    while let Some(ended) = running.join_next().await {
        let outcome: Result<Part> = ended
            .map_err(|error| fault(&shared.directory, "run a reader", Kind::Permanent).because(error))
            .and_then(|outcome| outcome);
        match outcome {
            Ok((session, placed, counted)) => {
                work.readers.push(session);
                work.placed.extend(placed);
                for (index, counted) in counted {
                    work.counted[index] = counted;
                }
            }
            Err(error) => {
                running.shutdown().await;
                shared.until_nothing_is_written().await;
                return Err(error);
            }
        }
    }
    Ok(work)
}

async fn one(mut session: Session, shared: Arc<Shared>, next: Arc<AtomicUsize>) -> Result<Part> {
    let placed = reader::read(&mut session, &shared).await?;
    let mut counted = Vec::new();
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(table) = shared.tables.get(index) else { break };
        counted.push((index, digest::digest(&mut session, table).await?));
    }
    Ok((session, placed, counted))
}
