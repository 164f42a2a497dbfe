//! The client of one target: its connections, its timeouts, one request at a time or many.

use std::time::Instant;

use reqwest::{Certificate, Client, redirect, retry};

use super::{Exchange, Limits, Request, Scheme, Target, fault};
use crate::services::{Error, Kind, Result, tls};

/// Sends requests to one [`Target`] over connections it keeps open. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Caller {
    client: Client,
    target: Target,
    limits: Limits,
}

impl Caller {
    /// A caller with the default [`Limits`].
    pub fn new(target: Target) -> Result<Self> {
        Self::with_limits(target, Limits::default())
    }

    /// A caller; nothing is connected yet. `Permanent` if the authorities cannot be read.
    pub fn with_limits(mut target: Target, limits: Limits) -> Result<Self> {
        tls::ready();
        // The override is looked up by the URL's host, which is always in lower case.
        target.host.make_ascii_lowercase();
        let mut builder = Client::builder()
            .user_agent(concat!("cutover/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(redirect::Policy::none())
            // Whoever calls decides about a second try: a write sent twice is a write twice.
            .retry(retry::never())
            // One request on a connection at a time: a lost connection then leaves one request in doubt, not many.
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            .pool_idle_timeout(limits.idle)
            .resolve_to_addrs(&target.host, &[target.address]);
        match (&target.roots, target.scheme) {
            (Some(pem), _) => {
                let roots = Certificate::from_pem_bundle(pem).map_err(|e| unusable(&target, e))?;
                builder = builder.tls_certs_only(roots);
            }
            // Plain HTTP must work where no authorities are installed at all.
            (None, Scheme::Http) => builder = builder.tls_certs_only([]),
            (None, Scheme::Https) => {}
        }
        let client = builder.build().map_err(|e| unusable(&target, e))?;
        Ok(Self { client, target, limits })
    }

    /// Where this caller connects.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Sends `request` once and reads the answer.
    ///
    /// Any status is an answer. `Unknown`: sent, and the answer was lost. Any other kind: not sent.
    pub async fn send(&self, request: &Request) -> Result<Exchange> {
        let started = Instant::now();
        let mut builder = self.client.request(request.method.clone(), self.url(&request.path));
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let lost = |error| fault::explain(&self.target, &request.method, &request.path, error);
        let mut response = builder.send().await.map_err(lost)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let (mut body, mut truncated) = (Vec::new(), false);
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            let room = self.limits.body.saturating_sub(body.len());
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                truncated = true;
                break;
            }
        }
        Ok(Exchange { status, headers, body, truncated, elapsed: started.elapsed() })
    }

    /// The URL with the host's name and the target's port, the port left out where it is the scheme's own:
    /// it would appear in `Host`, and servers compare that with their names.
    fn url(&self, path: &str) -> String {
        let Target { scheme, host, address, .. } = &self.target;
        if address.port() == scheme.default_port() {
            format!("{scheme}://{host}{path}")
        } else {
            format!("{scheme}://{host}:{}{path}", address.port())
        }
    }
}

fn unusable(target: &Target, error: reqwest::Error) -> Error {
    Error::new("HTTP", target.address.to_string(), "prepare a client", Kind::Permanent)
        .because(error)
        .next("check the certificate authorities given for it: PEM, one or more certificates")
}
