//! Where each table's AUTO_INCREMENT stands: on the target it may be further, never behind.
//!
//! The source's own counter of now is no measure: it moves on with every insert, failed ones included, and
//! those reach no replica. What counts is that no number is given twice: the target is at least where the
//! snapshot was, and past every number that the source's rows show.

use std::collections::BTreeMap;

use super::super::quote::{identifier, literals, qualified};
use super::super::session::Session;
use super::Pair;
use crate::services::Result;

/// Counters by `schema.table`, as a snapshot recorded them.
pub type Counters = BTreeMap<String, u64>;

/// Every table whose counter is behind.
pub(super) async fn behind(pair: &mut Pair, schemas: &[String], recorded: &Counters) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS \
         WHERE EXTRA LIKE '%auto_increment%' AND TABLE_SCHEMA IN ({})",
        literals(schemas)
    );
    let columns: Vec<(String, String, String)> = pair.source.query("list the counted columns", &sql).await?;
    let here = read(&mut pair.source, schemas).await?;
    let there = read(&mut pair.target, schemas).await?;
    let mut found = Vec::new();
    for (schema, table, column) in columns {
        let name = format!("{schema}.{table}");
        let (Some(now), Some(stands)) = (here.get(&name), there.get(&name)) else { continue };
        let sql = format!(
            "SELECT CAST(GREATEST(COALESCE(MAX({}), 0), 0) AS UNSIGNED) FROM {}",
            identifier(&column),
            qualified(&schema, &table)
        );
        let highest: u64 = pair.source.one(&format!("read the highest number of {name}"), &sql).await?;
        // At the end of its type a counter stays at the highest number, on the source too.
        let after_rows = highest.saturating_add(1).min(*now);
        let least = after_rows.max(recorded.get(&name).copied().unwrap_or(0));
        if *stands < least {
            found.push(format!("counter of {name}: the target would give {stands} next, it has to be {least} or more"));
        }
    }
    Ok(found)
}

async fn read(session: &mut Session, schemas: &[String]) -> Result<Counters> {
    let doing = "read the counters";
    session.run(doing, "SET SESSION information_schema_stats_expiry = 0").await?;
    let sql = format!(
        "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), COALESCE(AUTO_INCREMENT, 1) FROM information_schema.TABLES \
         WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN ({})",
        literals(schemas)
    );
    Ok(session.query::<(String, u64)>(doing, &sql).await?.into_iter().collect())
}
