//! A row's fingerprint as an SQL expression, for the server to work out: whether two rows are the same,
//! whatever they hold.
//!
//! SHA-256 of every cell with its length, NULL unlike any text, so that no two different rows read alike.
//! (MySQL 9.7 has no MD5 any more.) Shares nothing with the code that copies rows.

use super::quote::identifier;
use super::table::{Column, Table};

/// Characters up to which a text stands in a row's fingerprint itself; longer ones as a hash of theirs, so
/// that no row comes near `max_allowed_packet`, where CONCAT gives NULL.
const SHORT: u64 = 512;

/// The fingerprint of a row of this table: 64 hexadecimal digits. NULL where a value is larger than a packet.
#[must_use]
pub fn of_row(table: &Table) -> String {
    let cells: Vec<_> = table.columns.iter().map(cell).collect();
    format!("SHA2(CONCAT({}), 256)", cells.join(", "))
}

/// Whether a row has a document that is not equal to what its own text gives: `0` or `1`.
#[must_use]
pub fn is_inexact(table: &Table) -> String {
    let documents = table.columns.iter().filter(|column| column.kind == "json").map(|column| identifier(&column.name));
    let unequal: Vec<_> = documents.map(|name| format!("NOT ({name} <=> {})", as_text_carries_it(&name))).collect();
    if unequal.is_empty() { "0".to_owned() } else { format!("({})", unequal.join(" OR ")) }
}

/// A document as it comes out of its own text. A decimal inside a document has no text of its own kind: it
/// is read again as a double, here as in every copy that is made through text.
fn as_text_carries_it(name: &str) -> String {
    format!("CAST(CAST({name} AS CHAR) AS JSON)")
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
