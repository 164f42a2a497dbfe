//! One place in the street: a client with its own DNS answer, and after its life another client.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rand::Rng;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Next, next};
use super::attempt::{Attempt, Kind, Way, fresh_id};
use super::classify::{self, Verdict};
use super::options::Options;
use super::rota::Rota;
use crate::services::http::{Limits, Pools, Request, Scheme};
use crate::services::{self, Error, Result, resolver};

/// What all clients share.
pub(super) struct Street {
    pub(super) options: Options,
    pub(super) stop: CancellationToken,
    /// Since when each seat waits for its write (microseconds since the epoch), 0 where it does not.
    pub(super) pending: Arc<Vec<AtomicI64>>,
    pools: Pools,
    rota: Rota,
    records: mpsc::Sender<Attempt>,
    began: Instant,
    began_at: Timestamp,
}

impl Street {
    /// A street without clients yet.
    pub(super) fn new(options: Options, records: mpsc::Sender<Attempt>, stop: CancellationToken) -> Result<Self> {
        let roots = match &options.ca {
            Some(path) => Some(std::fs::read(path).map_err(|e| {
                Error::new("traffic", path.display().to_string(), "read the authority", services::Kind::Permanent)
                    .because(e)
                    .next("run `cutover lab up` first")
            })?),
            None => None,
        };
        let limits = Limits {
            connect: options.timeout().min(Duration::from_secs(2)),
            total: options.timeout(),
            ..Limits::default()
        };
        let seats = options.clients as usize + 4;
        Ok(Self {
            pools: Pools::new(options.name.clone(), roots, limits),
            rota: Rota::new(options.tenants),
            pending: Arc::new((0..seats).map(|_| AtomicI64::new(0)).collect()),
            began: Instant::now(),
            began_at: Timestamp::now(),
            options,
            stop,
            records,
        })
    }

    /// The wall clock as it was at the start, carried on by the steady one: no step of the clock makes a stall.
    fn at(&self, moment: Instant) -> Timestamp {
        self.began_at + moment.duration_since(self.began)
    }
}

/// One place, and the client in it.
pub(super) struct Seat {
    pub(super) street: Arc<Street>,
    number: u32,
    way: Way,
    scheme: Scheme,
    client: u32,
    answer: Option<Answer>,
}

impl Seat {
    /// A place with its first client, who has not asked the DNS yet.
    pub(super) fn new(street: Arc<Street>, number: u32, way: Way, scheme: Scheme) -> Self {
        Self { street, number, way, scheme, client: 1, answer: None }
    }

    /// One wish of the client: attempts until one is acknowledged, or the traffic ends.
    pub(super) async fn until_acknowledged(&mut self, kind: Kind) {
        let tenant = if kind == Kind::Write { self.street.rota.next() } else { self.street.rota.anybody() };
        if kind == Kind::Write {
            self.waits_since(self.street.at(Instant::now()).as_microsecond());
        }
        loop {
            let verdict = self.attempt(kind, tenant).await;
            if verdict.outcome == super::attempt::Outcome::Acknowledged {
                break;
            }
            tokio::select! {
                () = self.street.stop.cancelled() => break,
                () = tokio::time::sleep(verdict.pause) => {}
            }
        }
        self.waits_since(0);
    }

    fn waits_since(&self, moment: i64) {
        if let Some(pending) = self.street.pending.get(self.number as usize) {
            pending.store(moment, Ordering::Relaxed);
        }
    }

    /// One attempt under a fresh id, written down whatever became of it.
    async fn attempt(&mut self, kind: Kind, tenant: u32) -> Verdict {
        let (id, begun) = (fresh_id(), Instant::now());
        let (verdict, address) = match self.address().await {
            Err(error) => (classify::unresolved(&error), None),
            Ok(address) => {
                let request = match kind {
                    Kind::Read => Request::get(format!("/t/{tenant}/balance")),
                    Kind::Write => {
                        let amount = rand::rng().random_range(1..100);
                        Request::post_json(format!("/t/{tenant}/payments"), &json!({ "attempt": id, "amount": amount }))
                    }
                };
                let result = match self.street.pools.to(self.scheme, address) {
                    Ok(caller) => caller.send(&request).await,
                    Err(error) => Err(error),
                };
                (classify::judge(kind, &id, &result), Some(address))
            }
        };
        let attempt = Attempt {
            at: self.street.at(begun),
            seat: self.number,
            client: self.client,
            way: self.way,
            scheme: self.scheme,
            kind,
            tenant,
            id,
            outcome: verdict.outcome,
            status: verdict.status,
            latency: begun.elapsed().as_secs_f64(),
            served: verdict.served,
            address,
            resolved: self.answer.as_ref().map(|answer| answer.told_at),
            why: verdict.why.clone(),
        };
        // Waits while the recorder is behind: no attempt is dropped. It ends only after the last seat.
        let _ = self.street.records.send(attempt).await;
        verdict
    }

    /// Where this client goes now: what it remembers, or what the DNS says.
    async fn address(&mut self) -> Result<SocketAddr> {
        let todo = next(self.way, self.answer.as_ref(), Instant::now());
        if todo == Next::Replace {
            self.client += 1;
        }
        if todo != Next::Keep {
            // Forgotten first: a client whose answer has run out does not use it, even if the DNS is silent.
            self.answer = None;
            self.answer = Some(self.ask().await?);
        }
        let port = self.street.options.port(self.scheme);
        match &self.answer {
            Some(answer) => Ok(SocketAddr::new(answer.address, port)),
            None => Err(self.nowhere()),
        }
    }

    async fn ask(&self) -> Result<Answer> {
        let Options { dns, name, .. } = &self.street.options;
        let reply = resolver::lookup(*dns, name, resolver::RecordType::A).await?;
        let addresses: Vec<IpAddr> =
            reply.values(resolver::RecordType::A).iter().filter_map(|value| value.parse().ok()).collect();
        if addresses.is_empty() {
            return Err(self.nowhere());
        }
        let told = Instant::now();
        Ok(Answer {
            address: addresses[rand::rng().random_range(0..addresses.len())],
            ttl: Duration::from_secs(u64::from(reply.ttl().unwrap_or(0))).max(Duration::from_secs(1)),
            told,
            told_at: self.street.at(told),
        })
    }

    fn nowhere(&self) -> Error {
        let Options { dns, name, .. } = &self.street.options;
        Error::new("DNS", dns.to_string(), format!("find an address of {name}"), services::Kind::Transient)
    }
}
