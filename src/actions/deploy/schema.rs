//! What the step has on the target: its databases and rights, how they are looked at, and under which keys
//! they are journalled.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::actions::{Result, Working, servers};
pub(super) use crate::domain::resource::TARGET;
use crate::services::mysql::{Endpoint, Session, literal};

/// What the keys of the effects are, or begin with.
pub(super) const SCHEMA: &str = "database:";
pub(super) const ACCOUNT: &str = "account";
pub(super) const RIGHTS: &str = "rights:";

/// A database and how it compares letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Schema {
    pub(super) name: String,
    pub(super) charset: String,
    pub(super) collation: String,
}

/// What the target has under a database's name.
pub(super) struct Standing {
    pub(super) schema: Schema,
    pub(super) tables: u64,
}

/// A session at the target, alone, and at the server that it always was.
pub(super) async fn alone(cx: &Working, target: &Endpoint) -> Result<Session> {
    let mut session = servers::alone(cx, target).await?;
    let uuid: String = session.one("read the server's identity", "SELECT @@server_uuid").await?;
    cx.pin(TARGET, &uuid)?;
    Ok(session)
}

pub(super) fn key(schema: &Schema) -> String {
    format!("{SCHEMA}{}", schema.name)
}

/// The rights that the account has until the switch.
pub(super) fn reading() -> BTreeSet<String> {
    BTreeSet::from(["SELECT".to_owned()])
}

/// The database of this name, if it is there.
pub(super) async fn standing(session: &mut Session, name: &str) -> Result<Option<Standing>> {
    let query = format!(
        "SELECT default_character_set_name AS charset, default_collation_name AS collation, \
         (SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = schema_name) AS tables \
         FROM information_schema.schemata WHERE schema_name = {}",
        literal(name)
    );
    let found: Option<(String, String, u64)> = session.first(&format!("look at the database {name}"), &query).await?;
    Ok(found.map(|(charset, collation, tables)| Standing {
        schema: Schema { name: name.to_owned(), charset, collation },
        tables,
    }))
}
