//! The ledger of a rehearsal: what the tenants were promised, held against what the databases hold.
//!
//! The clients' records come from the traffic's files, the databases' from SQL, from a table without a
//! unique key on the id: a row doubled is seen. [`compare`] compares, [`Summary`] says it in the rehearsal's
//! words, [`recount`] does both again for a rehearsal that has ended, [`remember`] looks into a database that is
//! about to be stopped.

mod database;
mod records;
mod recount;
mod summary;
mod tally;

pub use database::{Counts, Database};
pub use records::Records;
pub use recount::{Book, Party, recount, remember};
pub use summary::Summary;
pub use tally::{Tally, compare};
