//! Answers: JSON that nobody keeps, and failures in the same words that the journal uses.

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header::CACHE_CONTROL};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::domain::{Failure, FailureKind, plain};
use crate::protocol::client::Me;
use crate::protocol::order::header;

/// The longest name, in characters.
const LONGEST_NAME: usize = 64;

/// An answer, or why there is none.
pub(super) struct Answer<T>(pub(super) Result<T, Failure>);

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match self.0 {
            Ok(value) => ([(CACHE_CONTROL, "no-store")], Json(value)).into_response(),
            Err(failure) => failed(status(failure.kind), &failure),
        }
    }
}

const fn status(kind: FailureKind) -> StatusCode {
    match kind {
        FailureKind::Refused => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A failure with a status of its own.
pub(super) fn failed(status: StatusCode, failure: &Failure) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(failure)).into_response()
}

/// A request that is not of the protocol.
pub(super) fn garbled(why: impl Into<String>) -> Response {
    let failure = Failure::refused("the request is not of this protocol").because(why);
    failed(StatusCode::BAD_REQUEST, &failure.next("`assets/protocol.md` says what is"))
}

/// Who asks; nothing where the request does not say.
pub(super) fn me(headers: &HeaderMap) -> Option<Me> {
    let text = |name| {
        let text = plain::line(std::str::from_utf8(headers.get(name)?.as_bytes()).ok()?);
        let text: String = text.trim().chars().take(LONGEST_NAME).collect();
        Some(text).filter(|text| !text.is_empty())
    };
    Some(Me { name: text(header::NAME)?, client: text(header::CLIENT)? })
}
