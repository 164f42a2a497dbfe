//! Loading by INSERTs of many rows, where a server takes no local files.

use super::chunk::no_other_warnings;
use crate::services::Result;
use crate::services::mysql::quote::identifier;
use crate::services::mysql::session::Session;
use crate::services::mysql::snapshot::carry::Carry;
use crate::services::mysql::snapshot::row;
use crate::services::mysql::table::{Column, Table};

/// Aimed length of a statement, in bytes: well under the smallest usual `max_allowed_packet`.
const STATEMENT: usize = 512 * 1024;

/// Inserts a packed chunk's rows, inside the caller's transaction; gives their number.
pub(super) async fn rows(
    session: &mut Session,
    table: &Table,
    packed: Vec<u8>,
    empty_enums: u64,
    doing: &str,
) -> Result<u64> {
    let text = zstd::stream::decode_all(packed.as_slice());
    let text = text.map_err(|error| session.refuse(doing, format!("the chunk could not be unpacked: {error}")))?;
    let columns: Vec<&Column> = table.stored().collect();
    let names: Vec<_> = columns.iter().map(|column| identifier(&column.name)).collect();
    let head = format!("INSERT INTO {} ({}) VALUES ", table.sql(), names.join(", "));
    let (mut statement, mut total) = (String::new(), 0);
    let mut lines = text.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let last = lines.peek().is_none();
        if !last {
            let cells = row::decode(line).filter(|cells| cells.len() == columns.len());
            let cells = cells.ok_or_else(|| session.refuse(doing, "a row of the chunk could not be read"))?;
            statement.push_str(if statement.is_empty() { &head } else { ", " });
            statement.push_str(&tuple(&columns, &cells));
        }
        if statement.len() > STATEMENT || (last && !statement.is_empty()) {
            total += session.change(doing, &statement).await?;
            if empty_enums == 0 {
                no_other_warnings(session, 0, doing).await?;
            }
            statement.clear();
        }
    }
    Ok(total)
}

fn tuple(columns: &[&Column], cells: &[Option<Vec<u8>>]) -> String {
    let values: Vec<_> = columns.iter().zip(cells).map(|(column, cell)| value(column, cell.as_deref())).collect();
    format!("({})", values.join(", "))
}

/// Whole and decimal numbers stand as they are; everything else as hexadecimal bytes, so that no character set comes in between.
fn value(column: &Column, cell: Option<&[u8]>) -> String {
    let Some(bytes) = cell else { return "NULL".to_owned() };
    let number = matches!(
        column.kind.as_str(),
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "bit" | "year"
    );
    if number {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    // A bare -0 would be read as an integer, which has no sign.
    let quoted = matches!(column.kind.as_str(), "float" | "double" | "date" | "datetime" | "timestamp" | "time");
    if quoted {
        return format!("'{}'", String::from_utf8_lossy(bytes));
    }
    let literal = format!("X'{}'", hex::encode(bytes));
    Carry::of(column).convert(&literal).unwrap_or(literal)
}
