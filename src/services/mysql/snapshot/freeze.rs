//! One moment, seen by several sessions at once.
//!
//! Writers are held for as long as it takes every session to start its consistent snapshot and the position
//! to be read, a fraction of a second. By the global read lock where the account may take it and nothing is
//! in its way; else by locks on the tables, which a managed server allows too. Either wait is bounded, since
//! a waiting lock holds up every other writer behind it.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio::time::timeout;

use super::manifest::Position;
use super::waiting::{Tries, anything_long, once, patiently};
use crate::services::error::{Error, Kind, Result};
use crate::services::mysql::endpoint::Endpoint;
use crate::services::mysql::fault::code;
use crate::services::mysql::lock::LockName;
use crate::services::mysql::rights;
use crate::services::mysql::server::Server;
use crate::services::mysql::session::{IDLE, Session};
use crate::services::mysql::table::Table;

/// The longest that writers are held once the lock is had.
const MOMENT: Duration = Duration::from_secs(5);
/// So long may the session that holds them ask nothing: longer than [`MOMENT`], so that whoever gives up is told why.
const LEASH: Duration = Duration::from_secs(10);

/// Sessions that see the same moment.
#[derive(Debug)]
pub struct Frozen {
    /// Holds what keeps DDL away; carries out the catalogue's reads.
    pub control: Session,
    /// Each inside a read-only transaction of the same moment.
    pub readers: Vec<Session>,
    /// The moment.
    pub position: Position,
    /// How long writers were held.
    pub held: Duration,
    /// Whether the server keeps DDL away until the control session ends (LOCK INSTANCE FOR BACKUP).
    pub ddl_held: bool,
}

/// How often the lock is tried, and how long each try may hold writers up.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Tries.
    pub tries: u32,
    /// The longest wait of one try; whole seconds, at least one.
    pub each: Duration,
    /// The pause between tries, so that held writers get through.
    pub between: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: 5, each: Duration::from_secs(2), between: Duration::from_secs(3) }
    }
}

/// Opens a control session and one reader per lock name, all at one moment.
pub async fn freeze(endpoint: &Endpoint, tables: &[Table], locks: &Locks, patience: Patience) -> Result<Frozen> {
    let mut control = Session::locked(endpoint, "snapshot control", &locks.control).await?;
    let mut readers = Vec::with_capacity(locks.readers.len());
    for lock in &locks.readers {
        readers.push(Session::locked(endpoint, "snapshot reader", lock).await?);
    }
    let server = Server::read(&mut control).await?;
    let wait = patience.each.as_secs().max(1);
    control.run("bound the lock wait", &format!("SET SESSION lock_wait_timeout = {wait}")).await?;
    let ddl_held = server.may("BACKUP_ADMIN");
    if ddl_held {
        patiently(&mut control, "keep DDL away", "LOCK INSTANCE FOR BACKUP", patience).await?;
    }
    // Between two tries nothing is asked either.
    idle_for(&mut control, LEASH.max(patience.between * 2)).await?;
    let started = hold(&mut control, tables, patience).await?;
    let Ok(outcome) = timeout(MOMENT, at_one_moment(&mut control, &mut readers, &server)).await else {
        // The lock goes with the session that has it.
        return Err(late(&control));
    };
    let held = started.elapsed();
    let position = outcome?;
    idle_for(&mut control, IDLE).await?;
    Ok(Frozen { control, readers, position, held, ddl_held })
}

/// Lets the server end a session that asks nothing for so long.
async fn idle_for(control: &mut Session, limit: Duration) -> Result<()> {
    control.run("bound the idle time", &format!("SET SESSION wait_timeout = {}", limit.as_secs())).await
}

fn late(control: &Session) -> Error {
    let why =
        format!("writers were held for {} s, and the readers had not all begun: they were let go on", MOMENT.as_secs());
    let next = "is the network to that server slow, or the server at its limit? Try again when it is not, or with fewer \
                readers";
    Error { kind: Kind::Transient, ..control.refuse("see one moment by every session", why) }.next(next)
}

/// The lock names of a snapshot's sessions.
#[derive(Debug, Clone)]
pub struct Locks {
    /// Of the control session.
    pub control: LockName,
    /// One for each reader.
    pub readers: Vec<LockName>,
}

