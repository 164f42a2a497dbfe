//! The Route 53 adapter against the lab's strict stand-in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/standin.rs"]
mod standin;

use std::error::Error as _;
use std::time::Duration;

use cutover::lab::route53::{ELB_ZONE_ID, Manners, ZONE_ID, launch};
use cutover::services::Kind;
use cutover::services::resolver::{RecordType, lookup};
use cutover::services::route53::rules::{Target, move_to};
use cutover::services::route53::{Alias, ChangeState, Policy, RecordKind, RecordSet, Stands, same_sets};
use standin::{APP, Lab, SECRET, connect, options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn generous() -> Manners {
    Manners { burst: 1000.0, ..Manners::default() }
}

fn why(error: &cutover::services::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

fn new_address(sets: &[RecordSet]) -> Vec<RecordSet> {
    let target = Target::Addresses(vec!["172.30.77.50".parse().unwrap()]);
    move_to("lab.example", APP, sets, &target, 60).unwrap()
}

#[tokio::test]
async fn a_swap_moves_the_address_and_touches_nothing_else() {
    let lab = Lab::start().await;
    let zone = lab.zone().await;
    let old = zone.sets_at(APP).await.unwrap();
    assert_eq!(old.iter().map(|set| set.kind.as_str()).collect::<Vec<_>>(), ["A", "CAA", "MX", "TXT"]);
    let new = new_address(&old);

    let change = zone.compare_and_swap(APP, &old, &new, "test").await.unwrap().unwrap();
    assert_eq!(change.state, ChangeState::Pending);
    let found = zone.sets_at(APP).await.unwrap();
    assert!(same_sets(&found, &new), "{found:?}");
    zone.wait_insync(&change.id, Duration::from_secs(5), |_| {}).await.unwrap();

    let log = lab_log(&lab).await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0]["comment"], "test");
    let edits: Vec<String> = log[0]["edits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edit| format!("{} {}", edit["verb"].as_str().unwrap(), edit["set"]["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(edits, ["DELETE A", "CREATE A"]);
    // And to the letter back again.
    zone.compare_and_swap(APP, &new, &old, "back").await.unwrap().unwrap();
    assert!(same_sets(&zone.sets_at(APP).await.unwrap(), &old));
}

#[tokio::test]
async fn nothing_to_change_is_no_change() {
    let lab = Lab::start().await;
    let zone = lab.zone().await;
    let old = zone.sets_at(APP).await.unwrap();
    assert_eq!(zone.compare_and_swap(APP, &old, &old, "none").await.unwrap(), None);
    assert!(lab_log(&lab).await.is_empty());
}

#[tokio::test]
async fn dns_answers_change_only_when_the_change_is_in_sync() {
    let pending = Duration::from_millis(1500);
    let lab = Lab::with(Manners { pending, ..generous() }).await;
    let zone = lab.zone().await;
    let old = zone.sets_at(APP).await.unwrap();
    let change = zone.compare_and_swap(APP, &old, &new_address(&old), "t").await.unwrap().unwrap();
    let before = lookup(lab.dns(), APP, RecordType::A).await.unwrap();
    assert_eq!(before.values(RecordType::A), ["172.30.77.10".to_owned()].into());
    assert_eq!(zone.change(&change.id).await.unwrap().state, ChangeState::Pending);
    let mut ticks = 0;
    zone.wait_insync(&change.id, Duration::from_secs(10), |_| ticks += 1).await.unwrap();
    assert!(ticks > 0);
    let after = lookup(lab.dns(), APP, RecordType::A).await.unwrap();
    assert_eq!(after.values(RecordType::A), ["172.30.77.50".to_owned()].into());
}

#[tokio::test]
async fn waiting_ends_at_its_deadline_and_says_that_nothing_need_be_sent_again() {
    let lab = Lab::with(Manners { pending: Duration::from_mins(1), ..generous() }).await;
    let zone = lab.zone().await;
    let old = zone.sets_at(APP).await.unwrap();
    let change = zone.compare_and_swap(APP, &old, &new_address(&old), "t").await.unwrap().unwrap();
    let error = zone.wait_insync(&change.id, Duration::from_millis(400), |_| {}).await.unwrap_err();
    assert_eq!(error.kind, Kind::Transient);
    assert!(error.next.unwrap().contains("nothing needs to be sent again"));
}

#[tokio::test]
async fn a_swap_that_expects_another_world_is_a_conflict_that_tells_the_difference() {
    let lab = Lab::start().await;
    let zone = lab.zone().await;
    let old = zone.sets_at(APP).await.unwrap();
    let mut believed = old.clone();
    believed[0] = RecordSet::simple(APP, RecordKind::A, 15, ["172.30.77.99"]);
    let error = zone.compare_and_swap(APP, &believed, &new_address(&old), "t").await.unwrap_err();
    assert_eq!(error.kind, Kind::Conflict);
    let said = why(&error);
    assert!(said.contains("172.30.77.99") && said.contains("172.30.77.10"), "{said}");
    assert!(same_sets(&zone.sets_at(APP).await.unwrap(), &old));
    // A set that somebody added is a difference too.
    let error = zone.compare_and_swap(APP, &old[..3], &old[..2], "t").await.unwrap_err();
    assert!(why(&error).contains("TXT"), "{}", why(&error));
}

#[tokio::test]
async fn an_address_becomes_an_alias_where_other_types_stand_beside_it() {
    let lab = Lab::start().await;
    let zone = lab.zone().await;
    let old = zone.sets_at(APP).await.unwrap();
    let host = |alias_zone: Option<&str>| Target::Hostname {
        name: "ingress-1.elb.lab.example".into(),
        alias_zone: alias_zone.map(Into::into),
    };
    assert!(move_to("lab.example", APP, &old, &host(None), 60).unwrap_err().to_string().contains("CAA, MX, TXT"));
    let new = move_to("lab.example", APP, &old, &host(Some(ELB_ZONE_ID)), 60).unwrap();
    let change = zone.compare_and_swap(APP, &old, &new, "alias").await.unwrap().unwrap();
    zone.wait_insync(&change.id, Duration::from_secs(5), |_| {}).await.unwrap();
    let answer = lookup(lab.dns(), APP, RecordType::A).await.unwrap();
    assert_eq!(answer.values(RecordType::A), ["172.30.77.50".to_owned()].into());
    assert_eq!(answer.ttl(), Some(5), "an alias answers with its target's TTL");
    zone.compare_and_swap(APP, &new, &old, "back").await.unwrap().unwrap();
}

#[tokio::test]
async fn every_page_of_a_long_zone_is_read() {
    let lab = Lab::with(generous()).await;
    let zone = lab.zone().await;
    let before = zone.all_sets().await.unwrap().len();
    for n in 0..7 {
        let name = format!("n{n}.many.lab.example.");
        let sets: Vec<RecordSet> = (0..100).map(|set| weighted(&name, set, 10)).collect();
        zone.compare_and_swap(&name, &[], &sets, "many").await.unwrap();
    }
    assert_eq!(zone.all_sets().await.unwrap().len(), before + 700);
    let found = zone.sets_at("n3.many.lab.example").await.unwrap();
    assert_eq!(found.len(), 100);
    assert!(found.iter().all(|set| set.policy == Some(Policy::Weighted(10))));
}

fn weighted(name: &str, n: usize, weight: i64) -> RecordSet {
    let mut set = RecordSet::simple(name, RecordKind::A, 5, [format!("10.9.0.{n}")]);
    set.set_identifier = Some(format!("set-{n:03}"));
    set.policy = Some(Policy::Weighted(weight));
    set
}

#[tokio::test]
async fn throttling_and_a_zone_that_is_busy_are_waited_out() {
    let slow = Manners { rate: 1.5, burst: 1.0, accepting: Duration::from_millis(600), ..Manners::default() };
    let lab = Lab::with(slow).await;
    let zone = lab.zone().await;
    let (one, two) = ("one.lab.example.", "two.lab.example.");
    let set = |name: &str| [RecordSet::simple(name, RecordKind::A, 5, ["10.0.0.1"])];
    // Another client of another endpoint's pace: the same stand-in by another spelling of its address.
    let other = connect(&format!("http://localhost:{}", lab.standin.api.port()), SECRET).await;
    let other = other.zone(ZONE_ID, two).await.unwrap();
    let (a, b) = (set(one), set(two));
    let (first, second) =
        tokio::join!(zone.compare_and_swap(one, &[], &a, "1"), other.compare_and_swap(two, &[], &b, "2"));
    assert!(first.unwrap().is_some() && second.unwrap().is_some());
    assert_eq!(lab_log(&lab).await.len(), 2);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_looking_tells_that_it_happened() {
    let lab = Lab::with(generous()).await;
    let proxy = losing_proxy(lab.standin.api).await;
    let zone = connect(&proxy, SECRET).await.zone(ZONE_ID, APP).await.unwrap();
    let old = zone.sets_at(APP).await.unwrap();
    let new = new_address(&old);
    assert_eq!(zone.look(APP, &old, &new).await.unwrap(), Stands::Old);
    let error = zone.compare_and_swap(APP, &old, &new, "lost").await.unwrap_err();
    assert_eq!(error.kind, Kind::Unknown, "{error:?}");
    assert_eq!(zone.look(APP, &old, &new).await.unwrap(), Stands::New);
    assert_eq!(lab_log(&lab).await.len(), 1, "it must not have been sent twice");
    assert!(matches!(zone.look(APP, &old, &old[..1]).await.unwrap(), Stands::Neither { .. }));
}

#[tokio::test]
async fn a_service_that_is_not_there_is_transient_and_wrong_keys_are_permanent() {
    let lab = Lab::with(generous()).await;
    let gone = TcpListener::bind(standin::ANY_PORT).await.unwrap();
    let address = gone.local_addr().unwrap();
    let error = connect(&format!("http://{address}"), "wrong").await;
    let wrong = connect(&lab.standin.endpoint(), "wrong").await.zone(ZONE_ID, APP).await.unwrap_err();
    assert_eq!(wrong.kind, Kind::Permanent);
    assert!(why(&wrong).contains("SignatureDoesNotMatch"), "{}", why(&wrong));
    assert!(wrong.next.unwrap().contains("log in again"));
    drop(gone);
    let refused = error.zone(ZONE_ID, APP).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Transient, "{refused:?}");
}

#[tokio::test]
async fn the_zone_of_a_name_is_found_and_a_stranger_is_refused() {
    let lab = Lab::with(generous()).await;
    let route53 = lab.route53().await;
    let zone = route53.find_zone("deep.app.lab.example").await.unwrap();
    assert_eq!((zone.info().id.as_str(), zone.info().private), (ZONE_ID, false));
    assert_eq!(zone.info().name_servers, ["ns-1.lab.example"]);
    assert_eq!(route53.find_zone("app.other.example").await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(route53.zone(ZONE_ID, "app.other.example").await.unwrap_err().kind, Kind::Conflict);
    assert_eq!(route53.zone("/hostedzone/ZNONE", APP).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(route53.zone(ELB_ZONE_ID, "x.elb.lab.example").await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn marks_of_external_dns_and_delegations_are_seen() {
    let lab = Lab::with(generous()).await;
    let zone = lab.zone().await;
    assert_eq!(zone.owners(APP, &[]).await.unwrap(), []);
    assert_eq!(zone.delegated_away(APP).await.unwrap(), None);
    let mark = "cname-app.lab.example.";
    let text = "\"heritage=external-dns,external-dns/owner=prod,external-dns/resource=ingress/shop/web\"";
    zone.compare_and_swap(mark, &[], &[RecordSet::simple(mark, RecordKind::Txt, 300, [text])], "").await.unwrap();
    let owners = zone.owners(APP, &[]).await.unwrap();
    assert_eq!((owners.len(), owners[0].owner.as_str()), (1, "prod"));
    let child = "team.lab.example.";
    let servers = RecordSet::simple(child, RecordKind::Ns, 300, ["ns.elsewhere.example."]);
    zone.compare_and_swap(child, &[], &[servers], "").await.unwrap();
    assert_eq!(zone.delegated_away("www.team.lab.example").await.unwrap().as_deref(), Some(child));
}

#[tokio::test]
async fn the_zone_survives_a_restart_of_the_stand_in() {
    let lab = Lab::with(generous()).await;
    let zone = lab.zone().await;
    let old = zone.sets_at(APP).await.unwrap();
    let new = new_address(&old);
    let change = zone.compare_and_swap(APP, &old, &new, "kept").await.unwrap().unwrap();
    let Lab { standin, directory } = lab;
    drop(standin);
    let standin = launch(options(directory.path(), generous())).await.unwrap();
    let again = Lab { standin, directory };
    let zone = again.zone().await;
    assert!(same_sets(&zone.sets_at(APP).await.unwrap(), &new));
    zone.wait_insync(&change.id, Duration::from_secs(5), |_| {}).await.unwrap();
    let reset = reqwest::Client::new().post(format!("{}/lab/reset", again.standin.endpoint()));
    assert_eq!(reset.body(r#"{"ttl":7}"#).send().await.unwrap().status(), 204);
    assert_eq!(zone.sets_at(APP).await.unwrap()[0].ttl(), Some(7));
    assert!(lab_log(&again).await.is_empty());
}

#[tokio::test]
async fn an_alias_keeps_all_it_carries_through_the_service() {
    let lab = Lab::with(generous()).await;
    let zone = lab.zone().await;
    let name = "carry.lab.example.";
    let alias =
        Alias { zone_id: ELB_ZONE_ID.into(), dns_name: "ingress-1.elb.lab.example.".into(), evaluate_health: true };
    let mut set = RecordSet::alias(name, RecordKind::A, alias);
    set.set_identifier = Some("blue".into());
    set.policy = Some(Policy::Geolocation { continent: None, country: Some("GB".into()), subdivision: None });
    set.health_check = Some("abc".into());
    zone.compare_and_swap(name, &[], std::slice::from_ref(&set), "").await.unwrap();
    assert_eq!(zone.sets_at(name).await.unwrap(), [set]);
}

/// The stand-in's own log of accepted changes.
async fn lab_log(lab: &Lab) -> Vec<serde_json::Value> {
    let text = reqwest::get(format!("{}/lab/changes", lab.standin.endpoint())).await.unwrap().text().await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A proxy that passes everything on, but hangs up when the answer to a POST begins.
async fn losing_proxy(upstream: std::net::SocketAddr) -> String {
    let listener = TcpListener::bind(standin::ANY_PORT).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass_on(client, upstream));
        }
    });
    endpoint
}

async fn pass_on(mut client: TcpStream, upstream: std::net::SocketAddr) {
    let mut server = TcpStream::connect(upstream).await.unwrap();
    let (mut up, mut down) = (vec![0; 65536], vec![0; 65536]);
    let mut posting = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(n @ 1..) = read else { return };
                posting |= up[..n].starts_with(b"POST ");
                server.write_all(&up[..n]).await.unwrap();
            }
            read = server.read(&mut down) => {
                let Ok(n @ 1..) = read else { return };
                if posting {
                    return;
                }
                client.write_all(&down[..n]).await.unwrap();
            }
        }
    }
}
