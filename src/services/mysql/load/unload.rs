//! A load taken out of the target again: a database that was there before stays, empty; one that the load made
//! goes.
//!
//! Objects are dropped one kind after the other and not with their database, because sessions that use it
//! (the backend's, from its pool) would be left without one.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::services::Result;
use crate::services::mysql::Session;
use crate::services::mysql::quote::{identifier, literal, literals, qualified};
use crate::services::mysql::schema::Schema;

/// How long a DROP waits for somebody who is reading, in seconds.
const PATIENCE: u32 = 20;

/// A database as a load finds it, and as it has to be afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Its name.
    pub name: String,
    /// Its default character set and collation; nothing where there is no such database.
    pub defaults: Option<(String, String)>,
}

/// Something in a database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Content {
    /// Its database.
    pub schema: String,
    /// `TABLE`, `VIEW`, `PROCEDURE`, `FUNCTION`, `TRIGGER`, `EVENT`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.{}", self.kind.to_lowercase(), self.schema, self.name)
    }
}

impl Content {
    /// What a snapshot's schemas hold.
    pub fn of(schemas: &[Schema]) -> BTreeSet<Self> {
        let within = |schema: &Schema| {
            let objects = [&schema.tables, &schema.views, &schema.routines, &schema.triggers, &schema.events];
            let content = |object: &crate::services::mysql::schema::Object| Self {
                schema: schema.name.clone(),
                kind: object.kind.clone(),
                name: object.name.clone(),
            };
            objects.into_iter().flatten().map(content).collect::<Vec<_>>()
        };
        schemas.iter().flat_map(within).collect()
    }
}

/// How the databases of these names stand.
pub async fn before(session: &mut Session, names: &[String]) -> Result<Vec<Before>> {
    let mut found = Vec::new();
    for name in names {
        let sql = format!(
            "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA \
             WHERE SCHEMA_NAME = {}",
            literal(name)
        );
        let defaults = session.first(&format!("look at the database {name}"), &sql).await?;
        found.push(Before { name: name.clone(), defaults });
    }
    Ok(found)
}

/// Everything in these databases, on whichever server.
pub async fn contents(session: &mut Session, names: &[String]) -> Result<BTreeSet<Content>> {
    let within = literals(names);
    let sql = format!(
        "SELECT TABLE_SCHEMA, IF(TABLE_TYPE = 'VIEW', 'VIEW', 'TABLE'), TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA IN ({within}) \
         UNION ALL SELECT ROUTINE_SCHEMA, ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA IN ({within}) \
         UNION ALL SELECT TRIGGER_SCHEMA, 'TRIGGER', TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA IN ({within}) \
         UNION ALL SELECT EVENT_SCHEMA, 'EVENT', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA IN ({within})"
    );
    let rows: Vec<(String, String, String)> = session.query("look what the databases hold", &sql).await?;
    Ok(rows.into_iter().map(|(schema, kind, name)| Content { schema, kind, name }).collect())
}

/// Makes the database what it was before the load. The caller has made sure that everything in it may go; doing
/// it again goes on with what is left.
pub async fn unload(session: &mut Session, before: &Before) -> Result<()> {
    let name = &before.name;
    let doing = format!("take the load out of {name}");
    session.run(&doing, &format!("SET SESSION foreign_key_checks = 0, SESSION lock_wait_timeout = {PATIENCE}")).await?;
    let Some((charset, collation)) = &before.defaults else {
        return session.run(&doing, &format!("DROP DATABASE IF EXISTS {}", identifier(name))).await;
    };
    let held = contents(session, std::slice::from_ref(name)).await?;
    // A view may stand on a routine, and a trigger goes with its table.
    for kind in ["EVENT", "VIEW", "TABLE", "PROCEDURE", "FUNCTION"] {
        let named: Vec<String> =
            held.iter().filter(|content| content.kind == kind).map(|content| qualified(name, &content.name)).collect();
        let statements = match kind {
            // In one statement, so that no table is left whose parent is gone.
            "TABLE" | "VIEW" if !named.is_empty() => vec![named.join(", ")],
            _ => named,
        };
        for objects in statements {
            session.run(&doing, &format!("DROP {kind} IF EXISTS {objects}")).await?;
        }
    }
    // An ALTER DATABASE that came by replication has changed what new tables would get.
    let now = self::before(session, std::slice::from_ref(name)).await?;
    if now.first() == Some(before) {
        return Ok(());
    }
    let statement = format!("ALTER DATABASE {} CHARACTER SET {charset} COLLATE {collation}", identifier(name));
    session.run(&doing, &statement).await
}
