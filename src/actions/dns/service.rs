//! The service itself, asked from outside: the runbook's read and write at a chosen address, and who
//! answered.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::Rng as _;
use tokio::time::{Instant, sleep};

use super::world::step_of;
use crate::actions::record::resolvers;
use crate::actions::{Reading, Result};
use crate::domain::runbook::{ActionSpec, Request as Asked};
use crate::domain::state::Status;
use crate::domain::{Event, Failure};
use crate::services::http::{Caller, Method, Request, Scheme, Target};
use crate::services::resolver::addresses_of;

const HTTPS: u16 = 443;
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Under which name the run lists what its probe wrote.
const WRITES: &str = "the probe's writes";

/// What answered.
#[derive(Debug, Clone)]
pub(in crate::actions) struct Answered {
    /// The status.
    pub status: u16,
    /// Whether it is the status that the runbook expects.
    pub good: bool,
    /// The build that it names.
    pub build: Option<String>,
    /// Which way the front says it passed it, if it came through one.
    pub mode: Option<String>,
    /// The time that it tells in its `Date`.
    pub date: Option<String>,
}

impl Answered {
    /// Good, and from this build.
    pub(in crate::actions) fn is_of_build(&self, digest: &str) -> bool {
        self.good && self.build.as_deref().is_some_and(|build| build == digest || digest.ends_with(build))
    }
}

impl std::fmt::Display for Answered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} from build {}", self.status, self.build.as_deref().unwrap_or("(none named)"))?;
        match &self.mode {
            Some(mode) => write!(f, ", front: {mode}"),
            None => Ok(()),
        }
    }
}

/// Sends one of the runbook's requests to an address, over HTTPS, under the service's name. `{id}` in the
/// body becomes a fresh id.
pub(in crate::actions) async fn ask(cx: &Reading, address: IpAddr, asked: &Asked) -> Result<Answered> {
    let probe = cx.probe()?;
    let roots = match &probe.ca {
        None => None,
        Some(path) => Some(tokio::fs::read(cx.path(path)).await.map_err(|why| {
            Failure::permanent(format!("read the certificate authority {}", path.display())).because(why.to_string())
        })?),
    };
    let host = cx.connections().service.host.clone();
    let caller = Caller::new(Target { scheme: Scheme::Https, host, address: SocketAddr::new(address, HTTPS), roots })?;
    let method = Method::from_bytes(asked.method.as_bytes()).map_err(|why| {
        Failure::permanent(format!("`{}` is not an HTTP method", asked.method)).because(why.to_string())
    })?;
    let mut request = Request::new(method, asked.path.clone());
    if !matches!(request.method, Method::GET | Method::HEAD) {
        keep_write(cx, asked)?;
    }
    if let Some(body) = &asked.body {
        let body = body.replace("{id}", &fresh_id());
        request = request.header("Content-Type", "application/json").body(body.into_bytes());
    }
    let answer = caller.send(&request).await?;
    Ok(Answered {
        status: answer.status,
        good: answer.status == asked.expect,
        build: answer.header(&probe.header).map(str::to_owned),
        mode: answer.header("X-Front-Mode").map(str::to_owned),
        date: answer.header("Date").map(str::to_owned),
    })
}

/// Lists a write of the probe among what the run leaves, before it is sent: without an answer it may be there too.
fn keep_write(cx: &Reading, asked: &Asked) -> Result<()> {
    // The list itself is the count: a checkpoint would go with the step's rollback, the rows do not.
    let before = cx.state().kept.into_iter().find(|kept| kept.what == WRITES);
    let before: u64 = before.and_then(|kept| kept.why.split(' ').next()?.parse().ok()).unwrap_or(0);
    let sent = before + 1;
    cx.record(Event::Kept {
        step: cx.step_id().clone(),
        attempt: cx.attempt(),
        effect: None,
        what: WRITES.to_owned(),
        why: format!(
            "{sent} sent: {} {}, a request of the service's own that the runbook names",
            asked.method, asked.path
        ),
    })
}

