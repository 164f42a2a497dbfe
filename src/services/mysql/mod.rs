//! MySQL servers: sessions, facts, consistent snapshots, parallel loads, comparison, replication, fences.
//!
//! Everything here speaks plain SQL over [`session::Session`]s and knows nothing of runbooks. Statements
//! that a managed server's admin may not give are given through the procedures that it offers instead.

pub mod compare;
pub mod endpoint;
pub mod events;
pub mod fault;
pub mod fence;
pub mod fingerprint;
pub mod grants;
pub mod gtid;
pub mod gtid_mode;
pub mod load;
pub mod lock;
pub mod quote;
pub mod replication;
pub mod rights;
pub mod schema;
pub mod server;
pub mod session;
pub mod sessions;
pub mod snapshot;
pub mod table;
pub mod variable;

pub use endpoint::{Endpoint, Tls};
pub use fault::code;
pub use gtid::GtidSet;
pub use lock::LockName;
pub use quote::{identifier, literal, literals};
pub use server::{Flavour, Server, Version, way_back};
pub use session::Session;
