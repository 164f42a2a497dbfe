//! A MySQL server: what its databases define, who may do what, how it is set, whom it follows. Rows are the
//! tenants' and are looked at by the ledger.

mod accounts;
mod definitions;
mod settings;

use mysql_async::{Row, Value as Cell};
use serde_json::{Map, Value};

use super::{Places, Thing};
use crate::domain::resource::{Resource, Side};
use crate::services::Result;
use crate::services::mysql::Session;

/// Everything that the server tells of itself.
pub(super) async fn things(places: &Places, side: Side) -> Result<Option<Vec<Thing>>> {
    let Some(endpoint) = places.mysql(side).await? else { return Ok(None) };
    let mut session = Session::open(&endpoint).await?;
    let mut things = definitions::things(&mut session, side).await?;
    things.extend(accounts::things(&mut session, side).await?);
    things.extend(settings::things(&mut session, side).await?);
    // A goodbye that is lost costs nothing: everything was read.
    let _ = session.close().await;
    Ok(Some(things))
}

fn thing(resource: Resource, facts: Facts) -> Thing {
    Thing { resource, facts: Value::Object(facts), owners: Vec::new() }
}

/// A row by the names of its columns, in lower case.
type Facts = Map<String, Value>;

async fn facts(session: &mut Session, doing: &str, sql: &str) -> Result<Vec<Facts>> {
    Ok(session.rows(doing, sql).await?.into_iter().map(named).collect())
}

fn named(row: Row) -> Facts {
    let names: Vec<String> = row.columns_ref().iter().map(|column| column.name_str().to_lowercase()).collect();
    names.into_iter().zip(row.unwrap_raw()).map(|(name, cell)| (name, cell.map_or(Value::Null, readable))).collect()
}

/// Over the text protocol every cell is NULL or bytes; what is no text is hashed all the same.
fn readable(cell: Cell) -> Value {
    match cell {
        Cell::NULL => Value::Null,
        Cell::Bytes(bytes) => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
        other => Value::String(other.as_sql(true)),
    }
}

/// Takes a text out of a row.
fn take(facts: &mut Facts, name: &str) -> String {
    match facts.remove(name) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}
