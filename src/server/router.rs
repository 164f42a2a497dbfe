//! The paths of the protocol's first version: for clients, one of whom drives, and for those who look on.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::answer::{Answer, failed, garbled, me};
use super::shared::Shared;
use super::stream;
use crate::domain::approval::Approval;
use crate::domain::{Failure, Preview, StepId};
use crate::protocol::client::Me;
use crate::protocol::log;
use crate::protocol::order::{Answered, Message, Order, Previewed};

/// The largest request, in bytes.
const LARGEST: usize = 64 << 10;

/// How long its body may take.
const BODY: Duration = Duration::from_secs(10);

/// The most events of one answer.
const PAGE: usize = 1_000;

type On = State<Arc<Shared>>;
type Asked<T> = Result<Query<T>, QueryRejection>;

/// A request's body, whole, or the answer that it has instead.
struct Sent(Result<Bytes, Response>);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let (status, why) = match tokio::time::timeout(BODY, Bytes::from_request(request, state)).await {
            Ok(Ok(body)) => return Ok(Self(Ok(body))),
            Ok(Err(why)) => (why.status(), why.body_text()),
            Err(_) => (StatusCode::REQUEST_TIMEOUT, format!("its body did not come within {} s", BODY.as_secs())),
        };
        Ok(Self(Err(failed(status, &Failure::refused("the request could not be taken").because(why)))))
    }
}

/// Every path, orders among them.
pub(super) fn clients(shared: Arc<Shared>) -> Router {
    whole(looks().route("/orders", post(orders)).route("/messages", post(messages)), shared)
}

/// What can be asked by those who look on, and said: nothing that the one at the wheel could say.
pub(super) fn watchers(shared: Arc<Shared>) -> Router {
    whole(looks().route("/orders", post(no_orders)).route("/messages", post(words)), shared)
}

/// What anybody may ask, and bring.
fn looks() -> Router<Arc<Shared>> {
    Router::new()
        .route("/view", get(view))
        .route("/events", get(events))
        .route("/journal", get(journal))
        .route("/logs", get(logs))
        .route("/preview/{step}", get(preview))
        .route("/way-back/{step}", get(way_back))
        .route("/approvals", post(approvals))
}

fn whole(first: Router<Arc<Shared>>, shared: Arc<Shared>) -> Router {
    Router::new()
        .nest("/v1", first)
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(shared)
}

async fn unknown() -> Response {
    let failure = Failure::refused("there is nothing here").next("`assets/protocol.md` says what is where");
    failed(StatusCode::NOT_FOUND, &failure)
}

#[derive(Deserialize)]
struct At {
    at: Option<u64>,
}

async fn view(State(shared): On, headers: HeaderMap, asked: Asked<At>) -> Response {
    heard(&shared, &headers);
    match asked {
        Err(why) => garbled(why.body_text()),
        Ok(Query(At { at: None })) => Answer(Ok(shared.view())).into_response(),
        Ok(Query(At { at: Some(seq) })) => Answer(blocking(move || shared.view_at(seq)).await).into_response(),
    }
}

async fn events(State(shared): On, headers: HeaderMap) -> Response {
    stream::open(shared, me(&headers))
}

#[derive(Deserialize)]
struct Range {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

async fn journal(State(shared): On, headers: HeaderMap, asked: Asked<Range>) -> Response {
    heard(&shared, &headers);
    match asked {
        Err(why) => garbled(why.body_text()),
        Ok(Query(Range { after, limit })) => {
            let limit = limit.unwrap_or(PAGE).min(PAGE);
            Answer(blocking(move || shared.handle.events(after, limit)).await).into_response()
        }
    }
}

async fn logs(State(shared): On, headers: HeaderMap, asked: Asked<log::Query>) -> Response {
    heard(&shared, &headers);
    match asked {
        Err(why) => garbled(why.body_text()),
        Ok(Query(query)) => Answer(blocking(move || Ok(shared.logs().page(&query))).await).into_response(),
    }
}

async fn preview(State(shared): On, headers: HeaderMap, Path(step): Path<StepId>) -> Response {
    heard(&shared, &headers);
    Box::pin(looked(&shared, shared.handle.preview(&step))).await
}

async fn way_back(State(shared): On, headers: HeaderMap, Path(step): Path<StepId>) -> Response {
    heard(&shared, &headers);
    Box::pin(looked(&shared, shared.handle.way_back(&step))).await
}

/// A look at the world, which nobody has beside a freeze.
async fn looked(shared: &Shared, look: impl Future<Output = Result<Preview, Failure>>) -> Response {
    let seq = shared.handle.state().seq;
    let look = async {
        shared.nobody_waits()?;
        let preview = look.await?;
        Ok(Previewed { digest: preview.digest(), preview, seq })
    };
    Answer(look.await).into_response()
}

async fn orders(State(shared): On, headers: HeaderMap, sent: Sent) -> Response {
    let (me, order) = match said::<Order>(&shared, &headers, sent) {
        Ok(said) => said,
        Err(refused) => return refused,
    };
    // A task of its own: a client that dies in the middle of its order does not take half of it back.
    let answer = tokio::spawn(async move { shared.order(&me, &order).await }).await;
    let broken = || Failure::permanent("the engine broke over this order").next("`engine.log` has the reason");
    Answer::<Answered>(answer.unwrap_or_else(|_| Err(broken()))).into_response()
}

/// Not taken whoever sends it: a name is only said, a socket is had or not.
async fn no_orders() -> Response {
    Answer::<Answered>(Err(not_here("no order is taken here"))).into_response()
}

fn not_here(what: &str) -> Failure {
    Failure::refused(what)
        .because("this socket is for looking on")
        .next("`cutover drive` attaches where orders are taken")
}

/// A watcher's word; the wheel could not be taken here by who asked for it.
async fn words(state: On, headers: HeaderMap, sent: Sent) -> Response {
    match said::<Message>(&state.0, &headers, sent) {
        Ok((_, Message::AskWheel { .. })) => {
            Answer::<Answered>(Err(not_here("nobody asks for the wheel here"))).into_response()
        }
        Ok((me, message)) => Answer(state.0.message(&me, message)).into_response(),
        Err(refused) => refused,
    }
}

async fn messages(State(shared): On, headers: HeaderMap, sent: Sent) -> Response {
    match said::<Message>(&shared, &headers, sent) {
        Ok((me, message)) => Answer(shared.message(&me, message)).into_response(),
        Err(refused) => refused,
    }
}

async fn approvals(State(shared): On, headers: HeaderMap, sent: Sent) -> Response {
    match said::<Approval>(&shared, &headers, sent) {
        Ok((_, approval)) => Answer(shared.approve(approval)).into_response(),
        Err(refused) => refused,
    }
}

/// Who says something, and what.
#[expect(clippy::result_large_err, reason = "the error is the answer")]
fn said<T: DeserializeOwned>(shared: &Shared, headers: &HeaderMap, sent: Sent) -> Result<(Me, T), Response> {
    let body = sent.0?;
    let me = heard(shared, headers).ok_or_else(|| garbled("it does not say whose it is"))?;
    let value = serde_json::from_slice(&body).map_err(|why| garbled(why.to_string()))?;
    Ok((me, value))
}

/// Notes that somebody asked, where they say who.
fn heard(shared: &Shared, headers: &HeaderMap) -> Option<Me> {
    let me = me(headers)?;
    shared.people().heard(&me, Timestamp::now());
    Some(me)
}

/// Reading many events is not done between two frames of everybody else's.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    let broken = |_| Failure::permanent("the engine broke over this question");
    tokio::task::spawn_blocking(work).await.map_err(broken)?
}
