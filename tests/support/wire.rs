//! A network that dies under a connection.

#![allow(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

use cutover::services::mysql::Endpoint;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A way to a server that can be cut: what either side says then goes nowhere, and nobody hangs up.
pub async fn to(endpoint: &Endpoint) -> (Endpoint, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, cut) = (listener.local_addr().unwrap().port(), CancellationToken::new());
    let (server, dead) = ((endpoint.host.clone(), endpoint.port), cut.clone());
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let (mut server, dead) = (TcpStream::connect(&server).await.unwrap(), dead.clone());
            tokio::spawn(async move {
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut server) => {}
                    () = dead.cancelled() => std::future::pending().await,
                }
            });
        }
    });
    (Endpoint { host: "127.0.0.1".to_owned(), port, ..endpoint.clone() }, cut)
}
