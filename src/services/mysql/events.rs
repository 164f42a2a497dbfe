//! Scheduled events: which run, stopping them, letting them run.
//!
//! Seen on MySQL 9.7, and what the rest follows from:
//! - `ALTER EVENT` makes whoever says it the definer, and gives the event its session's character sets; the
//!   definer can be named (that asks for a privilege), the character sets are set before.
//! - A replica that applies one turns the event `REPLICA_SIDE_DISABLED`, whatever the statement says, and takes
//!   its definer; a channel's table filter does not keep it out. So an event that is enabled on one side is
//!   never enabled by replication on the other, and what stood there has to be put back by name.
//! - Under `super_read_only` the scheduler ends by itself, and comes back when that is off: a one-time event
//!   whose moment passed meanwhile runs then. A body that is running goes on until its next write.

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::grants::Account;
use super::replication::Manner;
use super::sessions::{self, Listed};
use super::{Session, code, literal, literals};
use crate::services::Result;
use crate::services::mysql::quote::qualified;

const NO_SUCH_EVENT: u16 = 1539;
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(20);

/// One event, as far as stopping it and letting it run again need.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scheduled {
    /// Its database.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// With whose rights it runs.
    pub definer: Account,
    /// `character_set_client`, which its body is kept in.
    pub client: String,
    /// `collation_connection`.
    pub collation: String,
    /// `ENABLED`, `DISABLED`, or what a replica makes of it.
    pub status: String,
    /// Once, not every so often: gone, or disabled, when it has run.
    pub once: bool,
}

impl Scheduled {
    /// Whether it runs when its time comes.
    pub fn enabled(&self) -> bool {
        self.status == "ENABLED"
    }

    /// Whether both are the one event, on whichever side.
    pub fn is(&self, other: &Self) -> bool {
        self.schema == other.schema && self.name == other.name
    }
}

impl std::fmt::Display for Scheduled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// Whether the server runs events at all.
pub async fn scheduler_is_on(session: &mut Session) -> Result<bool> {
    let value: String = session.one("look at event_scheduler", "SELECT @@GLOBAL.event_scheduler").await?;
    Ok(matches!(value.as_str(), "ON" | "1"))
}

/// Every event of these schemas, by name.
pub async fn list(session: &mut Session, schemas: &[String]) -> Result<Vec<Scheduled>> {
    let query = format!(
        "SELECT EVENT_SCHEMA, EVENT_NAME, DEFINER, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, STATUS, \
         EVENT_TYPE = 'ONE TIME' FROM information_schema.EVENTS WHERE EVENT_SCHEMA IN ({}) ORDER BY 1, 2",
        literals(schemas)
    );
    let rows: Vec<(String, String, String, String, String, String, bool)> =
        session.query("list the events", &query).await?;
    let event = |(schema, name, definer, client, collation, status, once): (String, String, String, _, _, _, _)| {
        // A user's name may have an `@` in it; a host's has none.
        let (user, host) = definer.rsplit_once('@').unwrap_or((&definer, "%"));
        let definer = Account { user: user.to_owned(), host: host.to_owned() };
        Scheduled { schema, name, definer, client, collation, status, once }
    };
    Ok(rows.into_iter().map(event).collect())
}

/// Lets the event run, or stops it, and leaves it its definer where that is named: else whoever is logged in
/// becomes it. Says whether it is there at all.
pub async fn set(session: &mut Session, event: &Scheduled, enabled: bool, definer: Option<&Account>) -> Result<bool> {
    let doing = format!("{} the event {event}", if enabled { "enable" } else { "disable" });
    let definer = definer.map(|account| format!("DEFINER = {account} ")).unwrap_or_default();
    let status = if enabled { "ENABLE" } else { "DISABLE" };
    let statement = format!("ALTER {definer}EVENT {} {status}", qualified(&event.schema, &event.name));
    // The statement is read in the event's character set, not in ours.
    if !statement.is_ascii() && !event.client.starts_with("utf8") {
        return Err(session
            .refuse(&doing, format!("its name is not plain ASCII and its character set is {}", event.client))
            .next("make it anew with SET NAMES utf8mb4, at the source"));
    }
    let sets = format!(
        "SET SESSION character_set_client = {}, SESSION collation_connection = {}",
        literal(&event.client),
        literal(&event.collation)
    );
    session.run(&doing, &sets).await?;
    let outcome = session.run(&doing, &statement).await;
    session.run(&doing, "SET NAMES utf8mb4").await?;
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if code(&error) == Some(NO_SUCH_EVENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The bodies of events of these schemas that are running now.
pub async fn running(session: &mut Session, schemas: &[String]) -> Result<Vec<Listed>> {
    let mut listed = sessions::list(session).await?;
    listed.retain(|listed| {
        // `performance_schema` would name them, where it is on.
        let moved = listed.database.as_ref().is_some_and(|database| schemas.contains(database));
        moved && listed.command == "Connect" && !matches!(listed.user.as_str(), "system user" | "unauthenticated user")
    });
    Ok(listed)
}

/// Waits until none is running, and says which are left at the deadline.
pub async fn until_idle(session: &mut Session, schemas: &[String], deadline: Instant) -> Result<Vec<Listed>> {
    loop {
        let left = running(session, schemas).await?;
        if left.is_empty() || Instant::now() >= deadline {
            return Ok(left);
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Ends what is running of events that are disabled already, until nothing is left, and says how many it
/// ended.
pub async fn end_running(session: &mut Session, schemas: &[String], deadline: Instant) -> Result<usize> {
    let manner = Manner::of(session).await?;
    let mut ended = std::collections::BTreeSet::new();
    loop {
        let left = running(session, schemas).await?;
        if left.is_empty() {
            return Ok(ended.len());
        }
        if Instant::now() >= deadline {
            return Err(session.refuse("end the events that are running", format!("{} still are", left.len())));
        }
        for listed in left {
            sessions::end(session, manner, listed.id).await?;
            ended.insert(listed.id);
        }
        sleep(LOOK_AGAIN).await;
    }
}
