//! Everything of a schema but its rows: the statements that make it, as the server tells them.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::quote::{identifier, literal, qualified};
use super::session::Session;
use crate::services::Result;

/// A schema and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Its name.
    pub name: String,
    /// Its default character set.
    pub charset: String,
    /// Its default collation.
    pub collation: String,
    /// The base tables.
    pub tables: Vec<Object>,
    /// Procedures and functions.
    pub routines: Vec<Object>,
    /// Views.
    pub views: Vec<Object>,
    /// Triggers, in the order in which they fire.
    pub triggers: Vec<Object>,
    /// Events.
    pub events: Vec<Object>,
}

/// One object and the settings it was made under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// `TABLE`, `VIEW`, `PROCEDURE`, `FUNCTION`, `TRIGGER`, `EVENT`.
    pub kind: String,
    /// The statement that makes it.
    pub statement: String,
    /// The account it runs as, `user@host`; empty where it has none.
    pub definer: String,
    /// `sql_mode` it was made under; empty where that does not matter.
    pub sql_mode: String,
    /// Character set of the client that made it.
    pub client: String,
    /// Collation of the connection that made it.
    pub collation: String,
    /// An event's time zone and status (`ENABLED`); empty elsewhere.
    pub time_zone: String,
    /// An event's status; empty elsewhere.
    pub status: String,
}

/// Reads schemas with everything in them.
pub async fn read_schemas(session: &mut Session, names: &[String]) -> Result<Vec<Schema>> {
    let mut schemas = Vec::new();
    for name in names {
        schemas.push(read_schema(session, name).await?);
    }
    Ok(schemas)
}

async fn read_schema(session: &mut Session, name: &str) -> Result<Schema> {
    let doing = format!("read the schema {name}");
    let quoted = literal(name);
    let sql = format!(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA \
         WHERE SCHEMA_NAME = {quoted}"
    );
    let found: Option<(String, String)> = session.first(&doing, &sql).await?;
    let (charset, collation) = found.ok_or_else(|| session.refuse(&doing, format!("there is no schema {name}")))?;
    let of = |columns: &str, view: &str, schema: &str, rest: &str| {
        format!("SELECT {columns} FROM information_schema.{view} WHERE {schema} = {quoted} {rest}")
    };
    let mut schema = Schema {
        name: name.to_owned(),
        charset,
        collation,
        tables: Vec::new(),
        routines: Vec::new(),
        views: Vec::new(),
        triggers: Vec::new(),
        events: Vec::new(),
    };
    let tables = of("TABLE_NAME, TABLE_TYPE", "TABLES", "TABLE_SCHEMA", "ORDER BY 1");
    for (table, kind) in session.query::<(String, String)>(&doing, &tables).await? {
        if kind == "BASE TABLE" {
            let statement = shown(session, "TABLE", name, &table, 1).await?;
            schema.tables.push(Object::plain(table, "TABLE", statement));
        }
    }
    let views =
        of("TABLE_NAME, DEFINER, CHARACTER_SET_CLIENT, COLLATION_CONNECTION", "VIEWS", "TABLE_SCHEMA", "ORDER BY 1");
    for (view, definer, client, collation) in session.query::<(String, String, String, String)>(&doing, &views).await? {
        let statement = shown(session, "VIEW", name, &view, 1).await?;
        schema.views.push(Object { definer, client, collation, ..Object::plain(view, "VIEW", statement) });
    }
    let columns = "ROUTINE_NAME, ROUTINE_TYPE, DEFINER, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION";
    let routines = of(columns, "ROUTINES", "ROUTINE_SCHEMA", "ORDER BY 2, 1");
    for (routine, kind, definer, sql_mode, client, collation) in
        session.query::<(String, String, String, String, String, String)>(&doing, &routines).await?
    {
        let statement = shown(session, &kind, name, &routine, 2).await?;
        schema.routines.push(Object {
            definer,
            sql_mode,
            client,
            collation,
            ..Object::plain(routine, &kind, statement)
        });
    }
    let columns = "TRIGGER_NAME, DEFINER, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION";
    let triggers = of(
        columns,
        "TRIGGERS",
        "TRIGGER_SCHEMA",
        "ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
    );
    for (trigger, definer, sql_mode, client, collation) in
        session.query::<(String, String, String, String, String)>(&doing, &triggers).await?
    {
        let statement = shown(session, "TRIGGER", name, &trigger, 2).await?;
        schema.triggers.push(Object {
            definer,
            sql_mode,
            client,
            collation,
            ..Object::plain(trigger, "TRIGGER", statement)
        });
    }
    let columns = "EVENT_NAME, DEFINER, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, TIME_ZONE, STATUS";
    let events = of(columns, "EVENTS", "EVENT_SCHEMA", "ORDER BY 1");
    for (event, definer, sql_mode, client, collation, time_zone, status) in
        session.query::<(String, String, String, String, String, String, String)>(&doing, &events).await?
    {
        let statement = shown(session, "EVENT", name, &event, 3).await?;
        let plain = Object::plain(event, "EVENT", statement);
        schema.events.push(Object { definer, sql_mode, client, collation, time_zone, status, ..plain });
    }
    Ok(schema)
}

/// The text that SHOW CREATE gives, in its column `at`.
async fn shown(session: &mut Session, kind: &str, schema: &str, name: &str, at: usize) -> Result<String> {
    let doing = format!("read how {kind} {schema}.{name} was made");
    let row = session.rows(&doing, &format!("SHOW CREATE {kind} {}", qualified(schema, name))).await?.pop();
    let text =
        row.and_then(|mut row| row.take_opt::<Option<String>, _>(at)).and_then(std::result::Result::ok).flatten();
    text.ok_or_else(|| session.refuse(&doing, "the server does not show it: the account may not see it"))
}

impl Object {
    fn plain(name: String, kind: &str, statement: String) -> Self {
        Self {
            name,
            kind: kind.to_owned(),
            statement,
            sql_mode: String::new(),
            client: String::new(),
            collation: String::new(),
            definer: String::new(),
            time_zone: String::new(),
            status: String::new(),
        }
    }
}

/// Where ` AUTO_INCREMENT=n` stands in the statement of a table, if it does: among its options, and not in a
/// comment that looks like it.
#[must_use]
pub fn counter_in(statement: &str) -> Option<Range<usize>> {
    const NAME: &str = " AUTO_INCREMENT=";
    let options = statement.rfind("\n) ENGINE=")?;
    let end = statement[options..].find(" COMMENT='").map_or(statement.len(), |at| options + at);
    let from = options + statement[options..end].find(NAME)?;
    let digits = statement[from + NAME.len()..].bytes().take_while(u8::is_ascii_digit).count();
    Some(from..from + NAME.len() + digits)
}

impl Schema {
    /// The statement that makes the empty schema.
    #[must_use]
    pub fn create(&self) -> String {
        format!(
            "CREATE DATABASE IF NOT EXISTS {} DEFAULT CHARACTER SET {} DEFAULT COLLATE {}",
            identifier(&self.name),
            self.charset,
            self.collation
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_among_the_options_only() {
        let statement = "CREATE TABLE `t` (\n  `id` int AUTO_INCREMENT\n) ENGINE=InnoDB AUTO_INCREMENT=12 DEFAULT CHARSET=utf8mb4 COMMENT='at AUTO_INCREMENT=7'";
        assert_eq!(&statement[counter_in(statement).unwrap()], " AUTO_INCREMENT=12");
        assert_eq!(counter_in(&statement.replace(" AUTO_INCREMENT=12", "")), None);
    }
}
