//! Loading a snapshot into an empty target, in parallel, resumed by chunk.
//!
//! Bare tables first, then the rows in the order of their primary keys, then indexes, foreign keys, routines,
//! views, triggers, and events (disabled). Works for an admin without SUPER. Everything here can be called
//! again after a crash: each part looks at what is there already.

mod chunk;
pub mod ddl;
mod insert;
mod objects;
pub mod state;
pub mod unload;

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::chunk::Way;
use self::state::Standing;
use super::endpoint::Endpoint;
use super::lock::LockName;
use super::server::Server;
use super::session::Session;
use super::snapshot::manifest::fault;
use super::snapshot::progress::{Listener, Meter};
use super::snapshot::{Chunk, Manifest};
use crate::services::{Kind, Result};

/// How to load.
#[derive(Debug, Clone)]
pub struct Options {
    /// The sessions' lock names; one loader each, at least one.
    pub locks: Vec<LockName>,
}

impl Options {
    /// The names for one step of one run, with this many loaders.
    #[must_use]
    pub fn new(run: &str, step: &str, loaders: usize) -> Self {
        Self { locks: (0..loaders.max(1)).map(|n| LockName::new(run, step, &format!("loader{n}"))).collect() }
    }
}

/// What a load did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    /// Chunks loaded by this call.
    pub chunks: usize,
    /// Chunks that were there from an earlier attempt.
    pub resumed: usize,
}

/// Loads the snapshot in `directory`, or the rest of it. Sessions of an earlier attempt have to be ended first.
pub async fn load(
    endpoint: &Endpoint,
    directory: &Path,
    options: &Options,
    listener: Listener,
    cancel: CancellationToken,
) -> Result<Loaded> {
    let manifest = Arc::new(Manifest::read(directory)?);
    let mut sessions = Vec::new();
    for lock in &options.locks {
        let mut session = Session::locked(endpoint, "load", lock).await?;
        session.run("set up the load", "SET SESSION foreign_key_checks = 0, SESSION unique_checks = 0").await?;
        sessions.push(session);
    }
    let Some(first) = sessions.first_mut() else {
        return Err(endpoint.error("load a snapshot", Kind::Permanent).because("no loader was asked for"));
    };
    let server = Server::read(first).await?;
    let loaded = match state::standing(first, &manifest).await? {
        Standing::Absent => {
            state::claim(first, &manifest).await?;
            HashSet::default()
        }
        Standing::Begun { complete: true, loaded } => return Ok(Loaded { chunks: 0, resumed: loaded.len() }),
        Standing::Begun { loaded, .. } => loaded,
        Standing::Other(id) => {
            let why = format!("a load of another snapshot ({id}) is there");
            return Err(endpoint
                .error("begin the load", Kind::Conflict)
                .because(why)
                .next("roll that restore back first"));
        }
    };
    objects::make_tables(first, &manifest.schemas).await?;

    let resumed = loaded.len();
    let meter = Meter::new(manifest.rows(), listener);
    let (there, todo): (Vec<&Chunk>, Vec<&Chunk>) =
        manifest.chunks.iter().partition(|chunk| loaded.contains(&chunk.file));
    meter.add(there.iter().map(|chunk| chunk.rows).sum(), there.iter().map(|chunk| chunk.bytes).sum());
    let chunks = todo.len();
    let shared = Arc::new(Shared {
        directory: directory.to_owned(),
        queue: Mutex::new(todo.into_iter().cloned().collect()),
        tables: Mutex::new(
            (0..manifest.schemas.len())
                .flat_map(|s| (0..manifest.schemas[s].tables.len()).map(move |t| (s, t)))
                .collect(),
        ),
        manifest: manifest.clone(),
        way: if server.local_infile { Way::Infile } else { Way::Insert },
        meter,
        cancel,
    });
    let mut sessions = together(sessions, &shared, Phase::Rows).await?;
    sessions = together(sessions, &shared, Phase::Indexes).await?;
    if let Some(first) = sessions.first_mut() {
        objects::make_rest(first, &manifest.schemas).await?;
        state::mark_complete(first, &manifest).await?;
    }
    for session in sessions {
        session.close().await?;
    }
    Ok(Loaded { chunks, resumed })
}

struct Shared {
    directory: PathBuf,
    manifest: Arc<Manifest>,
    queue: Mutex<VecDeque<Chunk>>,
    tables: Mutex<VecDeque<(usize, usize)>>,
    way: Way,
    meter: Meter,
    cancel: CancellationToken,
}

#[derive(Clone, Copy)]
enum Phase {
    Rows,
    Indexes,
}

/// Lets every session work through a phase; the first fault stops all of them.
async fn together(sessions: Vec<Session>, shared: &Arc<Shared>, phase: Phase) -> Result<Vec<Session>> {
    let mut running = JoinSet::new();
    for mut session in sessions {
        let shared = shared.clone();
        running.spawn(async move {
            match phase {
                Phase::Rows => rows(&mut session, &shared).await?,
                Phase::Indexes => indexes(&mut session, &shared).await?,
            }
            Ok(session)
        });
    }
    let mut back = Vec::new();
    while let Some(ended) = running.join_next().await {
        let outcome: Result<Session> = ended
            .map_err(|error| fault(&shared.directory, "run a loader", Kind::Permanent).because(error))
            .and_then(|outcome| outcome);
        back.push(outcome?);
    }
    Ok(back)
}

async fn rows(session: &mut Session, shared: &Shared) -> Result<()> {
    while let Some(chunk) = take(&shared.queue) {
        stop_if_asked(session, shared)?;
        let packed = chunk.load(&shared.directory).await?;
        chunk::load(session, &shared.manifest, &chunk, packed, shared.way).await?;
        shared.meter.add(chunk.rows, chunk.bytes);
    }
    Ok(())
}

async fn indexes(session: &mut Session, shared: &Shared) -> Result<()> {
    while let Some((schema, table)) = take(&shared.tables) {
        stop_if_asked(session, shared)?;
        let schema = &shared.manifest.schemas[schema];
        let table = &schema.tables[table];
        for statement in objects::missing_indexes(session, schema, table).await? {
            session.run(&format!("make the indexes of {}.{}", schema.name, table.name), &statement).await?;
        }
    }
    Ok(())
}

fn take<T>(queue: &Mutex<VecDeque<T>>) -> Option<T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

fn stop_if_asked(session: &Session, shared: &Shared) -> Result<()> {
    if !shared.cancel.is_cancelled() {
        return Ok(());
    }
    Err(session.endpoint().error("load a snapshot", Kind::Interrupted))
}
