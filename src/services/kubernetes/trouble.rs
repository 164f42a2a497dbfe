//! Why a cluster cannot be worked with: each kind has another next step, so they are told apart.

use thiserror::Error as ThisError;

use crate::services::Error;

/// What stands between us and the cluster. Its text is what the API server or the library said.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum Trouble {
    /// There is no kubeconfig that can be read.
    #[error("{0}")]
    NoKubeconfig(String),
    /// The kubeconfig has no such context; these are there.
    #[error("the kubeconfig has no context `{wanted}`; it has {}", listed(.known))]
    NoContext {
        /// The one that was asked for.
        wanted: String,
        /// Those that are there.
        known: Vec<String>,
    },
    /// The API server does not know us: wrong or outdated credentials.
    #[error("{0}")]
    Credentials(String),
    /// The API server knows us, and does not let us.
    #[error("{0}")]
    Forbidden(String),
    /// The API server does not answer.
    #[error("{0}")]
    Unreachable(String),
}

fn listed(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

/// Which trouble a fault of a cluster is, if it is one of these.
pub fn trouble(error: &Error) -> Option<&Trouble> {
    error.why.as_deref()?.downcast_ref()
}
