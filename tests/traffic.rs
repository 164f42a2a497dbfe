//! The tenants against a real HTTP server with a will of its own, through the lab's real DNS.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/shop.rs"]
mod shop;
#[path = "support/standin.rs"]
mod standin;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use cutover::lab::ledger::{Records, Summary};
use cutover::lab::route53::Manners;
use cutover::lab::traffic::attempt::{Attempt, Kind, Outcome, Served, Way};
use cutover::lab::traffic::{self, ATTEMPTS, Live, Options, Traffic};
use cutover::services::http::Scheme;
use cutover::services::route53::{RecordKind, RecordSet};
use shop::{Mood, Shop, door};
use standin::{APP, Lab};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

const TTL: u32 = 1;

struct Street {
    dns: Lab,
    records: tempfile::TempDir,
    ending: CancellationToken,
    running: tokio::task::JoinHandle<cutover::services::Result<()>>,
}

/// Makes the service's name point at `address`, and leaves what else the name has.
async fn point_at(dns: &Lab, address: IpAddr) {
    let zone = dns.zone().await;
    let old = zone.sets_at(APP).await.unwrap();
    let mut new: Vec<RecordSet> = old.iter().filter(|set| set.kind != RecordKind::A).cloned().collect();
    new.push(RecordSet::simple(APP, RecordKind::A, TTL, [address.to_string()]));
    zone.compare_and_swap(APP, &old, &new, "").await.unwrap();
}

impl Street {
    /// Tenants whose name resolves to `shop`, without HTTPS.
    async fn open(shop: SocketAddr, options: Options) -> Self {
        let manners =
            Manners { burst: 1000.0, pending: Duration::ZERO, accepting: Duration::ZERO, ..Manners::default() };
        let dns = Lab::with(manners).await;
        point_at(&dns, shop.ip()).await;
        let records = tempfile::tempdir().unwrap();
        let ending = CancellationToken::new();
        let options = Options {
            dir: records.path().to_owned(),
            dns: dns.dns(),
            http_port: shop.port(),
            tenants: 40,
            clients: 20,
            ..options
        };
        let running = tokio::spawn(traffic::serve(options, ending.clone()));
        Self { dns, records, ending, running }
    }

    /// Ends the traffic and gives what it wrote down.
    async fn close(self) -> (Vec<Attempt>, tempfile::TempDir) {
        self.ending.cancel();
        self.running.await.unwrap().unwrap();
        assert!(Live::latest(self.records.path()).unwrap().ended);
        (attempts(self.records.path()), self.records)
    }
}

