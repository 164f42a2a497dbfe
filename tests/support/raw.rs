//! Bytes sent to a listener as no client of ours would send them, and what comes back.

#![allow(clippy::unwrap_used, reason = "a test says by a panic that it failed")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// All that comes, up to the connection's end.
pub async fn read(stream: &mut (impl AsyncRead + Unpin), patience: Duration) -> String {
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(patience, stream.read_to_end(&mut answer)).await.expect("it is closed in time");
    String::from_utf8(answer).unwrap()
}

/// They are answered with a status that begins so, up to the connection's end.
pub async fn is_answered(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    sent: &[u8],
    wanted: &str,
    patience: Duration,
) {
    // It may be closed before all of it was taken.
    let _ = stream.write_all(sent).await;
    let answer = read(&mut stream, patience).await;
    let said = String::from_utf8_lossy(&sent[..sent.len().min(60)]);
    assert!(answer.starts_with(&format!("HTTP/1.1 {wanted}")), "{said:?}: {answer:?}");
    assert!(!answer.contains("panicked"), "{answer}");
}
