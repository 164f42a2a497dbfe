//! Everything of a schema that is not a row, read from the catalogue of both sides and compared line by line.
//!
//! Left out on purpose: definers (a managed admin cannot give them), an event's status (events sleep on a
//! replica), statistics. What an account may not see is not listed at all, or compared as `not shown`:
//! so whoever compares asks for the rights first ([`super::super::rights`]). Counters have rules of their own ([`super::counters`]).

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::super::quote::literals;
use super::super::session::Session;
use super::Pair;
use crate::services::Result;

/// What there is, and the query that lists it: `WHERE` and the schemas follow.
const KINDS: &[(&str, &str)] = &[
    (
        "schema",
        "SELECT CONCAT_WS(' ', SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME) \
         FROM information_schema.SCHEMATA WHERE SCHEMA_NAME",
    ),
    (
        "table",
        "SELECT CONCAT_WS(' ', CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), ENGINE, ROW_FORMAT, TABLE_COLLATION, \
         IF(CREATE_OPTIONS = '', '-', CREATE_OPTIONS), 'comment', QUOTE(TABLE_COMMENT)) \
         FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA",
    ),
    (
        "partition",
        "SELECT CONCAT_WS(' ', CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), PARTITION_NAME, PARTITION_METHOD, \
         PARTITION_EXPRESSION, IFNULL(PARTITION_DESCRIPTION, '-'), IFNULL(SUBPARTITION_NAME, '-'), \
         IFNULL(SUBPARTITION_METHOD, '-'), IFNULL(SUBPARTITION_EXPRESSION, '-')) \
         FROM information_schema.PARTITIONS WHERE PARTITION_NAME IS NOT NULL AND TABLE_SCHEMA",
    ),
    (
        "column",
        "SELECT CONCAT_WS(' ', CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), ORDINAL_POSITION, COLUMN_NAME, COLUMN_TYPE, \
         IS_NULLABLE, IFNULL(CONCAT('default ', COLUMN_DEFAULT), '-'), IFNULL(CHARACTER_SET_NAME, '-'), \
         IFNULL(COLLATION_NAME, '-'), EXTRA, IFNULL(GENERATION_EXPRESSION, ''), IFNULL(SRS_ID, ''), \
         'comment', QUOTE(COLUMN_COMMENT)) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA",
    ),
    (
        "index",
        "SELECT CONCAT_WS(' ', CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), INDEX_NAME, SEQ_IN_INDEX, NON_UNIQUE, \
         IFNULL(COLUMN_NAME, ''), IFNULL(EXPRESSION, ''), IFNULL(SUB_PART, ''), IFNULL(COLLATION, '-'), INDEX_TYPE, \
         IS_VISIBLE, 'comment', QUOTE(INDEX_COMMENT)) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA",
    ),
    (
        "constraint",
        "SELECT CONCAT_WS(' ', CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), CONSTRAINT_NAME, CONSTRAINT_TYPE, ENFORCED) \
         FROM information_schema.TABLE_CONSTRAINTS WHERE TABLE_SCHEMA",
    ),
    (
        "check",
        "SELECT CONCAT_WS(' ', CONCAT(CONSTRAINT_SCHEMA, '.', CONSTRAINT_NAME), CHECK_CLAUSE) \
         FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA",
    ),
    (
        "foreign key",
        "SELECT CONCAT_WS(' ', CONCAT(CONSTRAINT_SCHEMA, '.', TABLE_NAME), CONSTRAINT_NAME, REFERENCED_TABLE_NAME, \
         UPDATE_RULE, DELETE_RULE) FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA",
    ),
    (
        "foreign key's column",
        "SELECT CONCAT_WS(' ', CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), CONSTRAINT_NAME, ORDINAL_POSITION, COLUMN_NAME, \
         REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME) \
         FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL AND TABLE_SCHEMA",
    ),
    (
        "view",
        "SELECT CONCAT_WS(' ', CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), IF(VIEW_DEFINITION = '', 'not shown', \
         SHA2(VIEW_DEFINITION, 256)), CHECK_OPTION, IS_UPDATABLE, SECURITY_TYPE, CHARACTER_SET_CLIENT, \
         COLLATION_CONNECTION) FROM information_schema.VIEWS WHERE TABLE_SCHEMA",
    ),
    (
        "routine",
        "SELECT CONCAT_WS(' ', CONCAT(ROUTINE_SCHEMA, '.', ROUTINE_NAME), ROUTINE_TYPE, \
         IFNULL(SHA2(ROUTINE_DEFINITION, 256), 'not shown'), IFNULL(DTD_IDENTIFIER, ''), IS_DETERMINISTIC, \
         SQL_DATA_ACCESS, SECURITY_TYPE, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, 'comment', \
         QUOTE(ROUTINE_COMMENT)) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA",
    ),
    (
        "parameter",
        "SELECT CONCAT_WS(' ', CONCAT(SPECIFIC_SCHEMA, '.', SPECIFIC_NAME), ROUTINE_TYPE, ORDINAL_POSITION, \
         IFNULL(PARAMETER_MODE, '-'), IFNULL(PARAMETER_NAME, '-'), DTD_IDENTIFIER, IFNULL(COLLATION_NAME, '-')) \
         FROM information_schema.PARAMETERS WHERE SPECIFIC_SCHEMA",
    ),
    (
        "trigger",
        "SELECT CONCAT_WS(' ', CONCAT(TRIGGER_SCHEMA, '.', TRIGGER_NAME), EVENT_OBJECT_TABLE, ACTION_TIMING, \
         EVENT_MANIPULATION, ACTION_ORDER, IFNULL(SHA2(ACTION_STATEMENT, 256), 'not shown'), SQL_MODE, \
         CHARACTER_SET_CLIENT, COLLATION_CONNECTION) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA",
    ),
    (
        "event",
        "SELECT CONCAT_WS(' ', CONCAT(EVENT_SCHEMA, '.', EVENT_NAME), IFNULL(SHA2(EVENT_DEFINITION, 256), 'not shown'), \
         EVENT_TYPE, IFNULL(INTERVAL_VALUE, ''), IFNULL(INTERVAL_FIELD, ''), IFNULL(EXECUTE_AT, '-'), \
         IFNULL(STARTS, '-'), IFNULL(ENDS, '-'), ON_COMPLETION, TIME_ZONE, SQL_MODE, CHARACTER_SET_CLIENT, \
         COLLATION_CONNECTION, 'comment', QUOTE(EVENT_COMMENT)) FROM information_schema.EVENTS WHERE EVENT_SCHEMA",
    ),
];

