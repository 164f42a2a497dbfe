//! The front's contract on a real NGINX: by `docker exec` and by ssh, idle and with tenants on it, over a
//! restart of its box. Both sides behind it are services of the test's own, so what reached whom is known.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/front_box.rs"]
mod front_box;
#[path = "support/shop.rs"]
mod shop;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cutover::services::front::{Front, Mode, Side, Transport};
use cutover::services::{Error, Kind};
use front_box::{FrontBox, HOST};
use reqwest::{Client, Response};
use shop::Mood;

const PATIENCE: Duration = Duration::from_secs(5);
static IDS: AtomicU64 = AtomicU64::new(1);

async fn read(client: &Client, scheme: &str) -> Response {
    client.get(format!("{scheme}://{HOST}/t/7/balance")).send().await.unwrap()
}

/// A write with a fresh id: the id and the answer.
async fn write(client: &Client, scheme: &str) -> (String, Response) {
    let id = format!("00000000-0000-4000-8000-{:012}", IDS.fetch_add(1, Ordering::SeqCst));
    let body = format!("{{\"attempt\":\"{id}\",\"amount\":5}}");
    let request = client.post(format!("{scheme}://{HOST}/t/7/payments")).header("Content-Type", "application/json");
    (id, request.body(body).send().await.unwrap())
}

/// What failed and what the front said to it.
fn said(error: &Error) -> String {
    format!("{error}: {}", error.why.as_ref().map(ToString::to_string).unwrap_or_default())
}

