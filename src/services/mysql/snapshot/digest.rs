//! A table's digest, worked out by the server inside the snapshot: what a restored copy has to give again.
//!
//! How many rows there are, and a sum over 60 bits of each row's fingerprint. A sum, not an exclusive or: two
//! equal rows do not cancel out.

use crate::services::Result;
use crate::services::mysql::fingerprint;
use crate::services::mysql::session::Session;
use crate::services::mysql::table::Table;

/// Rows and digest of a whole table, as this session sees it.
pub async fn digest(session: &mut Session, table: &Table) -> Result<(u64, String)> {
    let doing = format!("work out the digest of {}", table.plain());
    let sql = format!(
        "SELECT COUNT(*), CAST(COALESCE(SUM(CAST(CONV(LEFT(h, 15), 16, 10) AS UNSIGNED)), 0) AS CHAR), \
         COUNT(*) - COUNT(h), CAST(COALESCE(SUM(inexact), 0) AS UNSIGNED) \
         FROM (SELECT {} AS h, {} AS inexact FROM {}) AS hashed",
        fingerprint::of_row(table),
        fingerprint::is_inexact(table),
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