/// Every object that is on one side only, or is another there.
pub(super) async fn differences(pair: &mut Pair, schemas: &[String]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (kind, query) in KINDS {
        let sql = format!("{query} IN ({})", literals(schemas));
        let (here, there) = tokio::try_join!(list(&mut pair.source, kind, &sql), list(&mut pair.target, kind, &sql))?;
        found.extend(here.difference(&there).map(|line| format!("{kind} on the source only: {line}")));
        found.extend(there.difference(&here).map(|line| format!("{kind} on the target only: {line}")));
    }
    Ok(found)
}

/// What a digest of the catalogue leaves out: an event that ran for the last time drops itself.
const GOES_BY_ITSELF: &str = "event";

/// A digest of the objects of each kind: whoever keeps them can tell later which kind has changed since.
pub async fn digests(session: &mut Session, schemas: &[String]) -> Result<BTreeMap<String, String>> {
    let mut made = BTreeMap::new();
    for (kind, query) in KINDS.iter().filter(|(kind, _)| *kind != GOES_BY_ITSELF) {
        let mut digest = Sha256::new();
        for line in list(session, kind, &format!("{query} IN ({})", literals(schemas))).await? {
            digest.update(line);
            digest.update([0]);
        }
        made.insert((*kind).to_owned(), hex::encode(digest.finalize()));
    }
    Ok(made)
}

async fn list(session: &mut Session, kind: &str, sql: &str) -> Result<BTreeSet<String>> {
    let lines: Vec<String> = session.query(&format!("list every {kind}"), sql).await?;
    Ok(lines.into_iter().collect())
}
