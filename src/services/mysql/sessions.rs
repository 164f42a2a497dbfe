//! The sessions on a server: who is connected, and ending them, on servers of either kind.
//!
//! `SHOW PROCESSLIST` is used because it alone works everywhere: with `performance_schema` off its own
//! tables are empty without an error.

use std::time::Duration;

use mysql_async::Row;
use tokio::time::{Instant, sleep};

use super::replication::Manner;
use super::{Session, code};
use crate::services::Result;

const NO_SUCH_THREAD: u16 = 1094;
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// One session as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What `KILL` takes.
    pub id: u64,
    /// The user's name, without a host.
    pub user: String,
    /// Its default schema.
    pub database: Option<String>,
    /// Where it comes from: `10.1.2.3:51234`.
    pub host: String,
    /// `Sleep`, `Query`, `Binlog Dump GTID`, ...
    pub command: String,
    /// Seconds in this state.
    pub seconds: u64,
    /// The statement's beginning, while one runs.
    pub statement: Option<String>,
}

impl Listed {
    /// Whether it is running a statement now.
    pub fn busy(&self) -> bool {
        !matches!(self.command.as_str(), "Sleep" | "Daemon" | "Connect") && !self.follows()
    }

    /// Whether another server follows this one by it.
    pub fn follows(&self) -> bool {
        self.command.starts_with("Binlog Dump")
    }

    /// Whether it does so by GTID.
    pub fn follows_by_gtid(&self) -> bool {
        self.command == "Binlog Dump GTID"
    }
}

impl std::fmt::Display for Listed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "session {} of {}", self.id, self.user)?;
        match &self.statement {
            // Its beginning says which it is; the rest may hold a tenant's data.
            Some(statement) => write!(f, " ({})", statement.chars().take(60).collect::<String>()),
            None => Ok(()),
        }
    }
}

/// Every session but this one.
pub async fn list(session: &mut Session) -> Result<Vec<Listed>> {
    let own = u64::from(session.id());
    let rows = session.rows("list the sessions", "SHOW PROCESSLIST").await?;
    Ok(rows.iter().filter_map(listed).filter(|listed| listed.id != own).collect())
}

fn listed(row: &Row) -> Option<Listed> {
    let text = |name: &str| row.get_opt::<Option<String>, _>(name).and_then(std::result::Result::ok).flatten();
    Some(Listed {
        id: row.get_opt::<u64, _>("Id")?.ok()?,
        user: text("User").unwrap_or_default(),
        database: text("db"),
        host: text("Host").unwrap_or_default(),
        command: text("Command").unwrap_or_default(),
        seconds: row.get_opt::<i64, _>("Time").and_then(std::result::Result::ok).map_or(0, |s| s.max(0).unsigned_abs()),
        statement: text("Info"),
    })
}

/// The sessions of these users.
pub async fn of_users(session: &mut Session, users: &[String]) -> Result<Vec<Listed>> {
    Ok(list(session).await?.into_iter().filter(|listed| users.contains(&listed.user)).collect())
}

/// Ends one session; one that is gone already is well.
pub async fn end(session: &mut Session, manner: Manner, id: u64) -> Result<()> {
    let statement = match manner {
        Manner::Own => format!("KILL {id}"),
        Manner::Managed(_) => format!("CALL mysql.rds_kill({id})"),
    };
    let Err(error) = session.run(&format!("end session {id}"), &statement).await else { return Ok(()) };
    // A managed server words "no such session" in its own way: what counts is that it is not there.
    let gone = code(&error) == Some(NO_SUCH_THREAD) || !list(session).await?.iter().any(|listed| listed.id == id);
    if gone { Ok(()) } else { Err(error) }
}

/// Ends every session of these users, again and again until none of those that were there at the start is
/// left, and gives back how many were ended. New ones (a pool that reconnects) are left alone.
pub async fn end_present(session: &mut Session, manner: Manner, users: &[String], deadline: Instant) -> Result<usize> {
    let present: Vec<u64> = of_users(session, users).await?.iter().map(|listed| listed.id).collect();
    for id in &present {
        end(session, manner, *id).await?;
    }
    loop {
        let left = of_users(session, users).await?.iter().filter(|listed| present.contains(&listed.id)).count();
        if left == 0 {
            return Ok(present.len());
        }
        late(session, deadline, left)?;
        sleep(LOOK_AGAIN).await;
    }
}

/// Ends every session of these users until none is left at all: for accounts that can no longer log in.
pub async fn end_all(session: &mut Session, manner: Manner, users: &[String], deadline: Instant) -> Result<usize> {
    let mut ended = std::collections::BTreeSet::new();
    loop {
        let present = of_users(session, users).await?;
        if present.is_empty() {
            return Ok(ended.len());
        }
        for listed in &present {
            ended.insert(listed.id);
            end(session, manner, listed.id).await?;
        }
        late(session, deadline, present.len())?;
        sleep(LOOK_AGAIN).await;
    }
}

fn late(session: &Session, deadline: Instant, left: usize) -> Result<()> {
    if Instant::now() < deadline {
        return Ok(());
    }
    Err(session.refuse("end the application's sessions", format!("{left} are still there")))
}
