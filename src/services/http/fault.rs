//! What a failed request means: certainly not sent, or sent with its answer lost.

use std::error::Error as StdError;

use super::{Method, Target};
use crate::services::{Error, Kind};

/// The fault as a service's error. Only a failure to connect proves that nothing was sent.
pub(super) fn explain(target: &Target, method: &Method, path: &str, error: reqwest::Error) -> Error {
    let doing = format!("{method} {}://{}{path}", target.scheme, target.host);
    let blank = |kind| Error::new("HTTP", target.address.to_string(), doing.clone(), kind);
    let untrusted = chain_says(&error, "certificate");
    // The URL is in `doing`; a query may hold what should not be said twice.
    let error = error.without_url();
    if error.is_builder() {
        blank(Kind::Permanent).because(error).next("check the path and the headers of the request")
    } else if error.is_connect() && untrusted {
        blank(Kind::Permanent)
            .because(error)
            .next("check that the certificate there carries this host and comes from the authority given")
    } else if error.is_connect() {
        blank(Kind::Transient).because(error).next("check that something listens there, and the network between")
    } else {
        blank(Kind::Unknown).because(error)
    }
}

/// Whether any cause in the chain speaks of `word`: the TLS library's own error type is two crates away.
fn chain_says(error: &reqwest::Error, word: &str) -> bool {
    let mut cause: Option<&dyn StdError> = Some(error);
    while let Some(fault) = cause {
        if fault.to_string().contains(word) {
            return true;
        }
        cause = fault.source();
    }
    false
}
