//! What the tenants are told: whom to ask, how many they are, how busy a day is.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::services::http::Scheme;

/// Everything the traffic's process needs; it reads this as JSON, so that no argument list grows with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Where the records go.
    pub dir: PathBuf,
    /// The service's name, as tenants type it.
    pub name: String,
    /// The DNS server they ask.
    pub dns: SocketAddr,
    /// The authority they trust (PEM); without it there is no HTTPS.
    pub ca: Option<PathBuf>,
    /// Port of plain HTTP.
    pub http_port: u16,
    /// Port of HTTPS.
    pub https_port: u16,
    /// Tenants are numbered from 1 to this.
    pub tenants: u32,
    /// Clients beside the steady writers.
    pub clients: u32,
    /// Of a hundred such clients, how many never resolve again within their life.
    pub stale_percent: u32,
    /// Of a hundred of their requests, how many are writes.
    pub write_percent: u32,
    /// Seconds that a day takes here.
    pub day_seconds: f64,
    /// Requests a second of the clients in the dead of night, beside the steady writers' 40.
    pub floor: f64,
    /// The same in the early burst.
    pub peak: f64,
    /// Milliseconds between two writes of a steady writer.
    pub steady_ms: u64,
    /// Milliseconds until an answer counts as lost.
    pub timeout_ms: u64,
    /// End when standard input ends: the traffic then never outlives who started it.
    pub until_stdin_closes: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("."),
            name: "app.lab.example".to_owned(),
            dns: SocketAddr::from(([127, 0, 0, 1], 10053)),
            ca: None,
            http_port: 80,
            https_port: 443,
            tenants: 6_000,
            clients: 240,
            stale_percent: 20,
            write_percent: 30,
            day_seconds: 60.0,
            floor: 22.0,
            peak: 65.0,
            steady_ms: 100,
            timeout_ms: 5_000,
            until_stdin_closes: false,
        }
    }
}

impl Options {
    /// The schemes in use: both, or plain HTTP alone where no authority is known.
    pub fn schemes(&self) -> Vec<Scheme> {
        if self.ca.is_some() { vec![Scheme::Http, Scheme::Https] } else { vec![Scheme::Http] }
    }

    /// The port of a scheme.
    pub fn port(&self, scheme: Scheme) -> u16 {
        match scheme {
            Scheme::Http => self.http_port,
            Scheme::Https => self.https_port,
        }
    }

    /// How long an answer is waited for.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}
