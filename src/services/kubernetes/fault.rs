//! What a fault of the API server means.

use kube::Error as Kube;

use super::Trouble;
use crate::services::error::with_causes;
use crate::services::{Error, Kind};

/// kube's fault as ours.
pub(super) fn of(address: &str, doing: impl Into<String>, why: Kube) -> Error {
    let doing = doing.into();
    let kind = kind(&why);
    let error = Error::new("Kubernetes", address, doing, kind);
    match why {
        Kube::Api(status) => {
            let next = match status.code {
                401 => Some("the kubeconfig's credentials are not taken: EKS tokens last 15 minutes; try `kubectl get nodes` with this context"),
                403 => Some("this context's user may not do that: see `cutover check --live` for the permissions that are missing"),
                _ => None,
            };
            // The message names fields and values in a person's words; its Debug form repeats everything.
            let said = format!("{} ({} {})", status.message, status.code, status.reason);
            let error = match status.code {
                401 => error.because(Trouble::Credentials(said)),
                403 => error.because(Trouble::Forbidden(said)),
                _ => error.because(said),
            };
            match next {
                Some(next) => error.next(next),
                None => error,
            }
        }
        Kube::Auth(why) => error
            .because(Trouble::Credentials(with_causes(&why)))
            .next("the kubeconfig's credential plugin failed; it may not ask questions here: log in first in a shell of your own"),
        Kube::Service(why) => error
            .because(Trouble::Unreachable(with_causes(&*why)))
            .next(format!("check that {address} is reachable from here")),
        Kube::HyperError(why) => error.because(Trouble::Unreachable(with_causes(&why))),
        other => error.because(other),
    }
}

fn kind(why: &Kube) -> Kind {
    match why {
        Kube::Api(status) => match status.code {
            404 => Kind::NotFound,
            409 => Kind::Conflict,
            // Everything sent from here is a read, or an apply that may be sent again over itself.
            408 | 429 | 500..=599 => Kind::Transient,
            _ => Kind::Permanent,
        },
        Kube::HyperError(_) | Kube::Service(_) | Kube::ReadEvents(_) => Kind::Transient,
        _ => Kind::Permanent,
    }
}
