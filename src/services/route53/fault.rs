//! What a failed call to Route 53 means: try again, give up, or look before doing anything else.

use std::error::Error as StdError;

use aws_sdk_route53::config::http::HttpResponse;
use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};

use crate::services::error::with_causes;
use crate::services::{Error, Kind};

const SERVICE: &str = "Route 53";

/// A judged failure of one call.
#[derive(Debug)]
pub(super) struct Fault {
    /// What it means for the caller.
    pub(super) kind: Kind,
    /// Whether the very same call may be sent again at once: nothing of it took effect.
    pub(super) again: bool,
    /// What the service or the library said.
    pub(super) said: String,
    /// The service's word for it, where it answered.
    pub(super) code: Option<String>,
}

impl Fault {
    /// A fault with which the service had nothing to do.
    pub(super) fn permanent(said: impl Into<String>) -> Self {
        Self { kind: Kind::Permanent, again: false, said: said.into(), code: None }
    }

    /// The error for the caller.
    pub(super) fn into_error(self, address: &str, doing: impl Into<String>) -> Error {
        let next = self.way_out();
        let why = match &self.code {
            Some(code) => format!("{code}: {}", self.said),
            None => self.said,
        };
        let error = Error::new(SERVICE, address, doing, self.kind).because(why);
        match next {
            Some(next) => error.next(next),
            None => error,
        }
    }

    fn way_out(&self) -> Option<String> {
        let text = match (self.code.as_deref(), self.kind) {
            (Some("AccessDenied" | "AccessDeniedException"), _) => {
                "allow route53:GetHostedZone, ListHostedZones, ListResourceRecordSets, ChangeResourceRecordSets and \
                 GetChange for these credentials"
            }
            (
                Some("InvalidClientTokenId" | "SignatureDoesNotMatch" | "ExpiredToken" | "UnrecognizedClientException"),
                _,
            ) => "log in again: these AWS credentials are wrong or have run out",
            (Some("NoSuchHostedZone"), _) => "check the hosted zone's id, and whose account the credentials are of",
            (Some("Throttling" | "ThrottlingException"), _) => {
                "the account's five requests a second are used up by somebody: wait, then try again"
            }
            (Some("PriorRequestNotComplete"), _) => "somebody else is changing this zone: see who, then try again",
            (_, Kind::Unknown) => "read the sets at the name before anything else: the change may have been made",
            (_, Kind::Conflict) => "read the sets at the name again: somebody else has changed them",
            (None, Kind::Permanent) => "check the AWS credentials, the region and the endpoint",
            (None, Kind::Transient) => "check that this machine reaches the endpoint, then try again",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// Judges a failed call; `changing` says whether it could have changed anything.
pub(super) fn judge<E>(error: &SdkError<E, HttpResponse>, changing: bool) -> Fault
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let lost = if changing { Kind::Unknown } else { Kind::Transient };
    let mut said = with_causes(error);
    let (kind, again, code) = match error {
        SdkError::ConstructionFailure(_) => (Kind::Permanent, false, None),
        // Credentials are looked for before anything is sent, and fail with this too.
        SdkError::DispatchFailure(failure) if failure.is_user() || said.contains("credential") => {
            (Kind::Permanent, false, None)
        }
        SdkError::DispatchFailure(_) if never_sent(error) => (Kind::Transient, true, None),
        SdkError::ServiceError(answer) => {
            let body = answer.raw().body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
            let code = answer.err().code().map(str::to_owned).or_else(|| old_form(&body));
            let messages = messages(&body);
            if !messages.is_empty() {
                said = messages.join("; ");
            }
            let (kind, again) = meaning(code.as_deref(), &said, answer.raw().status().as_u16(), lost);
            (kind, again, code)
        }
        _ => (lost, !changing, None),
    };
    Fault { kind, again, said, code }
}

fn meaning(code: Option<&str>, said: &str, status: u16, lost: Kind) -> (Kind, bool) {
    match code {
        // Both come with HTTP 400, and both mean that nothing was done.
        Some("Throttling" | "ThrottlingException" | "PriorRequestNotComplete") => (Kind::Transient, true),
        Some("NoSuchHostedZone" | "NoSuchChange") => (Kind::NotFound, false),
        Some("InvalidChangeBatch") if speaks_of_the_world(said) => (Kind::Conflict, false),
        _ if status >= 500 => (lost, lost == Kind::Transient),
        _ => (Kind::Permanent, false),
    }
}

/// A batch is refused for what it says (permanent) or for what it finds in the zone (conflict).
fn speaks_of_the_world(said: &str) -> bool {
    ["already exists", "was not found", "do not match the current values", "not found"]
        .iter()
        .any(|part| said.contains(part))
}

/// Whether the request cannot have reached the service: the connection was never made.
fn never_sent(error: &(dyn StdError + 'static)) -> bool {
    let mut at = Some(error);
    while let Some(fault) = at {
        if let Some(io) = fault.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind as Io;
            if matches!(
                io.kind(),
                Io::ConnectionRefused | Io::HostUnreachable | Io::NetworkUnreachable | Io::AddrNotAvailable
            ) {
                return true;
            }
        }
        let text = fault.to_string();
        if text.contains("(Connect)") || text.contains("dns error") || text.contains("HTTP connect timeout") {
            return true;
        }
        at = fault.source();
    }
    false
}

/// Route 53's older answers name the error by their root element, which the SDK does not read.
fn old_form(body: &str) -> Option<String> {
    body.contains("<InvalidChangeBatch").then(|| "InvalidChangeBatch".to_owned())
}

fn messages(body: &str) -> Vec<String> {
    body.split("<Message>")
        .skip(1)
        .filter_map(|part| part.split_once("</Message>"))
        .map(|(text, _)| quick_xml::escape::unescape(text).map_or_else(|_| text.to_owned(), Into::into))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_refused_for_what_is_in_the_zone_is_a_conflict() {
        let found = "Tried to create resource record set [name='app.', type='A'] but it already exists";
        assert_eq!(meaning(Some("InvalidChangeBatch"), found, 400, Kind::Unknown), (Kind::Conflict, false));
        let bad = "Invalid Resource Record: FATAL problem: ARRDATAIllegalIPv4Address";
        assert_eq!(meaning(Some("InvalidChangeBatch"), bad, 400, Kind::Unknown), (Kind::Permanent, false));
    }

    #[test]
    fn a_server_error_on_a_change_is_unknown_and_never_sent_again() {
        assert_eq!(meaning(Some("InternalFailure"), "", 500, Kind::Unknown), (Kind::Unknown, false));
        assert_eq!(meaning(None, "", 503, Kind::Transient), (Kind::Transient, true));
    }

    #[test]
    fn the_older_form_of_a_refused_batch_is_read_too() {
        let body = "<InvalidChangeBatch><Messages><Message>a &amp; b</Message><Message>c</Message></Messages></InvalidChangeBatch>";
        assert_eq!(old_form(body).as_deref(), Some("InvalidChangeBatch"));
        assert_eq!(messages(body), ["a & b", "c"]);
    }
}
