//! The outside world, one module per service, each knowing nothing of runbooks or steps.
//!
//! Every module here could be a crate: it takes plain addresses and credentials, does one service's
//! work, and says what went wrong as an [`Error`] that names the service, its address and a way out.

pub mod clock;
pub mod docker;
pub mod error;
pub mod front;
pub mod http;
pub mod kubernetes;
pub mod mysql;
pub mod reach;
pub mod registry;
pub mod resolver;
pub mod route53;
pub mod secrets;
pub mod stderr;
pub mod tls;

pub use error::{Error, Kind, Result};
