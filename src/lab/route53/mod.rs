//! The lab's Route 53: its REST API with real signatures, and the DNS that it is the front of.
//!
//! A stand-in of our own, because the emulators there are answer no DNS, call every change INSYNC at once and
//! let wrong batches through. This one is as strict as the service where the adapter relies on it: batches
//! are atomic, a DELETE matches to the letter, changes are PENDING before DNS answers them, and the account's
//! allowance is small. [`serve`] is the process of its own that the lab runs; [`launch`] is the same inside a
//! test.

mod answers;
mod api;
mod batch;
mod dns;
mod listing;
pub(in crate::lab) mod part;
mod process;
mod request;
mod response;
mod server;
mod service;
mod signature;
mod values;
mod world;

pub use process::{Found, KEY_ID, KEY_SECRET, Place, Process, serve_lab};
pub use server::{Options, Standin, launch, serve};
pub use service::Manners;
pub use world::{ELB_ZONE_ID, ELB_ZONE_NAME, Seed, ZONE_ID, ZONE_NAME};
