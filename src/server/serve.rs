//! Connections: so many and no more, each with a time to send its request's head.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::socket::Private;
use crate::domain::Failure;

/// The most connections at one time: 50 watchers and their requests, twice over.
const CONNECTIONS: usize = 256;

/// So many above them are told why they are not let in; even more are closed at once.
const TURNED_AWAY: usize = 32;

/// How long a request's head may take; a connection without a request is closed after as long.
const HEAD: Duration = Duration::from_secs(10);

/// The largest head, in bytes.
const LARGEST_HEAD: usize = 16 << 10;

/// How long an answer has to end after the streams did.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long to wait where the system has no connection to give: too many files are open.
const AGAIN: Duration = Duration::from_millis(100);

/// Serves until it is over.
pub(super) async fn serve(listener: Private, router: Router, over: CancellationToken) {
    let (room, door) = (Arc::new(Semaphore::new(CONNECTIONS)), Arc::new(Semaphore::new(TURNED_AWAY)));
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = over.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        while open.try_join_next().is_some() {}
        let Ok(stream) = accepted else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            if let Ok(place) = Arc::clone(&door).try_acquire_owned() {
                open.spawn(async move {
                    turn_away(stream).await;
                    drop(place);
                });
            }
            continue;
        };
        let (router, over) = (router.clone(), over.clone());
        open.spawn(async move {
            connection(stream, router, over).await;
            drop(place);
        });
    }
    while open.join_next().await.is_some() {}
}

/// Says why there is no room; nobody is waited for who does not ask at once.
async fn turn_away(mut stream: UnixStream) {
    let why = format!("{CONNECTIONS} connections are open, and no more are taken");
    let failure = Failure::transient("the engine has no room for another client").because(why);
    let failure = failure.next("close a window of somebody's, or try again");
    let body = serde_json::to_string(&failure).unwrap_or_default();
    let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let _ = tokio::time::timeout(LAST_WORDS, async {
        // An answer before the question would be taken for a broken connection.
        let mut asked = [0; 4096];
        if stream.read(&mut asked).await.is_ok_and(|bytes| bytes > 0) {
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    })
    .await;
}

async fn connection(stream: UnixStream, router: Router, over: CancellationToken) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LARGEST_HEAD);
    let serving = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(serving);
    tokio::select! {
        // What a connection runs into is that connection's.
        _ = serving.as_mut() => {}
        () = over.cancelled() => {
            serving.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(LAST_WORDS, serving).await;
        }
    }
}