impl Locks {
    /// The names for one step of one run, with this many readers.
    #[must_use]
    pub fn new(run: &str, step: &str, readers: usize) -> Self {
        let name = |worker: String| LockName::new(run, step, &worker);
        Self {
            control: name("control".to_owned()),
            readers: (0..readers).map(|n| name(format!("reader{n}"))).collect(),
        }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &LockName> {
        std::iter::once(&self.control).chain(&self.readers)
    }
}

/// Holds writers; the moment from which they are.
///
/// The global read lock has a trap (seen on 9.7): it closes every table, and where a long SELECT keeps one
/// open, the lock gives up in time but the table stays marked, and nobody else can use it until that SELECT
/// ends. So it is asked for only while nothing runs for long. Locks on the tables do no such harm, and no
/// SELECT is in their way; but a transaction that has written is, an idle one too.
async fn hold(control: &mut Session, tables: &[Table], patience: Patience) -> Result<Instant> {
    let list: Vec<_> = tables.iter().map(|table| format!("{} READ", table.sql())).collect();
    // Without a table there is nobody to hold.
    let lock_tables = if list.is_empty() { "DO 0".to_owned() } else { format!("LOCK TABLES {}", list.join(", ")) };
    let (mut tries, mut may_flush) = (Tries::new(patience), true);
    loop {
        let flush = may_flush && !anything_long(control).await?;
        let (doing, sql) = if flush {
            ("hold writers by the global read lock", "FLUSH TABLES WITH READ LOCK")
        } else {
            ("hold writers by locking the tables", lock_tables.as_str())
        };
        // The server bounds its wait for the lock; an answer that is lost on its way is bounded here.
        let Ok(tried) = timeout(patience.each + MOMENT, once(control, doing, sql)).await else {
            return Err(late(control));
        };
        match tried {
            Ok(Some(began)) => return Ok(began),
            Ok(None) => tries.another(control, doing).await?,
            Err(error) if flush && matches!(code(&error), Some(1045 | 1227)) => may_flush = false,
            Err(error) if matches!(code(&error), Some(1044 | 1142)) => {
                let next = format!("grant '{}' LOCK TABLES and SELECT on the schemas", control.endpoint().user);
                return Err(error.next(next));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Every reader begins and the position is read while writers are held; then they go on, whatever came of it.
async fn at_one_moment(control: &mut Session, readers: &mut [Session], server: &Server) -> Result<Position> {
    let outcome = start(control, readers, server).await;
    let released = control.run("let writers go on", "UNLOCK TABLES").await;
    let position = outcome?;
    released?;
    Ok(position)
}

async fn start(control: &mut Session, readers: &mut [Session], server: &Server) -> Result<Position> {
    let begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
    try_join_all(readers.iter_mut().map(|reader| reader.run("start a consistent snapshot", begin))).await?;
    position(control, server).await
}

async fn position(control: &mut Session, server: &Server) -> Result<Position> {
    let doing = "read the position";
    let mut position = Position { gtid_mode: server.gtid_mode.clone(), ..Position::default() };
    if !server.version.is_mariadb() {
        let executed: Option<String> = control.one(doing, "SELECT @@GLOBAL.gtid_executed").await?;
        position.gtid_executed = executed.unwrap_or_default().split_whitespace().collect();
    }
    if server.log_bin {
        let row = control.rows(doing, server.version.show_position()).await?.pop();
        let row = row.ok_or_else(|| control.refuse(doing, "the binary log has no position"))?;
        position.file = row.get_opt(0).and_then(std::result::Result::ok).unwrap_or_default();
        position.offset = row.get_opt(1).and_then(std::result::Result::ok).unwrap_or_default();
    }
    Ok(position)
}

/// What stands against a right snapshot of these schemas with these tables, each with its way out.
pub async fn objections(session: &mut Session, schemas: &[String], tables: &[Table]) -> Result<Vec<String>> {
    let mut found = rights::unseen(session, schemas).await?;
    found.extend(tables.iter().filter(|table| !table.engine.eq_ignore_ascii_case("InnoDB")).map(|table| {
        format!(
            "{} is a {} table: no transaction sees it at one moment (ALTER TABLE {} ENGINE = InnoDB)",
            table.plain(),
            table.engine,
            table.sql()
        )
    }));
    match session.rows("look for prepared XA transactions", "XA RECOVER").await {
        Ok(prepared) if prepared.is_empty() => {}
        Ok(prepared) => found.push(format!(
            "{} XA transaction(s) are prepared: what they hold may yet be committed or not (XA COMMIT or XA ROLLBACK)",
            prepared.len()
        )),
        // Without XA_RECOVER_ADMIN nobody can look; the fence of the switch looks again.
        Err(error) if matches!(code(&error), Some(1227 | 1401)) => {}
        Err(error) if error.kind == Kind::Transient => return Err(error),
        Err(error) => return Err(error),
    }
    Ok(found)
}
