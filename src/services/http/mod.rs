//! One HTTP request to a given address, in the name of a given host.
//!
//! A [`Target`] says where to connect and whom to ask for; a [`Caller`] sends [`Request`]s there over
//! connections it keeps, and an [`Exchange`] is what came back. No proxy, no redirect followed, nothing
//! sent twice: an answer that is not ours is shown as it is, and a fault says whether the request may have
//! taken effect ([`Kind::Unknown`](super::Kind)) or certainly was not sent (every other kind).

mod caller;
mod fault;
mod pools;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

pub use caller::Caller;
pub use pools::Pools;
pub use reqwest::Method;
pub use reqwest::header::HeaderMap;

use serde::{Deserialize, Serialize};

/// How the request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS, with the host as SNI and as the name the certificate must carry.
    Https,
}

impl Scheme {
    /// As in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port a client uses when the URL names none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where to connect, and whom to ask for there.
#[derive(Debug, Clone)]
pub struct Target {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// The name in `Host` and SNI. It is never looked up.
    pub host: String,
    /// The address the connection goes to, whatever the name resolves to.
    pub address: SocketAddr,
    /// The only authorities trusted (PEM, one or more certificates); `None`: the system's.
    pub roots: Option<Vec<u8>>,
}

/// How long to wait and how much to take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the TCP connection and the TLS handshake. Shorter than `total`, so that a server that does not
    /// answer at all is seen as "not sent".
    pub connect: Duration,
    /// From the call to the end of the body.
    pub total: Duration,
    /// Bytes of a body kept; the rest is left unread and [`Exchange::truncated`] says so.
    pub body: usize,
    /// How long an idle connection is kept: less than servers keep theirs, or a request meets a closed door.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            total: Duration::from_secs(5),
            body: 1 << 20,
            idle: Duration::from_secs(10),
        }
    }
}

/// What to ask.
#[derive(Debug, Clone)]
pub struct Request {
    /// GET, POST, …
    pub method: Method,
    /// Path and query, beginning with `/`.
    pub path: String,
    /// Beside `Host`, which is the target's.
    pub headers: Vec<(String, String)>,
    /// The body, if any.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// A request without a body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: None }
    }

    /// A read.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// A write with a JSON body.
    pub fn post_json(path: impl Into<String>, body: &serde_json::Value) -> Self {
        Self::new(Method::POST, path).header("Content-Type", "application/json").body(body.to_string().into_bytes())
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: Vec<u8>) -> Self {
        self.body = Some(body);
        self
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The status code.
    pub status: u16,
    /// Every header of the answer.
    pub headers: HeaderMap,
    /// The body, up to [`Limits::body`] bytes.
    pub body: Vec<u8>,
    /// The body was longer than what was kept.
    pub truncated: bool,
    /// From the call to the end of the body.
    pub elapsed: Duration,
}

impl Exchange {
    /// One header as text; `None` if absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// How long the server asks a refused client to wait (`Retry-After` in seconds; a date is not read).
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs)
    }
}
