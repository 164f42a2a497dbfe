//! How a server is set, whom it follows, and what its platform keeps for it.

use serde_json::{Value, json};

use super::{Facts, Thing, facts, take, thing};
use crate::domain::resource::Side;
use crate::services::Result;
use crate::services::mysql::Session;
use crate::services::mysql::server::has_procedure;

/// What a channel is, of all that SHOW REPLICA STATUS tells: the rest moves with every transaction.
const CHANNEL: &[&str] = &[
    "source_host",
    "source_port",
    "source_user",
    "source_ssl_allowed",
    "auto_position",
    "sql_delay",
    "network_namespace",
];

/// Variables, persisted values, the platform's settings, channels and filters.
pub(super) async fn things(session: &mut Session, side: Side) -> Result<Vec<Thing>> {
    let mut things = Vec::new();
    for (name, value) in pairs(session, "read the variables", "SHOW GLOBAL VARIABLES").await? {
        things.push(thing(side.variable(&name), value));
    }
    let sql = "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.persisted_variables";
    for (name, value) in pairs(session, "read the persisted variables", sql).await? {
        things.push(thing(side.persisted(&name), value));
    }
    if has_procedure(session, "mysql", "rds_show_configuration").await? {
        let sql = "CALL mysql.rds_show_configuration()";
        for (name, value) in pairs(session, "read the platform's settings", sql).await? {
            things.push(thing(side.setting(&name), value));
        }
    }
    for mut found in facts(session, "list the replication channels", "SHOW REPLICA STATUS").await? {
        let name = take(&mut found, "channel_name");
        // A receiver that connects again and again is on.
        let on = |found: &Facts, thread: &str| json!(found.get(thread).is_some_and(|state| *state != json!("No")));
        let threads = [on(&found, "replica_io_running"), on(&found, "replica_sql_running")];
        found.retain(|column, _| CHANNEL.contains(&column.as_str()));
        found.insert("threads".to_owned(), json!(threads));
        things.push(thing(side.channel(&name), found));
    }
    things.extend(filters(session, side).await?);
    Ok(things)
}

/// Filters stay when their channel is reset, so they are asked for by themselves.
async fn filters(session: &mut Session, side: Side) -> Result<Vec<Thing>> {
    let mut by_channel: std::collections::BTreeMap<String, Vec<Value>> = std::collections::BTreeMap::new();
    for (name, from) in
        [("CHANNEL_NAME", "replication_applier_filters"), ("'global'", "replication_applier_global_filters")]
    {
        // A rule that was emptied stays in the list and filters nothing.
        let sql = format!(
            "SELECT {name} AS channel, FILTER_NAME, FILTER_RULE FROM performance_schema.{from} WHERE FILTER_RULE <> ''"
        );
        for mut found in facts(session, "read the replication filters", &sql).await? {
            by_channel.entry(take(&mut found, "channel")).or_default().push(Value::Object(found));
        }
    }
    let filter = |(channel, rules): (String, Vec<Value>)| {
        thing(side.filter(&channel), Facts::from_iter([("rules".to_owned(), json!(rules))]))
    };
    Ok(by_channel.into_iter().map(filter).collect())
}

/// Rows of a name and a value; further columns are explanations.
async fn pairs(session: &mut Session, doing: &str, sql: &str) -> Result<Vec<(String, Facts)>> {
    let rows = facts(session, doing, sql).await?;
    let pair = |row: Facts| {
        let mut cells = row.into_iter().map(|(_, cell)| cell);
        let name = cells.next().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
        (name, Facts::from_iter([("value".to_owned(), cells.next().unwrap_or_default())]))
    };
    Ok(rows.into_iter().map(pair).collect())
}
