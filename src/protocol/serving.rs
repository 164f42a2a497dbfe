//! Connections of a listener: so many and no more, each with a time to shake hands and to send its request's head.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::domain::Failure;

/// So many above a listener's limit are told why they are not let in; even more are closed at once.
const TURNED_AWAY: usize = 32;

/// How long a handshake may take, and a request's head; a connection without a request is closed after as long.
const HEAD: Duration = Duration::from_secs(10);

/// The largest head, in bytes.
const LARGEST_HEAD: usize = 16 << 10;

/// How long an answer has to end after the streams did.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long to wait where the system has no connection to give: too many files are open.
const AGAIN: Duration = Duration::from_millis(100);

/// Where connections come from.
pub trait Door: Send + Sync + 'static {
    /// A connection as it comes.
    type Raw: Send + 'static;
    /// A connection that requests are read from.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection; an error where the system has none to give.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Raw>> + Send;

    /// Shakes hands.
    fn greet(&self, raw: Self::Raw) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Serves until it is over, at most so many connections at one time.
pub async fn serve<D: Door>(door: D, connections: usize, router: Router, over: CancellationToken) {
    let (room, porch) = (Arc::new(Semaphore::new(connections)), Arc::new(Semaphore::new(TURNED_AWAY)));
    let door = Arc::new(door);
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = over.cancelled() => break,
            accepted = door.accept() => accepted,
        };
        while open.try_join_next().is_some() {}
        let Ok(raw) = accepted else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let has_room = Arc::clone(&room).try_acquire_owned();
        let is_let_in = has_room.is_ok();
        let Ok(place) = has_room.or_else(|_| Arc::clone(&porch).try_acquire_owned()) else { continue };
        let (door, router, over) = (Arc::clone(&door), router.clone(), over.clone());
        open.spawn(async move {
            // What a connection runs into is that connection's.
            if let Ok(Ok(stream)) = tokio::time::timeout(HEAD, door.greet(raw)).await {
                if is_let_in { requests(stream, router, over).await } else { turn_away(stream, connections).await }
            }
            drop(place);
        });
    }
    while open.join_next().await.is_some() {}
}

/// Says why there is no room; nobody is waited for who does not ask at once.
async fn turn_away(mut stream: impl AsyncRead + AsyncWrite + Unpin, connections: usize) {
    let why = format!("{connections} connections are open, and no more are taken");
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
            let _ = stream.shutdown().await;
        }
    })
    .await;
}

async fn requests(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, router: Router, over: CancellationToken) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LARGEST_HEAD);
    let serving = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => {}
        () = over.cancelled() => {
            serving.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(LAST_WORDS, serving).await;
        }
    }
}
