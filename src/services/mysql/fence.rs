//! The fence: what keeps a database from taking the application's writes, whatever reaches it.
//!
//! On a server of one's own it is `super_read_only`, which lets only replication through ([`own`]); on a
//! managed server the application's account is locked, its rights are taken and its sessions ended
//! ([`managed`]). Either way what was there before is recorded first, so that opening puts back exactly
//! that, and a fence counts as shut only when a real write of the application's account was refused on a
//! fresh and on a held connection ([`proof`]).

pub mod blockers;
pub mod managed;
pub mod own;
pub mod proof;

pub use blockers::Blockers;
pub use proof::{Held, Refusal};
