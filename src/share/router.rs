//! Every path of the window, in one table: what is not in it is not there.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::{Window, assets, requests};

/// The largest body, in bytes: an approval is well below it.
const LARGEST: usize = 16 << 10;

/// How long a request may take until its answer begins; its body comes within it.
const PATIENCE: Duration = Duration::from_secs(10);

type Route = (Method, &'static str, MethodRouter<Arc<Window>>);

/// What can be asked beside the page's files: the stream, a look ahead, and the three writes.
fn requests() -> [Route; 5] {
    [
        (Method::GET, "/events", get(requests::events)),
        (Method::GET, "/previews/{step}", get(requests::previews)),
        (Method::POST, "/session", post(requests::session)),
        (Method::POST, "/messages", post(requests::messages)),
        (Method::POST, "/approvals", post(requests::approvals)),
    ]
}

/// A file, the same each time.
fn file((path, kind, text): (&'static str, &'static str, &'static str)) -> Route {
    (Method::GET, path, get(move || async move { ([(CONTENT_TYPE, kind)], text) }))
}

fn routes() -> impl Iterator<Item = Route> {
    assets::FILES.into_iter().map(file).chain(requests())
}

pub(super) fn router(window: Arc<Window>) -> Router {
    let router = routes().fold(Router::new(), |router, (_, path, route)| router.route(path, route));
    router
        .fallback(nothing)
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn(assets::said_of_every_answer))
        .with_state(window)
}

async fn nothing() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// Ends what takes too long; a stream's answer begins at once.
async fn in_time(request: Request<Body>, next: Next) -> Response {
    let answer = tokio::time::timeout(PATIENCE, next.run(request)).await;
    answer.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_exactly_three_writes() {
        let writes = routes().filter(|(method, ..)| method != Method::GET);
        let paths: Vec<_> = writes.map(|(method, path, _)| (method, path)).collect();
        let post = Method::POST;
        assert_eq!(paths, [(post.clone(), "/session"), (post.clone(), "/messages"), (post, "/approvals")]);
    }
}
