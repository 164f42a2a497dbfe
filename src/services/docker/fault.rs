//! What a fault of the engine means: worth another try, final, not there, or unknown.

use bollard::errors::Error as Bollard;

use crate::services::{Error, Kind};

/// Words by which the engine reports somebody else's passing trouble inside a 500 or a stream.
const PASSING: [&str; 9] = [
    "timeout",
    "connection refused",
    "connection reset",
    "temporary failure",
    "no such host",
    "eof",
    "too many requests",
    "service unavailable",
    "bad gateway",
];

/// bollard's fault as ours.
pub(super) fn of(address: &str, doing: impl Into<String>, why: Bollard) -> Error {
    let kind = kind(&why);
    let next = next(&why, address);
    let error = Error::new("Docker engine", address, doing, kind);
    // The engine's own sentence is what helps; bollard's frame around it is noise.
    let error = match why {
        Bollard::DockerResponseServerError { message, .. } if !message.is_empty() => error.because(message),
        Bollard::DockerStreamError { error: said } => error.because(said),
        other => error.because(other),
    };
    match next {
        Some(next) => error.next(next),
        None => error,
    }
}

fn kind(why: &Bollard) -> Kind {
    match why {
        Bollard::DockerResponseServerError { status_code: 404, .. } => Kind::NotFound,
        Bollard::DockerResponseServerError { status_code: 409, .. } => Kind::Conflict,
        Bollard::DockerResponseServerError { status_code: 503, .. } => Kind::Transient,
        Bollard::DockerResponseServerError { message, .. } if passing(message) => Kind::Transient,
        Bollard::DockerStreamError { error } if passing(error) => Kind::Transient,
        Bollard::HyperLegacyError { err } if err.is_connect() => Kind::Transient,
        Bollard::RequestTimeoutError
        | Bollard::HyperLegacyError { .. }
        | Bollard::HyperResponseError { .. }
        | Bollard::IOError { .. } => Kind::Unknown,
        _ => Kind::Permanent,
    }
}

fn passing(message: &str) -> bool {
    let message = message.to_lowercase();
    PASSING.iter().any(|word| message.contains(word))
}

fn next(why: &Bollard, address: &str) -> Option<String> {
    let said = match why {
        Bollard::SocketNotFoundError(path) => {
            return Some(format!(
                "start the Docker engine (systemctl start docker, or dockerd) or give its address; {path} does not exist"
            ));
        }
        Bollard::HyperLegacyError { err } if err.is_connect() => {
            return Some(format!("check that the engine runs and that this user may open {address} (group docker)"));
        }
        Bollard::DockerResponseServerError { message, .. } => message,
        Bollard::DockerStreamError { error } => error,
        _ => return None,
    };
    let said = said.to_lowercase();
    if said.contains("no basic auth credentials")
        || said.contains("unauthorized")
        || said.contains("authentication required")
    {
        Some("the registry wants other credentials: check the runbook's registry secret, or docker login".to_owned())
    } else if said.contains("server gave http response to https client") {
        Some(
            "this registry speaks plain HTTP: name it under insecure-registries in the engine's daemon.json".to_owned(),
        )
    } else if said.contains("no space left") {
        Some("free disk on the engine's host (docker system df shows what takes it)".to_owned())
    } else if said.contains("immutable") {
        Some("the registry keeps this tag immutable: choose another tag".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_login_is_final_and_a_timeout_of_the_registry_is_not() {
        let denied =
            of("x", "push", Bollard::DockerStreamError { error: "unauthorized: authentication required".into() });
        assert_eq!(denied.kind, Kind::Permanent);
        assert!(denied.next.is_some());
        let late = of("x", "push", Bollard::DockerStreamError { error: "net/http: TLS handshake timeout".into() });
        assert_eq!(late.kind, Kind::Transient);
    }
}
