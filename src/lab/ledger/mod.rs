//! The ledger of a rehearsal: what the tenants were promised, held against what the databases hold.
//!
//! The clients' records come from the traffic's files, the databases' from SQL, from a table without a
//! unique key on the id: a row doubled is seen. [`tally`] compares, [`Summary`] says it in the rehearsal's
//! words, [`recount`] does both again for a rehearsal that has ended.

mod database;
mod records;
mod recount;
mod summary;
mod tally;

pub use database::{Counts, Database};
pub use records::Records;
pub use recount::{Book, Party, recount};
pub use summary::Summary;
pub use tally::{Tally, compare};

use crate::services::Result;

/// Reads both databases and compares. `serving` is the one that serves at the end; `other` may be gone by
/// then: what was in it only is lost all the same, and only how much that was stays unsaid.
pub async fn tally(records: &Records, serving: &Database, other: Option<&Database>) -> Result<Tally> {
    let serving = serving.attempts().await?;
    let other = match other {
        Some(database) => Some(database.attempts().await?),
        None => None,
    };
    Ok(compare(records, &serving, other.as_ref()))
}
