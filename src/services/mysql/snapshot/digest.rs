//! A table's digest, worked out by the server inside the snapshot: what a restored copy has to give again.
//!
//! How many rows there are, and a sum over 60 bits of each row's SHA-256. Every cell carries its length, and
//! NULL is unlike any text, so that no two different rows read alike. A sum, not an exclusive or: two equal
//! rows do not cancel out.

use crate::services::Result;
use crate::services::mysql::quote::identifier;
use crate::services::mysql::session::Session;
use crate::services::mysql::table::{Column, Table};

/// Characters up to which a text stands in a row's hash itself; longer ones as a hash of theirs, so that no
/// row comes near `max_allowed_packet`, where CONCAT gives NULL.
const SHORT: u64 = 512;

/// Rows and digest of a whole table, as this session sees it.
pub async fn digest(session: &mut Session, table: &Table) -> Result<(u64, String)> {
    let doing = format!("work out the digest of {}", table.plain());
    let cells: Vec<_> = table.columns.iter().map(cell).collect();
    let sql = format!(
        "SELECT COUNT(*), CAST(COALESCE(SUM(CAST(CONV(LEFT(h, 15), 16, 10) AS UNSIGNED)), 0) AS CHAR), \
         COUNT(*) - COUNT(h), CAST(COALESCE(SUM(inexact), 0) AS UNSIGNED) \
         FROM (SELECT SHA2(CONCAT({}), 256) AS h, {} AS inexact FROM {}) AS hashed",
        cells.join(", "),
        inexact(table),
        table.sql()
    );
    let (rows, sum, unknown, inexact): (u64, String, u64, u64) = session.one(&doing, &sql).await?;
    if inexact > 0 {
        let why =
            format!("{inexact} row(s) of {} hold a decimal inside JSON that no text carries exactly", table.plain());
        return Err(session.refuse(&doing, why).next("store those numbers as strings, or in columns of their own"));
    }
    if unknown > 0 {
        return Err(session.refuse(&doing, format!("{unknown} row(s) have no digest: raise max_allowed_packet")));
    }
    Ok((rows, sum))
}

/// A document as it comes out of its own text. A decimal inside a document has no text of its own kind: it
/// is read again as a double, here as in every copy that is made through text.
fn as_text_carries_it(name: &str) -> String {
    format!("CAST(CAST({name} AS CHAR) AS JSON)")
}

/// Whether a row has a document that is not equal to what its own text gives.
fn inexact(table: &Table) -> String {
    let documents = table.columns.iter().filter(|column| column.kind == "json").map(|column| identifier(&column.name));
    let unequal: Vec<_> = documents.map(|name| format!("NOT ({name} <=> {})", as_text_carries_it(&name))).collect();
    if unequal.is_empty() { "0".to_owned() } else { format!("({})", unequal.join(" OR ")) }
}

/// One cell: `N` where it is NULL, else its length, a colon, and its bytes.
fn cell(column: &Column) -> String {
    let name = identifier(&column.name);
    let short = column.longest.is_some_and(|longest| longest <= SHORT);
    let value = match column.kind.as_str() {
        // A FLOAT's own text is rounded.
        "float" => format!("CAST(CAST({name} AS DOUBLE) AS CHAR)"),
        // By number: the error value of an ENUM and an empty member read alike.
        "enum" | "set" | "bit" => format!("CAST({name} + 0 AS CHAR)"),
        "json" => format!("SHA2(CAST({} AS CHAR), 256)", as_text_carries_it(&name)),
        "char" | "varchar" | "binary" | "varbinary" if short => format!("CAST({name} AS BINARY)"),
        "char" | "varchar" | "binary" | "varbinary" | "tinytext" | "text" | "mediumtext" | "longtext" | "tinyblob"
        | "blob" | "mediumblob" | "longblob" => format!("SHA2(CAST({name} AS BINARY), 256)"),
        "vector" | "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geomcollection" | "geometrycollection" => format!("SHA2(HEX({name}), 256)"),
        _ => format!("CAST({name} AS CHAR)"),
    };
    format!("IFNULL(CAST(CONCAT(LENGTH({value}), ':', {value}) AS BINARY), 'N')")
}
