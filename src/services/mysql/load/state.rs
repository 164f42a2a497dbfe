//! What has been loaded, kept in the target beside the rows and committed with them.
//!
//! A schema of our own, `cutover_state`. The target's binary log holds all of this: it is made and dropped
//! before any server has a channel to the target, it is no schema that moves (so the reverse channel's filter
//! leaves it out), and the source's `gtid_purged` takes its transactions with the rest of the load.

use std::collections::HashSet;

use crate::services::mysql::quote::{identifier, literal, literals};
use crate::services::mysql::session::Session;
use crate::services::mysql::snapshot::Manifest;
use crate::services::{Error, Kind, Result};

/// The schema's name.
pub const SCHEMA: &str = "cutover_state";

/// What the target says about the load of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing of ours is there.
    Absent,
    /// This snapshot's load has begun.
    Begun {
        /// Files whose rows are committed.
        loaded: HashSet<String>,
        /// Whether everything is there, indexes and objects included.
        complete: bool,
    },
    /// Another snapshot's load is there.
    Other(String),
}

/// Asks the target. Writes nothing.
pub async fn standing(session: &mut Session, manifest: &Manifest) -> Result<Standing> {
    let doing = "ask what has been loaded";
    if !is_there(session, doing).await? {
        return Ok(Standing::Absent);
    }
    let loads: Vec<(String, bool)> =
        session.query(doing, &format!("SELECT snapshot, complete FROM {SCHEMA}.loads")).await?;
    let Some((snapshot, complete)) = loads.into_iter().next() else { return Ok(Standing::Absent) };
    if snapshot != manifest.id {
        return Ok(Standing::Other(snapshot));
    }
    let sql = format!("SELECT file FROM {SCHEMA}.loaded_chunks WHERE snapshot = {}", literal(&snapshot));
    Ok(Standing::Begun { loaded: session.query(doing, &sql).await?.into_iter().collect(), complete })
}

/// Claims the target for this snapshot: its schemas have to be empty of everything.
pub(super) async fn claim(session: &mut Session, manifest: &Manifest) -> Result<()> {
    let names: Vec<_> = manifest.schemas.iter().map(|schema| schema.name.as_str()).collect();
    let found = contents(session, &names).await?;
    if !found.is_empty() {
        let why = format!("the target's schemas are not empty: {}", found.join(", "));
        let fault: Error = session.endpoint().error("begin the load", Kind::Conflict).because(why);
        return Err(fault.next("empty them, or name another target"));
    }
    let doing = "make the state schema";
    for sql in [
        format!("CREATE DATABASE IF NOT EXISTS {SCHEMA}"),
        format!(
            "CREATE TABLE IF NOT EXISTS {SCHEMA}.loaded_chunks (snapshot CHAR(24) CHARACTER SET ascii NOT NULL, file VARCHAR(64) CHARACTER SET ascii NOT NULL, row_count BIGINT UNSIGNED NOT NULL, PRIMARY KEY (snapshot, file))"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {SCHEMA}.loads (snapshot CHAR(24) CHARACTER SET ascii NOT NULL PRIMARY KEY, complete BOOL NOT NULL)"
        ),
        format!("INSERT IGNORE INTO {SCHEMA}.loads VALUES ({}, FALSE)", literal(&manifest.id)),
    ] {
        session.run(doing, &sql).await?;
    }
    Ok(())
}

/// Says that everything is there.
pub(super) async fn mark_complete(session: &mut Session, manifest: &Manifest) -> Result<()> {
    let sql = format!("UPDATE {SCHEMA}.loads SET complete = TRUE WHERE snapshot = {}", literal(&manifest.id));
    session.run("mark the load complete", &sql).await
}

/// Removes what is kept of this snapshot's load, and the state schema where nobody else's is in it. For when the load's
/// outcome is recorded, before any channel to the target exists.
pub async fn forget(session: &mut Session, snapshot: &str) -> Result<()> {
    let doing = "drop what is kept of the load";
    if is_there(session, doing).await? {
        for table in ["loaded_chunks", "loads"] {
            let sql = format!("DELETE FROM {SCHEMA}.{table} WHERE snapshot = {}", literal(snapshot));
            session.run(doing, &sql).await?;
        }
        if session.one::<u64>(doing, &format!("SELECT COUNT(*) FROM {SCHEMA}.loads")).await? > 0 {
            return Ok(());
        }
    }
    session.run(doing, &format!("DROP DATABASE IF EXISTS {}", identifier(SCHEMA))).await
}

/// Whether both tables are there: one alone was being made, and nobody has claimed anything by it.
async fn is_there(session: &mut Session, doing: &str) -> Result<bool> {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME IN ('loads', 'loaded_chunks')",
        literal(SCHEMA)
    );
    Ok(session.one::<u64>(doing, &sql).await? == 2)
}

/// Tables, views, routines and events in these schemas, by name.
pub async fn contents<S: AsRef<str>>(session: &mut Session, schemas: &[S]) -> Result<Vec<String>> {
    let within = literals(schemas);
    let sql = format!(
        "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.TABLES WHERE TABLE_SCHEMA IN ({within}) \
         UNION ALL SELECT CONCAT(ROUTINE_SCHEMA, '.', ROUTINE_NAME) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA IN ({within}) \
         UNION ALL SELECT CONCAT(EVENT_SCHEMA, '.', EVENT_NAME) FROM information_schema.EVENTS WHERE EVENT_SCHEMA IN ({within}) LIMIT 20"
    );
    session.query("look what the target's schemas hold", &sql).await
}
