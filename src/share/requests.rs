//! What the page asks: the stream, what a step would change, and its three writes.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::previews::running;
use super::{Said, Window, links, stream};
use crate::domain::approval::Approval;
use crate::domain::saying::LONGEST;
use crate::domain::{Failure, FailureKind, StepId};

/// How long a browser keeps it, in seconds: a migration takes a week.
const KEPT_S: u32 = 30 * 24 * 3600;

type On = State<Arc<Window>>;
type Sent<T> = Result<Json<T>, JsonRejection>;

#[derive(Deserialize)]
pub(super) struct Token {
    token: String,
}

/// Exchanges a link's token for a cookie, as often as it comes: a chat's preview does not use it up.
pub(super) async fn session(State(window): On, headers: HeaderMap, sent: Sent<Token>) -> Response {
    let Token { token } = match own(&headers, sent) {
        Ok(sent) => sent,
        Err(refused) => return *refused,
    };
    let session = match links::exchanged(&window.directory, &token) {
        Ok(Some(session)) => session,
        Ok(None) => return no_link(),
        Err(why) => return unreadable(&window, &why),
    };
    // Behind a proxy that ends TLS: it says so, or the browser does.
    let says = |name: &str, https: &[u8]| headers.get(name).is_some_and(|said| said.as_bytes().starts_with(https));
    let is_encrypted = window.secure || says("x-forwarded-proto", b"https") || says("origin", b"https://");
    let secure = if is_encrypted { "; Secure" } else { "" };
    let cookie = format!("{}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age={KEPT_S}{secure}", window.cookie);
    (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response()
}

/// The stream of views.
pub(super) async fn events(State(window): On, headers: HeaderMap) -> Response {
    let (name, session) = match who(&window, &headers) {
        Ok(Some(who)) => who,
        Ok(None) => return no_link(),
        Err(why) => return unreadable(&window, &why),
    };
    let Some(place) = window.limits.place(&name) else {
        return failed(StatusCode::TOO_MANY_REQUESTS, &Failure::refused("too many pages of yours are open"));
    };
    stream::open(&window, (&name, session), place)
}

/// What a step of the run would change, while none is under way: a freeze has no look of ours beside it.
pub(super) async fn previews(State(window): On, headers: HeaderMap, Path(step): Path<StepId>) -> Response {
    match who(&window, &headers) {
        Ok(Some(_)) => {}
        Ok(None) => return no_link(),
        Err(why) => return unreadable(&window, &why),
    }
    let view = window.ear.views().borrow().clone();
    let mut steps = view.iter().flat_map(|view| &view.steps);
    if !steps.any(|known| known.id == step) {
        return failed(StatusCode::NOT_FOUND, &Failure::refused("the run has no such step"));
    }
    if let Some(running) = running(view.as_deref()) {
        return failed(StatusCode::CONFLICT, &running);
    }
    match window.previews.of(step, Arc::clone(&window.ear)).await {
        Ok(preview) => ([(CONTENT_TYPE, "application/json")], preview).into_response(),
        Err(failure) => {
            let mut told = serde_json::to_value(&failure).unwrap_or_default();
            stream::harmless(&mut told);
            (StatusCode::BAD_GATEWAY, Json(told)).into_response()
        }
    }
}

/// What somebody may say.
#[derive(Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(super) enum Word {
    Note { text: String },
    RaiseHand { text: String },
}

pub(super) async fn messages(State(window): On, headers: HeaderMap, sent: Sent<Word>) -> Response {
    let (name, word) = match writes(&window, &headers, sent) {
        Ok(writes) => writes,
        Err(refused) => return *refused,
    };
    let (Word::Note { text } | Word::RaiseHand { text }) = &word;
    let letters = text.chars().count();
    if letters > LONGEST {
        let failure = Failure::refused(format!("{letters} characters are too many, {LONGEST} fit"));
        return failed(StatusCode::BAD_REQUEST, &failure);
    }
    let said = match word {
        Word::Note { text } => Said::Note(text),
        Word::RaiseHand { text } => Said::Hand(text),
    };
    answer(window.ear.say(&name, said))
}

/// An approval as its files have it.
#[derive(Deserialize)]
pub(super) struct Signed {
    /// The text of the request, to the letter.
    statement: String,
    /// Who signed it: a name among the runbook's people, which need not be the link's.
    by: String,
    /// What `ssh-keygen -Y sign` made of it.
    signature: String,
}

pub(super) async fn approvals(State(window): On, headers: HeaderMap, sent: Sent<Signed>) -> Response {
    match writes(&window, &headers, sent) {
        Ok((_, Signed { statement, by, signature })) => answer(
            statement
                .parse()
                .and_then(|statement| window.ear.approve(Approval { statement, by: by.trim().to_owned(), signature })),
        ),
        Err(refused) => *refused,
    }
}

/// Who writes, and what, where they may now.
fn writes<T>(window: &Window, headers: &HeaderMap, sent: Sent<T>) -> Result<(String, T), Box<Response>> {
    let (name, _) = match who(window, headers) {
        Ok(who) => who.ok_or_else(|| Box::new(no_link()))?,
        Err(why) => return Err(Box::new(unreadable(window, &why))),
    };
    let sent = own(headers, sent)?;
    if window.limits.may_say(&name, Instant::now()) {
        return Ok((name, sent));
    }
    let failure = Failure::refused("that was a lot in one minute").next("wait a little, then send it again");
    Err(Box::new(failed(StatusCode::TOO_MANY_REQUESTS, &failure)))
}

/// What was sent, where a page of another site did not send it; a form of one cannot send JSON.
fn own<T>(headers: &HeaderMap, sent: Sent<T>) -> Result<T, Box<Response>> {
    let site = headers.get("sec-fetch-site").map(axum::http::HeaderValue::as_bytes);
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        let failure = Failure::refused("another site's page sent this");
        return Err(Box::new(failed(StatusCode::FORBIDDEN, &failure)));
    }
    let garbled = |why: JsonRejection| {
        let failure = Failure::refused("the request is not of this page").because(why.body_text());
        Box::new(failed(why.status(), &failure))
    };
    Ok(sent.map_err(garbled)?.0)
}

/// Whose cookie it is, and its session.
fn who(window: &Window, headers: &HeaderMap) -> io::Result<Option<(String, String)>> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let Some((_, session)) = pairs.find(|(name, _)| *name == window.cookie) else { return Ok(None) };
    Ok(links::whose(&window.directory, session)?.map(|whose| (whose, session.to_owned())))
}

/// Not the same as having no link: the page tries again.
fn unreadable(window: &Window, why: &io::Error) -> Response {
    failed(StatusCode::SERVICE_UNAVAILABLE, &links::unreadable(&window.directory, why))
}

fn no_link() -> Response {
    let failure = Failure::refused("this link is not good, or not any more");
    failed(StatusCode::UNAUTHORIZED, &failure.next("ask whoever drives for one of your own"))
}

fn answer(done: Result<(), Failure>) -> Response {
    match done {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(failure) if failure.kind == FailureKind::Refused => failed(StatusCode::CONFLICT, &failure),
        Err(failure) => failed(StatusCode::INTERNAL_SERVER_ERROR, &failure),
    }
}

fn failed(status: StatusCode, failure: &Failure) -> Response {
    (status, Json(failure)).into_response()
}
