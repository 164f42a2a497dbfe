//! Route 53: the sets at a name, and changing them by compare-and-swap only.
//!
//! A [`RecordSet`] is a plain value that keeps everything a set may carry, so that a journal can hold
//! "the exact old set" and put it back. [`Route53`] finds a [`Zone`]; the zone reads and swaps. What a
//! set may become is decided by pure functions in [`rules`]. No type of the SDK shows outside this folder.
//!
//! Three facts of the service shape it: a batch is all or nothing, a DELETE must match exactly (so a
//! swap is DELETE old + CREATE new in one batch, never an UPSERT), and the account's allowance is five
//! requests a second (so everybody in this process shares one [`pace`]).

mod change;
mod client;
mod compare;
mod convert;
mod fault;
mod login;
mod owner;
mod pace;
mod record;
pub mod rules;
mod zone;

pub use change::{Change, ChangeId, ChangeState, Stands};
pub use client::{Access, Route53, ZoneInfo};
pub use compare::{canonical_name, differences, same_sets};
pub use login::Login;
pub use owner::Owner;
pub use record::{Alias, Body, Policy, RecordKind, RecordSet};
pub use zone::Zone;
