//! What an answer, or its absence, means for the client that waited for it.

use std::time::Duration;

use crate::services::http::Exchange;
use crate::services::{self, Error};

use super::attempt::{Kind, Outcome, Served};

/// No refused client waits longer than this before it tries again.
pub const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// The meaning of one attempt's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Done, not done, or nobody knows.
    pub outcome: Outcome,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// Which way it took; only if it was acknowledged.
    pub served: Option<Served>,
    /// How long to wait before the next attempt.
    pub pause: Duration,
    /// What was wrong.
    pub why: Option<String>,
}

/// Judges one attempt. A write counts as done only if the answer is 201 and repeats the attempt's `id`; as
/// not done if it was never sent, or the service said so (503, 4xx, a redirect). Everything else may be done, a 503
/// of a backend among it that says so itself: its commit was sent and never answered.
pub fn judge(kind: Kind, id: &str, result: &services::Result<Exchange>) -> Verdict {
    match result {
        Ok(exchange) => answered(kind, id, exchange),
        Err(error) => failed(error),
    }
}

/// The verdict on an attempt that found no address to go to.
pub fn unresolved(error: &Error) -> Verdict {
    Verdict { outcome: Outcome::Refused, ..failed(error) }
}

fn answered(kind: Kind, id: &str, exchange: &Exchange) -> Verdict {
    let says = |word: &str, value: &str| exchange.json().is_some_and(|body| body[word].as_str() == Some(value));
    let echoed = || says("attempt", id);
    let (outcome, why) = match (kind, exchange.status) {
        (Kind::Read, 200) if !exchange.truncated => (Outcome::Acknowledged, None),
        (Kind::Write, 201) if echoed() => (Outcome::Acknowledged, None),
        (Kind::Write, 201) => (Outcome::Unknown, Some("201 without this attempt's id".to_owned())),
        (Kind::Write, 503) if says("outcome", "unknown") => {
            (Outcome::Unknown, Some("answered 503, its commit unknown".to_owned()))
        }
        (_, status @ (503 | 300..=499)) => (Outcome::Refused, Some(format!("answered {status}"))),
        (_, status) => (Outcome::Unknown, Some(format!("answered {status}"))),
    };
    Verdict {
        outcome,
        status: Some(exchange.status),
        served: (outcome == Outcome::Acknowledged).then(|| way_of(exchange)),
        pause: exchange.retry_after().unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE),
        why,
    }
}

fn failed(error: &Error) -> Verdict {
    let outcome = if error.kind == services::Kind::Unknown { Outcome::Unknown } else { Outcome::Refused };
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(fault) = cause {
        why = format!("{why}: {fault}");
        cause = fault.source();
    }
    Verdict { outcome, status: None, served: None, pause: LONGEST_PAUSE, why: Some(why) }
}

fn way_of(exchange: &Exchange) -> Served {
    if exchange.header("x-app-build") == Some("rev1") {
        Served::Old
    } else if exchange.header("x-front-mode") == Some("relay") {
        Served::Relayed
    } else {
        Served::Direct
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Exchange {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Exchange { status, headers, body: body.into(), truncated: false, elapsed: Duration::ZERO }
    }

    fn write(result: &services::Result<Exchange>) -> Outcome {
        judge(Kind::Write, "a1", result).outcome
    }

    #[test]
    fn a_write_is_done_only_when_its_own_id_comes_back() {
        assert_eq!(write(&Ok(answer(201, &[], r#"{"attempt":"a1","id":7}"#))), Outcome::Acknowledged);
        assert_eq!(write(&Ok(answer(201, &[], r#"{"attempt":"a2","id":7}"#))), Outcome::Unknown);
        assert_eq!(write(&Ok(answer(201, &[], ""))), Outcome::Unknown);
        assert_eq!(write(&Ok(answer(200, &[], r#"{"attempt":"a1"}"#))), Outcome::Unknown);
    }

    #[test]
    fn a_refusal_is_a_promise_and_a_gateway_error_is_none() {
        for status in [301, 404, 409, 503] {
            assert_eq!(write(&Ok(answer(status, &[], ""))), Outcome::Refused, "{status}");
        }
        let of_commit = r#"{"error":"database","outcome":"unknown"}"#;
        assert_eq!(write(&Ok(answer(503, &[], of_commit))), Outcome::Unknown);
        assert_eq!(write(&Ok(answer(503, &[], r#"{"outcome":"not done"}"#))), Outcome::Refused);
        for status in [500, 502, 504] {
            assert_eq!(write(&Ok(answer(status, &[], ""))), Outcome::Unknown, "{status}");
        }
    }

    #[test]
    fn only_what_was_surely_not_sent_is_refused() {
        let fault = |kind| Err(Error::new("HTTP", "10.0.0.1:80", "POST", kind));
        assert_eq!(write(&fault(services::Kind::Transient)), Outcome::Refused);
        assert_eq!(write(&fault(services::Kind::Permanent)), Outcome::Refused);
        assert_eq!(write(&fault(services::Kind::Unknown)), Outcome::Unknown);
    }

    #[test]
    fn nobody_waits_longer_than_a_quarter_of_a_second() {
        let pause = |headers: &[(&'static str, &str)]| judge(Kind::Write, "a1", &Ok(answer(503, headers, ""))).pause;
        assert_eq!(pause(&[("retry-after", "1")]), LONGEST_PAUSE);
        assert_eq!(pause(&[("retry-after", "0")]), Duration::ZERO);
        assert_eq!(pause(&[]), LONGEST_PAUSE);
    }

    #[test]
    fn the_headers_tell_the_way_of_what_was_answered() {
        let served = |status, headers: &[(&'static str, &str)]| {
            judge(Kind::Read, "a1", &Ok(answer(status, headers, "{}"))).served
        };
        assert_eq!(served(200, &[("x-app-build", "rev1"), ("x-front-mode", "direct")]), Some(Served::Old));
        assert_eq!(served(200, &[("x-app-build", "sha256:1"), ("x-front-mode", "relay")]), Some(Served::Relayed));
        assert_eq!(served(200, &[("x-app-build", "sha256:1")]), Some(Served::Direct));
        assert_eq!(served(503, &[("x-front-mode", "hold")]), None);
    }
}
