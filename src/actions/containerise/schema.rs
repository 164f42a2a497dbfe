//! The tables that the trial's server gets, as SQL.

use crate::actions::{Reading, Result, servers};
use crate::domain::Failure;
use crate::domain::runbook::inputs::Containerise;
use crate::services::mysql::{Session, identifier, literal};

/// A schema without its rows.
pub(super) struct Tables {
    /// Its name.
    pub(super) schema: String,
    /// Statements that make its tables.
    pub(super) sql: String,
    /// How many tables.
    pub(super) count: usize,
}

/// The first of the schemas that move (the one in the backend's URL), as the source has it.
pub(super) async fn of_snapshot(_inputs: &Containerise, cx: &Reading) -> Result<Tables> {
    let none = || Failure::permanent("the runbook's [source] names no schemas");
    let schema = cx.source()?.schemas.first().cloned().ok_or_else(none)?;
    let mut session = Session::open(&servers::source(cx).await?).await?;
    let tables: Vec<String> = session
        .query(
            "list the tables",
            &format!(
                "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = {} AND table_type = 'BASE TABLE' ORDER BY 1",
                literal(&schema)
            ),
        )
        .await?;
    // Foreign keys point at tables that come later.
    let mut sql = format!("SET foreign_key_checks = 0;\nUSE {};\n", identifier(&schema));
    for table in &tables {
        let shown = format!("SHOW CREATE TABLE {}.{}", identifier(&schema), identifier(table));
        let (_, statement): (String, String) = session.one(&format!("read the definition of {table}"), &shown).await?;
        sql.push_str(&statement);
        sql.push_str(";\n");
    }
    session.close().await?;
    Ok(Tables { schema, sql, count: tables.len() })
}