fn attempts(dir: &Path) -> Vec<Attempt> {
    let text = std::fs::read_to_string(dir.join(ATTEMPTS)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn writes(attempts: &[Attempt]) -> impl Iterator<Item = &Attempt> {
    attempts.iter().filter(|attempt| attempt.kind == Kind::Write)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_service_acknowledges_everybody_at_a_steady_pace() {
    let shop = Shop::open([127, 0, 0, 1], Mood::Well).await;
    let street = Street::open(shop.address, Options::default()).await;
    sleep(Duration::from_secs(5)).await;
    let (seen, dir) = street.close().await;
    let records = Records::read(dir.path()).unwrap();
    assert_eq!((records.totals.failed, records.totals.requests), (0, seen.len() as u64));
    assert!(seen.len() > 5 * 40, "{} requests in 5 s", seen.len());
    assert_eq!(writes(&seen).map(|write| write.tenant).collect::<HashSet<_>>().len(), 40, "every tenant writes");
    // One seat's own writes: seats 0 and 1 are the steady ones without HTTPS.
    for (seat, way) in [(0, Way::Stale), (1, Way::Resolving)] {
        let own: Vec<&Attempt> = seen.iter().filter(|attempt| attempt.seat == seat).collect();
        assert!(own.iter().all(|attempt| attempt.way == way && attempt.kind == Kind::Write));
        assert!((46..=52).contains(&own.len()), "{} writes of seat {seat} in 5 s", own.len());
    }
    let promised: HashSet<String> = writes(&seen).map(|write| write.id.clone()).collect();
    assert_eq!(promised, shop.written().into_iter().collect(), "what was promised is what was done");
    let said = Summary::of(&records, None, None);
    assert!(said.longest_write_stall_seconds.unwrap() < 1.0);
    assert_eq!(said.served.unwrap().old, seen.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_is_a_stall_of_its_own_length_and_every_try_has_a_fresh_id() {
    let shop = Shop::open([127, 0, 0, 1], Mood::Well).await;
    let street = Street::open(shop.address, Options::default()).await;
    sleep(Duration::from_secs(1)).await;
    shop.is(Mood::Holding);
    sleep(Duration::from_millis(1_500)).await;
    shop.is(Mood::Well);
    sleep(Duration::from_secs(1)).await;
    let (seen, dir) = street.close().await;
    let records = Records::read(dir.path()).unwrap();
    let stall = records.totals.longest_stall();
    assert!((1.3..2.3).contains(&stall), "a stall of {stall} s");
    assert_eq!(records.totals.failed_reads, 0, "reads go on");
    assert_eq!(seen.len(), seen.iter().map(|attempt| &attempt.id).collect::<HashSet<_>>().len());
    let refused: Vec<&Attempt> =
        seen.iter().filter(|attempt| attempt.seat == 0 && attempt.outcome == Outcome::Refused).collect();
    assert!(refused.len() >= 4, "{} tries in 1.5 s", refused.len());
    for pair in refused.windows(2) {
        let pause = pair[1].at.duration_since(pair[0].at).as_secs_f64() - pair[0].latency;
        assert!(pause < 0.4, "tried again after {pause} s");
        assert_eq!(pair[0].tenant, pair[1].tenant, "it is the same write");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_unknown_and_a_closed_door_is_a_refusal() {
    let shop = Shop::open([127, 0, 0, 1], Mood::Well).await;
    let street = Street::open(shop.address, Options { timeout_ms: 700, ..Options::default() }).await;
    sleep(Duration::from_millis(500)).await;
    shop.is(Mood::LosingAnswers);
    sleep(Duration::from_millis(700)).await;
    shop.is(Mood::Slow);
    sleep(Duration::from_millis(1_500)).await;
    shop.is(Mood::Well);
    sleep(Duration::from_millis(500)).await;
    let done = shop.close().await;
    sleep(Duration::from_millis(500)).await;
    let (seen, _dir) = street.close().await;
    let mut ends: HashMap<(bool, Outcome), Vec<&Attempt>> = HashMap::new();
    for write in writes(&seen) {
        ends.entry((done.contains(&write.id), write.outcome)).or_default().push(write);
    }
    // The service did it and its answer was lost, by a reset and by a timeout: nobody may call that refused.
    let lost = &ends[&(true, Outcome::Unknown)];
    assert!(lost.iter().any(|write| write.latency < 0.5), "some by a reset");
    assert!(lost.iter().any(|write| write.latency > 0.6), "some by a timeout");
    assert!(!ends.contains_key(&(true, Outcome::Refused)), "{:?}", ends.get(&(true, Outcome::Refused)));
    assert!(!ends.contains_key(&(false, Outcome::Acknowledged)));
    let unheard = &ends[&(false, Outcome::Refused)];
    assert!(unheard.iter().any(|write| write.status.is_none()), "the closed door");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_change_of_address_stale_clients_stay_for_three_ttls_and_then_others_come() {
    let old = Shop::open([127, 0, 0, 1], Mood::Well).await;
    let new = Shop::open_at(SocketAddr::new([127, 0, 0, 2].into(), old.address.port()), Mood::Moved).await;
    let street = Street::open(old.address, Options::default()).await;
    sleep(Duration::from_secs(2)).await;
    point_at(&street.dns, new.address.ip()).await;
    let switched = jiff::Timestamp::now();
    sleep(Duration::from_secs(6)).await;
    let (seen, _dir) = street.close().await;
    let ttl = f64::from(TTL);
    let age = |attempt: &Attempt| attempt.at.duration_since(attempt.resolved.unwrap()).as_secs_f64();
    for attempt in &seen {
        let life = if attempt.way == Way::Stale { 3.0 * ttl } else { ttl };
        assert!(age(attempt) < life + 0.1, "{attempt:?} uses an answer of {} s", age(attempt));
        let at_new = attempt.address == Some(new.address);
        assert_eq!(at_new, attempt.served == Some(Served::Direct), "{attempt:?}");
        assert!(!at_new || attempt.resolved.unwrap() > switched - Duration::from_millis(500));
    }
    let last_old = |seat: u32| {
        let own = seen.iter().filter(|attempt| attempt.seat == seat && attempt.address == Some(old.address));
        own.map(|attempt| attempt.at.duration_since(switched).as_secs_f64()).fold(f64::MIN, f64::max)
    };
    assert!(last_old(1) < ttl + 0.2, "a resolving client leaves within one TTL, not after {} s", last_old(1));
    assert!(last_old(0) < 3.0 * ttl + 0.2, "a stale one within three, not after {} s", last_old(0));
    let stale: Vec<&Attempt> = seen.iter().filter(|attempt| attempt.seat == 0).collect();
    assert!(stale.iter().any(|attempt| age(attempt) > 2.0 * ttl), "and it does keep its address");
    let clients: HashSet<u32> = stale.iter().map(|attempt| attempt.client).collect();
    assert!(clients.len() >= 2, "another client took its place");
    let mut places: HashMap<u32, HashSet<Option<SocketAddr>>> = HashMap::new();
    for attempt in &stale {
        places.entry(attempt.client).or_default().insert(attempt.address);
    }
    assert!(places.values().all(|places| places.len() == 1), "one client, one address");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_of_its_own_ends_when_asked_and_with_whoever_began_it() {
    let shop = Shop::open([127, 0, 0, 1], Mood::Well).await;
    let manners = Manners { burst: 1000.0, pending: Duration::ZERO, accepting: Duration::ZERO, ..Manners::default() };
    let dns = Lab::with(manners).await;
    point_at(&dns, shop.address.ip()).await;
    let dir = tempfile::tempdir().unwrap();
    let options = Options { dns: dns.dns(), http_port: shop.address.port(), ..Options::default() };
    let spawn = || Traffic::spawn(Path::new(env!("CARGO_BIN_EXE_cutover")), dir.path(), &options).unwrap();

    let running = spawn();
    until(|| running.live().is_some_and(|live| live.acknowledged > 10)).await;
    let last = running.stop().await.unwrap();
    assert_eq!((last.failed, last.requests), (0, attempts(dir.path()).len() as u64));
    assert_eq!(shop.written().len() as u64, last.acknowledged);

    let running = spawn();
    until(|| running.live().is_some_and(|live| !live.ended && live.acknowledged > 10)).await;
    // As when the rehearsal dies: nobody says goodbye, the pipe closes.
    drop(running);
    until(|| Live::latest(dir.path()).unwrap().ended).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_of_the_tenants_come_by_https_and_what_they_lose_is_unknown_too() {
    let tls = tempfile::tempdir().unwrap();
    let plain = Shop::open([127, 0, 0, 1], Mood::Well).await;
    let safe = Shop::open_https([127, 0, 0, 1], Mood::Well, door(tls.path())).await;
    let options = Options {
        ca: Some(tls.path().join("ca.crt")),
        https_port: safe.address.port(),
        timeout_ms: 1_000,
        ..Options::default()
    };
    let street = Street::open(plain.address, options).await;
    sleep(Duration::from_secs(2)).await;
    safe.is(Mood::LosingAnswers);
    sleep(Duration::from_millis(500)).await;
    safe.is(Mood::Well);
    sleep(Duration::from_secs(1)).await;
    let (seen, _dir) = street.close().await;
    let by = |scheme| seen.iter().filter(move |attempt| attempt.scheme == scheme);
    assert!(by(Scheme::Http).all(|attempt| attempt.outcome == Outcome::Acknowledged));
    assert!(by(Scheme::Https).count() * 3 > seen.len(), "{} of {}", by(Scheme::Https).count(), seen.len());
    assert!(by(Scheme::Https).any(|attempt| attempt.kind == Kind::Read && attempt.outcome == Outcome::Acknowledged));
    // One steady writer each way.
    for (seat, way) in [(1, Way::Stale), (3, Way::Resolving)] {
        let own: Vec<&Attempt> = seen.iter().filter(|attempt| attempt.seat == seat).collect();
        assert!(own.iter().all(|attempt| attempt.way == way && attempt.scheme == Scheme::Https), "seat {seat}");
        assert!(own.iter().filter(|attempt| attempt.outcome == Outcome::Acknowledged).count() >= 10);
    }
    let ids = |attempts: Vec<&Attempt>| attempts.into_iter().map(|write| write.id.clone()).collect::<HashSet<_>>();
    assert_eq!(
        ids(writes(&seen).filter(|write| write.scheme == Scheme::Http).collect()),
        plain.written().into_iter().collect()
    );
    let done: HashSet<String> = safe.written().into_iter().collect();
    let lost: Vec<&Attempt> = writes(&seen).filter(|write| write.outcome == Outcome::Unknown).collect();
    assert!(!lost.is_empty() && lost.iter().all(|write| write.scheme == Scheme::Https));
    assert!(ids(lost).is_subset(&done), "done, and its answer lost");
    let refused = writes(&seen).filter(|write| write.outcome == Outcome::Refused && done.contains(&write.id)).count();
    assert_eq!(refused, 0, "what was done is never called refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_authority_is_a_refusal_and_nothing_is_written() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    door(ours.path());
    let plain = Shop::open([127, 0, 0, 1], Mood::Well).await;
    let safe = Shop::open_https([127, 0, 0, 1], Mood::Well, door(theirs.path())).await;
    let ca = Some(ours.path().join("ca.crt"));
    let street =
        Street::open(plain.address, Options { ca, https_port: safe.address.port(), ..Options::default() }).await;
    sleep(Duration::from_secs(1)).await;
    let (seen, _dir) = street.close().await;
    let by_https: Vec<&Attempt> = writes(&seen).filter(|write| write.scheme == Scheme::Https).collect();
    assert!(by_https.len() > 5, "{} writes", by_https.len());
    assert!(by_https.iter().all(|write| write.outcome == Outcome::Refused), "never sent, so not in doubt");
    assert_eq!(safe.written(), Vec::<String>::new());
    assert!(writes(&seen).any(|write| write.outcome == Outcome::Acknowledged), "plain HTTP goes on");
}

async fn until(holds: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(15);
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "it never came to that");
        sleep(Duration::from_millis(50)).await;
    }
}
