//! The fence of a managed server: its admin has no `super_read_only`, so the application's account loses
//! its rights, cannot log in, and has no session left.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::services::Result;
use crate::services::mysql::Session;
use crate::services::mysql::grants::{self, Account};
use crate::services::mysql::replication::Manner;
use crate::services::mysql::sessions;

/// Rights on a schema that write.
pub const WRITING: [&str; 12] = [
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "ALTER",
    "INDEX",
    "TRIGGER",
    "EVENT",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
    "LOCK TABLES",
];

/// What the account was allowed before it was fenced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAccount {
    /// The application's account.
    pub account: Account,
    /// Whether it was locked.
    pub locked: bool,
    /// Its rights on each of the moved schemas.
    pub rights: BTreeMap<String, BTreeSet<String>>,
}

impl fmt::Display for OpenAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.account, if self.locked { "locked" } else { "not locked" })?;
        self.on_schemas().try_for_each(|(schema, rights)| write!(f, ", {schema}: {rights}"))
    }
}

impl OpenAccount {
    /// Each schema and the account's rights on it, in words.
    pub fn on_schemas(&self) -> impl Iterator<Item = (&str, String)> {
        self.rights.iter().map(|(schema, rights)| {
            let named: Vec<&str> = rights.iter().map(String::as_str).collect();
            (schema.as_str(), if named.is_empty() { "no right".to_owned() } else { named.join(", ") })
        })
    }

    /// Reads it: to be recorded before [`shut`].
    pub async fn read(session: &mut Session, account: &Account, schemas: &[String]) -> Result<Self> {
        let locked = grants::is_locked(session, account).await?;
        let mut rights = BTreeMap::new();
        for schema in schemas {
            rights.insert(schema.clone(), grants::on_schema(session, account, schema).await?);
        }
        Ok(Self { account: account.clone(), locked, rights })
    }

    /// Whether it could write.
    pub fn writes(&self) -> bool {
        !self.locked && self.rights.values().flatten().any(|right| WRITING.contains(&right.as_str()))
    }
}

/// Shuts the fence: locks, revokes what writes, ends sessions until none is left.
pub async fn shut(session: &mut Session, open: &OpenAccount, deadline: Instant) -> Result<usize> {
    grants::set_locked(session, &open.account, true).await?;
    for schema in open.rights.keys() {
        let now = grants::on_schema(session, &open.account, schema).await?;
        let writing = now.into_iter().filter(|right| WRITING.contains(&right.as_str())).collect();
        grants::take(session, &open.account, schema, &writing).await?;
    }
    let manner = Manner::of(session).await?;
    sessions::end_all(session, manner, std::slice::from_ref(&open.account.user), deadline).await
}

/// Opens it to exactly these rights, and ends the sessions that still have the old ones. Gives back how
/// many it ended: none on a repeat that changed nothing.
pub async fn open(session: &mut Session, wanted: &OpenAccount, deadline: Instant) -> Result<usize> {
    let doing = "open the server to the application";
    let found = OpenAccount::read(session, &wanted.account, &wanted.rights.keys().cloned().collect::<Vec<_>>()).await?;
    for (schema, rights) in &wanted.rights {
        let held = found.rights.get(schema).cloned().unwrap_or_default();
        grants::give(session, &wanted.account, schema, &rights.difference(&held).cloned().collect()).await?;
        grants::take(session, &wanted.account, schema, &held.difference(rights).cloned().collect()).await?;
    }
    if found.locked != wanted.locked {
        grants::set_locked(session, &wanted.account, wanted.locked).await?;
    }
    let manner = Manner::of(session).await?;
    let users = std::slice::from_ref(&wanted.account.user);
    let ended = sessions::end_present(session, manner, users, deadline).await?;
    let now = OpenAccount::read(session, &wanted.account, &wanted.rights.keys().cloned().collect::<Vec<_>>()).await?;
    if now == *wanted { Ok(ended) } else { Err(session.refuse(doing, format!("read back: {now}; wanted: {wanted}"))) }
}