/// Asks until the deployed build answers well, or `patience` is over; the last answer or fault is the reason.
pub(in crate::actions) async fn until_served(
    cx: &Reading,
    address: IpAddr,
    asked: &Asked,
    digest: &str,
    patience: Duration,
) -> Result<Answered> {
    until(cx, address, asked, patience, digest, |answer| answer.is_of_build(digest)).await
}

/// The same for the old side: its own build where the runbook names it, else any but the deployed one.
pub(super) async fn until_served_by_source(
    cx: &Reading,
    address: IpAddr,
    asked: &Asked,
    patience: Duration,
) -> Result<Answered> {
    let (build, digest) = (cx.source()?.build.clone(), deployed(cx)?);
    let is_source = |answer: &Answered| match &build {
        Some(build) => answer.is_of_build(build),
        None => answer.good && !answer.is_of_build(&digest),
    };
    until(cx, address, asked, patience, build.as_deref().unwrap_or("the source"), is_source).await
}

async fn until(
    cx: &Reading,
    address: IpAddr,
    asked: &Asked,
    patience: Duration,
    whom: &str,
    is_it: impl Fn(&Answered) -> bool,
) -> Result<Answered> {
    let deadline = Instant::now() + patience;
    loop {
        let last = match ask(cx, address, asked).await {
            Ok(answer) if is_it(&answer) => return Ok(answer),
            Ok(answer) => answer.to_string(),
            Err(failure) => failure.to_string(),
        };
        if Instant::now() >= deadline {
            let what = format!("{} {} at {address} is not served by {whom}", asked.method, asked.path);
            return Err(Failure::transient(what).because(last));
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// The digest that `deploy` put to work: who has to answer. Where others deployed it, and the step was adopted, that
/// of the runbook's image.
pub(in crate::actions) fn deployed(cx: &Reading) -> Result<String> {
    let step = step_of(cx.plan(), |action| matches!(action, ActionSpec::Deploy(_)))?;
    let output = cx.output(step, "digest");
    if let (Err(_), Some(ActionSpec::Deploy(deploy))) = (&output, cx.plan().step(step).map(|step| &step.action))
        && cx.state().step(step).status == Status::Adopted
        && let Some((_, digest)) = cx.resolve(&deploy.image)?.split_once('@')
    {
        return Ok(digest.to_owned());
    }
    let digest = output?;
    digest.as_str().map(str::to_owned).ok_or_else(|| Failure::permanent("deploy's digest is not text"))
}

/// The addresses behind the new answer, which may be one itself.
pub(in crate::actions) async fn ingress(cx: &Reading, answer: &str) -> Result<BTreeSet<IpAddr>> {
    if let Ok(address) = answer.parse() {
        return Ok(BTreeSet::from([address]));
    }
    let mut why = "no resolver to ask".to_owned();
    for resolver in resolvers(cx).await? {
        match addresses_of(resolver, answer).await {
            Ok(found) if !found.addresses.is_empty() => return Ok(found.addresses),
            Ok(_) => why = format!("{resolver} knows no address of it"),
            Err(error) => why = error.to_string(),
        }
    }
    Err(Failure::transient(format!("find the addresses of {answer}")).because(why))
}

/// The first of them: one is enough for a question.
pub(in crate::actions) async fn first_ingress(cx: &Reading, answer: &str) -> Result<IpAddr> {
    let found = ingress(cx, answer).await?;
    found.first().copied().ok_or_else(|| Failure::transient(format!("{answer} has no address")))
}

/// The address where the source's service stands.
pub(in crate::actions) fn old_address(cx: &Reading) -> Result<IpAddr> {
    let address = &cx.source()?.address;
    address.parse().map_err(|_| {
        Failure::permanent(format!("the source's address `{address}` is not an IP address"))
            .next("write the address at which the box is reached today into [source] address")
    })
}

/// A version 4 UUID.
fn fresh_id() -> String {
    let mut bytes: [u8; 16] = rand::rng().random();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}
