//! The client's side of the protocol, over an engine's Unix socket: what every window and command talks through.
//!
//! A call fails with a [`Failure`] that is either the engine's own words or says that no engine answered.
//! [`Client::updates`] never ends: it says what was lost, and comes back by itself.

mod updates;

use std::path::Path;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::order::{Answered, Message, Order, Previewed, header};
use super::view::View;
use super::{VERSION, log};
use crate::domain::approval::Approval;
use crate::domain::{Failure, Recorded, StepId};
pub use updates::Update;

/// How long a connection may take: the engine is on this machine.
const CONNECT: Duration = Duration::from_secs(2);

/// A connection is not used again after so long: the engine closes it soon afterwards.
const IDLE: Duration = Duration::from_secs(5);

/// How long an answer may take that needs no look at the world.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a look at the world may take, or a decision that begins with one.
const LOOKING: Duration = Duration::from_mins(10);

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// The person's name: `--as NAME`, or the login name.
    pub name: String,
    /// A random id of this client, for as long as it lives: the wheel is its.
    pub client: String,
}

impl Me {
    /// A new client of that person.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), client: format!("{:016x}", rand::random::<u64>()) }
    }
}

/// A client of one engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    me: Me,
}

impl Client {
    /// A client of the engine that listens at that socket; nothing is sent yet.
    ///
    /// # Errors
    /// A name that cannot be sent, or a machine that gives no HTTP client.
    pub fn unix(path: &Path, me: Me) -> Result<Self, Failure> {
        let text = |value: &str| {
            let fault = |_| Failure::refused(format!("`{}` cannot be a name", value.escape_debug()));
            HeaderValue::from_bytes(value.as_bytes()).map_err(fault)
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::NAME, text(&me.name)?);
        headers.insert(header::CLIENT, text(&me.client)?);
        let http = reqwest::Client::builder().unix_socket(path).connect_timeout(CONNECT).default_headers(headers);
        let http = http.pool_idle_timeout(IDLE);
        let http = http.build().map_err(|why| Failure::permanent("make an HTTP client").because(why.to_string()))?;
        Ok(Self { http, me })
    }

    /// Who asks.
    pub fn me(&self) -> &Me {
        &self.me
    }

    /// Where the run stands now.
    ///
    /// # Errors
    /// No engine answered.
    pub async fn view(&self) -> Result<View, Failure> {
        self.get(&["view"], &json!({}), PATIENCE).await
    }

    /// Where the run stood after the first `seq` events.
    ///
    /// # Errors
    /// No engine answered.
    pub async fn view_at(&self, seq: u64) -> Result<View, Failure> {
        self.get(&["view"], &json!({ "at": seq }), PATIENCE).await
    }

    /// What a step would change, read from the world now, with the digest that an order repeats.
    ///
    /// # Errors
    /// What the step says, or no engine answered.
    pub async fn preview(&self, step: &StepId) -> Result<Previewed, Failure> {
        self.get(&["preview", step.as_str()], &json!({}), LOOKING).await
    }

    /// What taking a step back would change, take and lose, read from the world now.
    ///
    /// # Errors
    /// That there is no way back now, and why; or no engine answered.
    pub async fn way_back(&self, step: &StepId) -> Result<Previewed, Failure> {
        self.get(&["way-back", step.as_str()], &json!({}), LOOKING).await
    }

    /// Events after that place, at most so many.
    ///
    /// # Errors
    /// No engine answered.
    pub async fn journal(&self, after: u64, limit: usize) -> Result<Vec<Recorded>, Failure> {
        self.get(&["journal"], &json!({ "after": after, "limit": limit }), PATIENCE).await
    }

    /// Log lines by range, level and filter.
    ///
    /// # Errors
    /// No engine answered.
    pub async fn logs(&self, query: &log::Query) -> Result<log::Page, Failure> {
        self.get(&["logs"], &json!(query), PATIENCE).await
    }

    /// Gives an order; returns once it is decided and in the journal, not when the step is over.
    ///
    /// # Errors
    /// Why it was refused, or no engine answered: then the same order may be sent again.
    pub async fn order(&self, order: &Order) -> Result<Answered, Failure> {
        self.post(&["orders"], order, LOOKING).await
    }

    /// Says something that needs no wheel.
    ///
    /// # Errors
    /// Why it was refused, or no engine answered.
    pub async fn say(&self, message: &Message) -> Result<Answered, Failure> {
        self.post(&["messages"], message, PATIENCE).await
    }

    /// Hands in an approval that was signed anywhere.
    ///
    /// # Errors
    /// Why it was refused, or no engine answered.
    pub async fn approve(&self, approval: &Approval) -> Result<Answered, Failure> {
        self.post(&["approvals"], approval, PATIENCE).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &Value, patience: Duration) -> Result<T, Failure> {
        let mut url = url(path)?;
        for (name, value) in query.as_object().into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            url.query_pairs_mut().append_pair(name, &text);
        }
        self.send(self.http.get(url).timeout(patience)).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        patience: Duration,
    ) -> Result<T, Failure> {
        self.send(self.http.post(url(path)?).json(body).timeout(patience)).await
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let answer = checked(request.send().await.map_err(unreached)?).await?;
        answer.json().await.map_err(|why| {
            Failure::permanent("the engine's answer is not of this protocol")
                .because(chain(&why))
                .next("is the engine of another version? end it and start this one")
        })
    }
}

/// The host is not looked up: the socket is the address.
fn url(path: &[&str]) -> Result<Url, Failure> {
    let whole = format!("http://engine/v{VERSION}");
    let fault = || Failure::permanent(format!("make an address of {}", path.join("/")));
    let mut url = Url::parse(&whole).map_err(|_| fault())?;
    url.path_segments_mut().map_err(|()| fault())?.extend(path);
    Ok(url)
}

/// An answer that is not good is the engine's failure.
async fn checked(answer: Response) -> Result<Response, Failure> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    let status = answer.status();
    let text = answer.text().await.map_err(unreached)?;
    Err(serde_json::from_str(&text).unwrap_or_else(|_| {
        Failure::permanent(format!("the engine answered {status}")).because(text.chars().take(200).collect::<String>())
    }))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn unreached(why: reqwest::Error) -> Failure {
    let what = if why.is_timeout() { "the engine did not answer in time" } else { "no engine answers" };
    Failure::transient(what).because(chain(&why)).next("`cutover drive` starts one where there is none")
}

/// An error with its causes, outermost first.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
