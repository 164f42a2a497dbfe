//! Databases, and the definitions of what is in them.

use serde_json::Value;

use super::{Facts, Thing, facts, take, thing};
use crate::domain::resource::Side;
use crate::services::Result;
use crate::services::mysql::quote::qualified;
use crate::services::mysql::{Session, code};

/// The server's own views of itself, which nobody can define anything in.
const VIRTUAL: &str = "('information_schema', 'performance_schema')";

/// `ER_NO_SUCH_TABLE`: it went while we looked.
const GONE: u16 = 1146;

/// What databases hold besides tables: the kind, its table in `information_schema`, and the columns there
/// that say whose, what, and how it is defined.
const KINDS: &[(&str, &str, &str, &str)] = &[
    (
        "view",
        "VIEWS",
        "TABLE_SCHEMA AS db, TABLE_NAME AS name",
        "VIEW_DEFINITION, CHECK_OPTION, DEFINER, SECURITY_TYPE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION",
    ),
    (
        "routine",
        "ROUTINES",
        "ROUTINE_SCHEMA AS db, ROUTINE_NAME AS name",
        "LOWER(ROUTINE_TYPE) AS kind, DTD_IDENTIFIER, ROUTINE_DEFINITION, DEFINER, SECURITY_TYPE, SQL_MODE, \
         SQL_DATA_ACCESS, IS_DETERMINISTIC, ROUTINE_COMMENT, EXTERNAL_LANGUAGE, \
         (SELECT GROUP_CONCAT(PARAMETER_MODE, ' ', PARAMETER_NAME, ' ', DTD_IDENTIFIER ORDER BY ORDINAL_POSITION) \
          FROM information_schema.PARAMETERS p WHERE p.SPECIFIC_SCHEMA = ROUTINE_SCHEMA \
          AND p.SPECIFIC_NAME = x.SPECIFIC_NAME AND p.ROUTINE_TYPE = x.ROUTINE_TYPE) AS parameters",
    ),
    (
        "trigger",
        "TRIGGERS",
        "TRIGGER_SCHEMA AS db, TRIGGER_NAME AS name",
        "EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_ORDER, ACTION_STATEMENT, ACTION_TIMING, SQL_MODE, DEFINER",
    ),
    (
        "event",
        "EVENTS",
        "EVENT_SCHEMA AS db, EVENT_NAME AS name",
        "DEFINER, TIME_ZONE, EVENT_DEFINITION, EVENT_TYPE, EXECUTE_AT, INTERVAL_VALUE, INTERVAL_FIELD, SQL_MODE, \
         STARTS, ENDS, STATUS, ON_COMPLETION",
    ),
];

/// Every database and everything defined in it.
pub(super) async fn things(session: &mut Session, side: Side) -> Result<Vec<Thing>> {
    let sql = format!(
        "SELECT SCHEMA_NAME AS name, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME, DEFAULT_ENCRYPTION \
         FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN {VIRTUAL}"
    );
    let mut things = Vec::new();
    for mut found in facts(session, "list the databases", &sql).await? {
        let name = take(&mut found, "name");
        things.push(thing(side.database(&name), found));
    }
    things.extend(tables(session, side).await?);
    for (kind, from, names, columns) in KINDS {
        let sql = format!("SELECT {names}, {columns} FROM information_schema.{from} x HAVING db NOT IN {VIRTUAL}");
        for mut found in facts(session, &format!("list every {kind}"), &sql).await? {
            let (db, name) = (take(&mut found, "db"), take(&mut found, "name"));
            // A procedure and a function may have one name.
            let its = found.remove("kind").and_then(|kind| kind.as_str().map(str::to_owned));
            things.push(thing(side.inside(its.as_deref().unwrap_or(kind), &db, &name), found));
        }
    }
    Ok(things)
}

async fn tables(session: &mut Session, side: Side) -> Result<Vec<Thing>> {
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES \
         WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA NOT IN {VIRTUAL}"
    );
    let mut things = Vec::new();
    for (db, name) in session.query::<(String, String)>("list the tables", &sql).await? {
        let sql = format!("SHOW CREATE TABLE {}", qualified(&db, &name));
        let mut shown = match facts(session, &format!("read the definition of {db}.{name}"), &sql).await {
            Err(error) if code(&error) == Some(GONE) => continue,
            shown => shown?,
        };
        let text = shown.first_mut().map(|found| take(found, "create table")).unwrap_or_default();
        let definition = Facts::from_iter([("definition".to_owned(), Value::String(without_counter(&text)))]);
        things.push(thing(side.table(&db, &name), definition));
    }
    Ok(things)
}

/// The definition without the next value of its counter, which every inserted row moves.
fn without_counter(definition: &str) -> String {
    let Some(options) = definition.rfind("\n)") else { return definition.to_owned() };
    let (columns, options) = definition.split_at(options);
    let Some((before, counter)) = options.split_once(" AUTO_INCREMENT=") else { return definition.to_owned() };
    let after = counter.trim_start_matches(|digit: char| digit.is_ascii_digit());
    format!("{columns}{before}{after}")
}

#[cfg(test)]
mod tests {
    use super::without_counter;

    #[test]
    fn a_row_more_is_no_other_table() {
        let table = "CREATE TABLE `t` (\n  `id` int COMMENT ' AUTO_INCREMENT=7'\n) ENGINE=InnoDB AUTO_INCREMENT=12 DEFAULT CHARSET=utf8mb4";
        let plain =
            "CREATE TABLE `t` (\n  `id` int COMMENT ' AUTO_INCREMENT=7'\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4";
        assert_eq!(without_counter(table), plain);
        assert_eq!(without_counter(plain), plain);
    }
}
