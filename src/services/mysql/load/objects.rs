//! What comes after the rows: secondary indexes, foreign keys, routines, views, triggers, events.

use std::collections::HashSet;

use super::ddl::{disabled, take_apart, without_definer};
use crate::services::Result;
use crate::services::mysql::fault::code;
use crate::services::mysql::quote::{identifier, literal, qualified};
use crate::services::mysql::schema::{Object, Schema};
use crate::services::mysql::session::Session;

/// Makes schemas and bare tables that are not there yet.
pub(super) async fn make_tables(session: &mut Session, schemas: &[Schema]) -> Result<()> {
    for schema in schemas {
        session.run(&format!("make the schema {}", schema.name), &schema.create()).await?;
        let there = names(session, "TABLE_NAME", "TABLES", "TABLE_SCHEMA", &schema.name).await?;
        enter(session, schema).await?;
        for table in schema.tables.iter().filter(|table| !there.contains(&table.name)) {
            let doing = format!("make the table {}.{}", schema.name, table.name);
            session.run(&doing, &take_apart(&table.statement).create).await?;
        }
    }
    Ok(())
}

/// The index clauses of one table that are not there yet, as whole statements.
///
/// All in one, since each rebuilds nothing but reads the table once; full-text ones singly, as InnoDB asks.
pub(super) async fn missing_indexes(session: &mut Session, schema: &Schema, table: &Object) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        literal(&schema.name),
        literal(&table.name)
    );
    let there: Vec<String> = session.query("read the indexes that are there", &sql).await?;
    let missing = take_apart(&table.statement).indexes.into_iter().filter(|(name, _)| !there.contains(name));
    let (single, together): (Vec<_>, Vec<_>) =
        missing.map(|(_, clause)| clause).partition(|clause| clause.starts_with("ADD FULLTEXT"));
    let alter = format!("ALTER TABLE {} ", qualified(&schema.name, &table.name));
    let together = (!together.is_empty()).then(|| format!("{alter}{}", together.join(", ")));
    Ok(together.into_iter().chain(single.iter().map(|clause| format!("{alter}{clause}"))).collect())
}

/// Foreign keys, then routines, views, triggers and disabled events, each if it is not there yet.
pub(super) async fn make_rest(session: &mut Session, schemas: &[Schema]) -> Result<()> {
    for schema in schemas {
        let there =
            names(session, "CONSTRAINT_NAME", "REFERENTIAL_CONSTRAINTS", "CONSTRAINT_SCHEMA", &schema.name).await?;
        enter(session, schema).await?;
        for table in &schema.tables {
            let missing: Vec<_> = take_apart(&table.statement)
                .foreign_keys
                .into_iter()
                .filter(|(name, _)| !there.contains(name))
                .map(|(_, clause)| clause)
                .collect();
            if !missing.is_empty() {
                let sql = format!("ALTER TABLE {} {}", identifier(&table.name), missing.join(", "));
                session.run(&format!("make the foreign keys of {}.{}", schema.name, table.name), &sql).await?;
            }
        }
    }
    for schema in schemas {
        let there =
            names(session, "CONCAT(ROUTINE_TYPE, ROUTINE_NAME)", "ROUTINES", "ROUTINE_SCHEMA", &schema.name).await?;
        for routine in
            schema.routines.iter().filter(|routine| !there.contains(&format!("{}{}", routine.kind, routine.name)))
        {
            make(session, schema, routine, &without_definer(&routine.statement)).await?;
        }
    }
    make_views(session, schemas).await?;
    for schema in schemas {
        let there = names(session, "TRIGGER_NAME", "TRIGGERS", "TRIGGER_SCHEMA", &schema.name).await?;
        for trigger in schema.triggers.iter().filter(|trigger| !there.contains(&trigger.name)) {
            make(session, schema, trigger, &without_definer(&trigger.statement)).await?;
        }
        let there = names(session, "EVENT_NAME", "EVENTS", "EVENT_SCHEMA", &schema.name).await?;
        for event in schema.events.iter().filter(|event| !there.contains(&event.name)) {
            make(session, schema, event, &disabled(&without_definer(&event.statement))).await?;
        }
    }
    Ok(())
}

/// A view may stand on another: those that cannot be made yet are tried again while any other could be.
async fn make_views(session: &mut Session, schemas: &[Schema]) -> Result<()> {
    let mut waiting: Vec<(&Schema, &Object)> = Vec::new();
    for schema in schemas {
        let there = names(session, "TABLE_NAME", "TABLES", "TABLE_SCHEMA", &schema.name).await?;
        waiting.extend(schema.views.iter().filter(|view| !there.contains(&view.name)).map(|view| (schema, view)));
    }
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut later = Vec::new();
        let mut last = None;
        for (schema, view) in waiting {
            match make(session, schema, view, &without_definer(&view.statement)).await {
                // No such table, unknown column, invalid view beneath.
                Err(error) if matches!(code(&error), Some(1146 | 1054 | 1356 | 1305)) => {
                    later.push((schema, view));
                    last = Some(error);
                }
                outcome => outcome?,
            }
        }
        waiting = later;
        if waiting.len() == before
            && let Some(error) = last
        {
            return Err(
                error.next("a view at the source stands on something that is not there: drop it there, or mend it")
            );
        }
    }
    Ok(())
}

async fn make(session: &mut Session, schema: &Schema, object: &Object, statement: &str) -> Result<()> {
    let doing = format!("make {} {}.{}", object.kind.to_lowercase(), schema.name, object.name);
    enter(session, schema).await?;
    let text = |value: &str, otherwise: &str| literal(if value.is_empty() { otherwise } else { value });
    let settings = format!(
        "SET SESSION character_set_client = {}, SESSION collation_connection = {}, SESSION sql_mode = {}, SESSION time_zone = {}",
        text(&object.client, "utf8mb4"),
        text(&object.collation, "utf8mb4_0900_ai_ci"),
        literal(&object.sql_mode),
        text(&object.time_zone, "+00:00"),
    );
    let statement = in_charset(session, &doing, statement, &object.client).await?;
    session.run(&doing, &settings).await?;
    let outcome = session.run_bytes(&doing, statement).await;
    session
        .run(&doing, "SET NAMES utf8mb4, SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION', SESSION time_zone = '+00:00'")
        .await?;
    outcome
}

/// A statement as a client of that character set sends it: the server keeps the body as it comes.
async fn in_charset(session: &mut Session, doing: &str, statement: &str, charset: &str) -> Result<Vec<u8>> {
    if statement.is_ascii() || charset.is_empty() || charset.starts_with("utf8") {
        return Ok(statement.as_bytes().to_vec());
    }
    let (text, charset) = (literal(statement), identifier(charset));
    session.one(doing, &format!("SELECT CAST(CONVERT({text} USING {charset}) AS BINARY)")).await
}

/// Unqualified names in the statements are the schema's own.
async fn enter(session: &mut Session, schema: &Schema) -> Result<()> {
    session.run(&format!("use {}", schema.name), &format!("USE {}", identifier(&schema.name))).await
}

async fn names(
    session: &mut Session,
    column: &str,
    view: &str,
    schema_column: &str,
    schema: &str,
) -> Result<HashSet<String>> {
    let sql = format!("SELECT {column} FROM information_schema.{view} WHERE {schema_column} = {}", literal(schema));
    Ok(session.query::<String>(&format!("read what is in {schema}"), &sql).await?.into_iter().collect())
}
