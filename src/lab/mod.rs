//! The lab: real services on this machine that stand for Rev1 and for its target.
//!
//! Each piece is a [`Part`]; everything made carries the label [`LABEL`], lives on the network
//! [`NETWORK`], and is taken away by that label and nothing else. A part is a module here with five
//! functions, all taking the [`Site`] (the Docker engine, the lab directory, who hears of progress):
//!
//! ```text
//! up(&Site)      idempotent: makes what is missing, keeps what is right; returns when it answers
//! ready(&Site)   looks, changes nothing: Ready, Down (with the reason) or Absent
//! reset(&Site)   a fresh world in seconds, images and caches kept; as `up` when it was absent
//! down(&Site)    takes its containers, volumes and processes away; safe when it was never up
//! ```
//!
//! A new part adds a variant to [`Part`] and one line to each `match` in `part.rs`; the compiler finds
//! the places. Images come from [`Recipe`]s, tagged by the hash of what they are made of.

pub mod approver;
pub mod inventory;
pub mod kubernetes;
pub mod ledger;
pub mod managed_mysql;
pub mod own_cluster;
pub mod part;
pub mod progress;
pub mod recipe;
pub mod registry;
pub mod rev1;
pub mod route53;
pub mod secrets;
pub mod site;
pub mod tls;
pub mod traffic;
pub mod world;

mod base;
mod data_directory;
mod files;
mod install;
mod mysql;
mod removal;
mod server;

pub use part::{Part, State};
pub use progress::Progress;
pub use recipe::Recipe;
pub use site::Site;
pub use world::{Lab, News, UpOptions, directory};

/// The label on every container, image, volume and network of the lab, with the value `1`.
pub const LABEL: &str = "dev.cutover.lab";
/// The Docker network that all parts share.
pub const NETWORK: &str = "cutover-lab";
/// Its addresses.
pub const SUBNET: &str = "172.30.77.0/24";
/// The host's own address on it, where the lab's DNS answers.
pub const GATEWAY: &str = "172.30.77.1";
