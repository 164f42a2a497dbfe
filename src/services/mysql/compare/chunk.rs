//! A table cut into pieces that both servers can find: ranges of its integer primary key.

use super::super::quote::identifier;
use super::super::session::Session;
use super::super::table::Table;
use crate::services::Result;

/// Rows in a piece: one server-side scan of well under a second.
const ROWS: u64 = 25_000;

/// A piece of a table: rows whose key is at least `from` and below `to`.
#[derive(Debug)]
pub(super) struct Chunk<'a> {
    pub(super) table: &'a Table,
    from: Option<String>,
    to: Option<String>,
}

impl Chunk<'_> {
    /// The condition for its rows.
    pub(super) fn condition(&self) -> String {
        let Some(key) = self.table.integer_key() else { return "TRUE".to_owned() };
        let key = identifier(&key.name);
        match (&self.from, &self.to) {
            (None, None) => "TRUE".to_owned(),
            (Some(from), None) => format!("{key} >= {from}"),
            (None, Some(to)) => format!("{key} < {to}"),
            (Some(from), Some(to)) => format!("{key} >= {from} AND {key} < {to}"),
        }
    }

    /// In a reader's words: `shop.orders, id 1 to 25000`.
    pub(super) fn name(&self) -> String {
        let edge = |edge: &Option<String>, open: &str| edge.clone().unwrap_or_else(|| open.to_owned());
        if self.from.is_none() && self.to.is_none() {
            return self.table.plain();
        }
        format!(
            "{}, key from {} to below {}",
            self.table.plain(),
            edge(&self.from, "the first"),
            edge(&self.to, "the end")
        )
    }
}

/// Cuts a table. The first piece is open below and the last one above, so that no row on the other side
/// falls between them.
pub(super) async fn split<'a>(session: &mut Session, table: &'a Table) -> Result<Vec<Chunk<'a>>> {
    let mut edges: Vec<Option<String>> = vec![None];
    if let Some(key) = table.integer_key() {
        let (key, name) = (identifier(&key.name), table.sql());
        loop {
            let after =
                edges.last().cloned().flatten().map_or_else(|| "TRUE".to_owned(), |edge| format!("{key} >= {edge}"));
            let sql =
                format!("SELECT CAST({key} AS CHAR) FROM {name} WHERE {after} ORDER BY {key} LIMIT 1 OFFSET {ROWS}");
            let edge: Option<String> = session.first(&format!("cut {} into chunks", table.plain()), &sql).await?;
            match edge {
                // Many rows with one value in the first key column: they stay in one piece.
                Some(edge) if Some(&edge) == edges.last().and_then(Option::as_ref) => break,
                Some(edge) => edges.push(Some(edge)),
                None => break,
            }
        }
    }
    let ends = edges.iter().skip(1).cloned().chain([None]);
    Ok(edges.iter().cloned().zip(ends).map(|(from, to)| Chunk { table, from, to }).collect())
}