fn mode(answer: &Response) -> &str {
    answer.headers()["x-front-mode"].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_docker_exec_it_keeps_its_contract_and_over_a_restart() {
    let mut place = FrontBox::start("exec").await;
    let front = place.inside().await;
    keeps_its_contract(&place, &front).await;

    // What was in force before the box went down is in force after it came up: here a hold.
    front.hold().await.unwrap();
    place.restart().await;
    assert_eq!(front.status().await.unwrap().mode, Mode::Hold);
    assert_eq!(write(&place.client(), "http").await.1.status(), 503);
    // Nobody knows which way: no write goes either.
    front.direct(PATIENCE).await.unwrap();
    place.sh("mv /etc/nginx/front/state /etc/nginx/front/elsewhere");
    assert_eq!(write(&place.client(), "http").await.1.status(), 503);
    assert_eq!(front.status().await.unwrap().mode, Mode::Hold);
    place.sh("mv /etc/nginx/front/elsewhere /etc/nginx/front/state");
    assert_eq!(front.status().await.unwrap().mode, Mode::Direct);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_ssh_it_keeps_its_contract_and_a_broken_connection_is_no_answer() {
    let place = FrontBox::start("ssh").await;
    let front = place.by_ssh();
    keeps_its_contract(&place, &front).await;

    // Whoever has the key may run this program as root, and nothing else.
    let Transport::Command(mut command) = place.ssh() else { panic!("it is a command") };
    *command.last_mut().unwrap() = "id".to_owned();
    let other = Front::over(Transport::Command(command)).status().await.unwrap_err();
    assert!(said(&other).contains("ended with 1"), "{}", said(&other));

    place.sh("pkill -x dropbear");
    let error = front.hold().await.unwrap_err();
    assert_eq!(error.kind, Kind::Unknown, "{error}");
    assert_eq!(place.inside().await.status().await.unwrap().mode, Mode::Direct);
}

/// Direct, staged, tested, held, relayed and direct again; it ends as it began.
async fn keeps_its_contract(place: &FrontBox, front: &Front) {
    let client = place.client();
    assert_eq!(front.status().await.unwrap().mode, Mode::Direct);
    let answer = read(&client, "https").await;
    assert_eq!((mode(&answer), answer.headers()["x-app-build"].to_str().unwrap()), ("direct", "rev1"));
    let (first, answer) = write(&client, "http").await;
    assert_eq!((answer.status().as_u16(), mode(&answer)), (201, "direct"));
    front.direct(PATIENCE).await.unwrap();

    // Staging is refused where it makes no sense, and changes nothing in force.
    let refused = said(&front.relay(PATIENCE).await.unwrap_err());
    assert!(refused.contains("nothing is staged"), "{refused}");
    let refused = said(&front.stage("no address; reboot", "10.0.0.1:443").await.unwrap_err());
    assert!(refused.contains("is no host:port"), "{refused}");
    front.direct(PATIENCE).await.unwrap();
    let (http, https) = place.new_side();
    for _ in 0..2 {
        front.stage(&http, &https).await.unwrap();
    }
    assert_eq!(mode(&read(&client, "http").await), "direct");
    // A real request through the staged relay: by HTTPS, with its path as it was, and no tenant's hit.
    let tested = front.test("/t/7/balance?of=a%20b&at=$HOME;'x'").await.unwrap();
    assert_eq!((tested.status, tested.headers["x-app-build"].as_str()), (200, "sha256:0"));
    let head = place.new_https.last_head();
    assert!(head.starts_with("GET /t/7/balance?of=a%20b&at=$HOME;'x' HTTP/1.1"), "{head}");
    assert_eq!(front.hits().await.unwrap(), 0);

    // A write in flight to the old side: held are those that come after it, and `drained` waits for it.
    place.old.is(Mood::Slow);
    let slow = tokio::spawn({
        let client = client.clone();
        async move { write(&client, "http").await }
    });
    let began = Instant::now();
    while place.old.arrived_after(began) == 0 {
        assert!(began.elapsed() < PATIENCE, "the slow write never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let held_from = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(1);
    front.hold().await.unwrap();
    front.hold().await.unwrap();
    place.old.is(Mood::Well);
    let late = front.drained(Side::Old, Duration::from_secs(1)).await.unwrap_err();
    assert!(said(&late).contains("ended with 3"), "{}", said(&late));
    front.drained(Side::Old, PATIENCE).await.unwrap();
    let (in_flight, answer) = slow.await.unwrap();
    assert_eq!(answer.status(), 201, "what was in flight was not cut off");
    for scheme in ["http", "https"] {
        let (_, held) = write(&client, scheme).await;
        assert_eq!((held.status().as_u16(), mode(&held)), (503, "hold"));
        assert_eq!(held.headers()["retry-after"], "1");
        assert_eq!(read(&client, scheme).await.headers()["x-app-build"], "rev1", "reads go on");
    }
    assert_eq!(place.old.written(), [first, in_flight], "what was held reached nobody");
    assert_eq!(front.held_since(held_from).await.unwrap(), 2, "a read is not held");

    front.relay(PATIENCE).await.unwrap();
    front.relay(PATIENCE).await.unwrap();
    let refused = said(&front.stage(&https, &http).await.unwrap_err());
    assert!(refused.contains("in force"), "{refused}");
    let mut relayed = 0;
    for (scheme, shop) in [("http", &place.new), ("https", &place.new_https)] {
        let (id, answer) = write(&client, scheme).await;
        assert_eq!((answer.status().as_u16(), mode(&answer)), (201, "relay"));
        assert_eq!(shop.written(), [id], "plain HTTP stays plain, HTTPS stays HTTPS");
        let head = shop.last_head();
        assert!(head.contains(&format!("host: {HOST}\r\n")), "{head}");
        assert!(head.contains("x-forwarded-for: 1"), "the tenant's address is passed on: {head}");
        assert_eq!(read(&client, scheme).await.headers()["x-app-build"], "sha256:0");
        relayed += 2;
        assert_eq!(front.hits().await.unwrap(), relayed);
    }
    front.direct(PATIENCE).await.unwrap();
    assert_eq!(mode(&write(&client, "https").await.1), "direct");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_tenants_on_it_nothing_fails_nothing_goes_astray_and_nothing_is_sent_twice() {
    let place = FrontBox::start("busy").await;
    let front = place.inside().await;
    let (http, https) = place.new_side();
    front.stage(&http, &https).await.unwrap();
    let going_on = Arc::new(AtomicBool::new(true));
    let tenants: Vec<_> = (0..8)
        .map(|number| {
            let (client, going_on) = (place.client(), going_on.clone());
            let scheme = if number % 2 == 0 { "http" } else { "https" };
            tokio::spawn(async move {
                let mut promised = Vec::new();
                while going_on.load(Ordering::SeqCst) {
                    let (id, answer) = write(&client, scheme).await;
                    match answer.status().as_u16() {
                        201 => promised.push(id),
                        503 => assert_eq!(mode(&answer), "hold"),
                        other => panic!("a write ended with {other}"),
                    }
                    assert_eq!(read(&client, scheme).await.status(), 200, "reads go on");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                promised
            })
        })
        .collect();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        front.hold().await.unwrap();
        front.drained(Side::Old, PATIENCE).await.unwrap();
        let shut = Instant::now();
        front.relay(PATIENCE).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(place.old.arrived_after(shut), 0, "no write goes to the side that was left");
        front.hold().await.unwrap();
        front.drained(Side::New, PATIENCE).await.unwrap();
        let shut = Instant::now();
        front.direct(PATIENCE).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(place.new.arrived_after(shut) + place.new_https.arrived_after(shut), 0);
    }
    going_on.store(false, Ordering::SeqCst);
    let mut promised = HashSet::new();
    for tenant in tenants {
        promised.extend(tenant.await.unwrap());
    }
    let done = [place.old.written(), place.new.written(), place.new_https.written()].concat();
    assert!(place.old.written().len() > 20 && place.new.written().len() > 20, "both sides served");
    assert_eq!(done.len(), promised.len(), "nothing was sent twice, and nothing was done that was not promised");
    assert_eq!(done.into_iter().collect::<HashSet<_>>(), promised);
}
