//! The count and the hash of a chunk, worked out by the server.
//!
//! A chunk's hash is the sum of its rows' fingerprints in two pieces, so that order does not matter, and two
//! equal rows too many do not cancel out as they would with XOR.

use std::collections::BTreeMap;

use mysql_async::prelude::FromRow;

use super::super::fingerprint;
use super::super::session::Session;
use super::Pair;
use super::chunk::Chunk;
use crate::services::Result;

/// So many differing keys are named.
const NAMED: usize = 5;

/// What a server says of a chunk.
#[derive(Debug, PartialEq, Eq, FromRow)]
pub(super) struct Sums {
    pub(super) rows: u64,
    high: String,
    low: String,
    /// Rows whose hash could not be worked out (a value larger than a packet).
    unhashed: u64,
}

/// Counts and hashes a chunk.
pub(super) async fn sums(session: &mut Session, chunk: &Chunk<'_>) -> Result<Sums> {
    let half =
        |from: u32| format!("CAST(COALESCE(SUM(CAST(CONV(SUBSTRING(h, {from}, 16), 16, 10) AS UNSIGNED)), 0) AS CHAR)");
    let sql = format!(
        "SELECT COUNT(*) AS `rows`, {} AS high, {} AS low, COUNT(*) - COUNT(h) AS unhashed \
         FROM (SELECT {} AS h FROM {} WHERE {}) AS hashed",
        half(1),
        half(17),
        fingerprint::of_row(chunk.table),
        chunk.table.sql(),
        chunk.condition()
    );
    let doing = format!("hash {}", chunk.name());
    let sums: Sums = session.one(&doing, &sql).await?;
    if sums.unhashed > 0 {
        return Err(session.refuse(&doing, format!("{} rows have no hash: raise max_allowed_packet", sums.unhashed)));
    }
    Ok(sums)
}

/// The keys that differ, the first few, in words.
pub(super) async fn differing(pair: &mut Pair, chunk: &Chunk<'_>) -> Result<String> {
    let Some(primary) = chunk.table.primary_sql() else { return Ok("the table has no primary key".to_owned()) };
    let sql = format!(
        "SELECT CONCAT_WS('/', {primary}), {} FROM {} WHERE {}",
        fingerprint::of_row(chunk.table),
        chunk.table.sql(),
        chunk.condition()
    );
    let doing = format!("find what differs in {}", chunk.name());
    let here: Vec<(Vec<u8>, String)> = pair.source.query(&doing, &sql).await?;
    let there: Vec<(Vec<u8>, String)> = pair.target.query(&doing, &sql).await?;
    let (here, there): (BTreeMap<_, _>, BTreeMap<_, _>) = (here.into_iter().collect(), there.into_iter().collect());
    let missing = here.keys().filter(|key| !there.contains_key(*key)).map(|key| format!("{} is missing", named(key)));
    let extra = there.keys().filter(|key| !here.contains_key(*key)).map(|key| format!("{} is too many", named(key)));
    let other = here.iter().filter(|(key, hash)| there.get(*key).is_some_and(|other| other != *hash));
    let other = other.map(|(key, _)| format!("{} is another", named(key)));
    let named: Vec<String> = missing.chain(extra).chain(other).take(NAMED).collect();
    Ok(format!("keys: {}", named.join(", ")))
}

/// A key for a reader: as text where it is some, else as MySQL writes bytes.
fn named(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => format!("0x{}", hex::encode_upper(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_key_of_bytes_is_named_too() {
        assert_eq!(named("7/käse".as_bytes()), "7/käse");
        assert_eq!(named(&[0x11, 0xEF, 0x80]), "0x11EF80");
        assert_eq!(named(b"\x1b[2J"), "0x1B5B324A");
    }
}
