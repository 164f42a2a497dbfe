//! Tables as the catalogue describes them: columns, primary keys, sizes.

use mysql_async::prelude::FromRow;
use serde::{Deserialize, Serialize};

use super::quote::{identifier, literals, qualified};
use super::session::Session;
use crate::services::Result;

/// A base table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its storage engine.
    pub engine: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The columns of its primary key, in order; empty where it has none.
    pub primary: Vec<String>,
    /// The server's estimate of its rows.
    pub estimated_rows: u64,
    /// The server's estimate of its size without secondary indexes, in bytes.
    pub estimated_bytes: u64,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type without length or attributes, lower case: `varchar`.
    pub kind: String,
    /// Its type in full: `varchar(40)`, `enum('a','b')`.
    pub full_type: String,
    /// Its character set; absent where it holds no characters.
    pub charset: Option<String>,
    /// Its length limit in characters, where it has one.
    pub longest: Option<u64>,
    /// Whether the server works its value out.
    pub generated: bool,
}

#[derive(FromRow)]
#[mysql(rename_all = "snake_case")]
struct TableRow {
    table_schema: String,
    table_name: String,
    engine: Option<String>,
    table_rows: Option<u64>,
    data_length: Option<u64>,
}

#[derive(FromRow)]
#[mysql(rename_all = "snake_case")]
struct ColumnRow {
    table_schema: String,
    table_name: String,
    column_name: String,
    data_type: String,
    column_type: String,
    character_set_name: Option<String>,
    character_maximum_length: Option<u64>,
    generation_expression: Option<String>,
}

impl Table {
    /// The quoted name with its schema.
    #[must_use]
    pub fn sql(&self) -> String {
        qualified(&self.schema, &self.name)
    }

    /// The name as people read it.
    #[must_use]
    pub fn plain(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// The columns that hold values of their own.
    pub fn stored(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.generated)
    }

    /// The first column of the primary key where it is an integer: rows can be parted by it with arithmetic.
    #[must_use]
    pub fn integer_key(&self) -> Option<&Column> {
        let first = self.primary.first()?;
        let column = self.columns.iter().find(|column| column.name == *first)?;
        matches!(column.kind.as_str(), "tinyint" | "smallint" | "mediumint" | "int" | "bigint").then_some(column)
    }

    /// `` `a`, `b` `` of the primary key.
    #[must_use]
    pub fn primary_sql(&self) -> Option<String> {
        let names: Vec<_> = self.primary.iter().map(|name| identifier(name)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

/// Reads every base table of `schemas`, by schema and name.
pub async fn read_tables(session: &mut Session, schemas: &[String]) -> Result<Vec<Table>> {
    let doing = "read the tables";
    let within = literals(schemas);
    session.run(doing, "SET SESSION information_schema_stats_expiry = 0").await?;
    let tables: Vec<TableRow> = session
        .query(
            doing,
            &format!(
                "SELECT TABLE_SCHEMA AS table_schema, TABLE_NAME AS table_name, ENGINE AS engine, \
                 TABLE_ROWS AS table_rows, DATA_LENGTH AS data_length FROM information_schema.TABLES \
                 WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN ({within}) ORDER BY 1, 2"
            ),
        )
        .await?;
    let columns: Vec<ColumnRow> = session
        .query(
            doing,
            &format!(
                "SELECT TABLE_SCHEMA AS table_schema, TABLE_NAME AS table_name, COLUMN_NAME AS column_name, \
                 LOWER(DATA_TYPE) AS data_type, COLUMN_TYPE AS column_type, CHARACTER_SET_NAME AS character_set_name, \
                 CHARACTER_MAXIMUM_LENGTH AS character_maximum_length, \
                 GENERATION_EXPRESSION AS generation_expression FROM information_schema.COLUMNS \
                 WHERE TABLE_SCHEMA IN ({within}) ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION"
            ),
        )
        .await?;
    let keys: Vec<(String, String, String)> = session
        .query(
            doing,
            &format!(
                "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.STATISTICS \
                 WHERE INDEX_NAME = 'PRIMARY' AND TABLE_SCHEMA IN ({within}) \
                 ORDER BY TABLE_SCHEMA, TABLE_NAME, SEQ_IN_INDEX"
            ),
        )
        .await?;
    let of = |table: &TableRow, schema: &str, name: &str| table.table_schema == schema && table.table_name == name;
    Ok(tables
        .into_iter()
        .map(|table| Table {
            columns: columns
                .iter()
                .filter(|column| of(&table, &column.table_schema, &column.table_name))
                .map(column)
                .collect(),
            primary: keys.iter().filter(|key| of(&table, &key.0, &key.1)).map(|key| key.2.clone()).collect(),
            schema: table.table_schema,
            name: table.table_name,
            engine: table.engine.unwrap_or_default(),
            estimated_rows: table.table_rows.unwrap_or(0),
            estimated_bytes: table.data_length.unwrap_or(0),
        })
        .collect())
}

/// The names of the base tables that have no primary key, `schema.table`.
pub async fn without_primary_key(session: &mut Session, schemas: &[String]) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT CONCAT(t.TABLE_SCHEMA, '.', t.TABLE_NAME) FROM information_schema.TABLES t \
         LEFT JOIN information_schema.TABLE_CONSTRAINTS c ON c.TABLE_SCHEMA = t.TABLE_SCHEMA \
         AND c.TABLE_NAME = t.TABLE_NAME AND c.CONSTRAINT_TYPE = 'PRIMARY KEY' \
         WHERE t.TABLE_TYPE = 'BASE TABLE' AND t.TABLE_SCHEMA IN ({}) AND c.CONSTRAINT_NAME IS NULL ORDER BY 1",
        literals(schemas)
    );
    session.query("look for tables without a primary key", &sql).await
}

fn column(row: &ColumnRow) -> Column {
    Column {
        name: row.column_name.clone(),
        kind: row.data_type.clone(),
        full_type: row.column_type.clone(),
        charset: row.character_set_name.clone(),
        longest: row.character_maximum_length,
        generated: row.generation_expression.as_deref().is_some_and(|expression| !expression.is_empty()),
    }
}
