//! The DNS that the stand-in answers, asked over the wire by the resolver module.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/standin.rs"]
mod standin;

use std::collections::BTreeMap;
use std::time::Duration;

use cutover::lab::route53::Manners;
use cutover::services::Kind;
use cutover::services::resolver::{RecordType, Verdict, addresses_of, lookup, name_servers_of};
use cutover::services::route53::{Policy, RecordKind, RecordSet};
use standin::{APP, Lab};

async fn lab() -> Lab {
    let manners = Manners { burst: 1000.0, pending: Duration::ZERO, accepting: Duration::ZERO, ..Manners::default() };
    Lab::with(manners).await
}

async fn put(lab: &Lab, name: &str, sets: &[RecordSet]) {
    lab.zone().await.compare_and_swap(name, &[], sets, "").await.unwrap();
}

#[tokio::test]
async fn the_service_is_answered_with_authority_and_its_ttl() {
    let lab = lab().await;
    let answer = lookup(lab.dns(), APP, RecordType::A).await.unwrap();
    assert!(answer.authoritative);
    assert_eq!((answer.values(RecordType::A), answer.ttl()), (["172.30.77.10".to_owned()].into(), Some(15)));
    let mixed = lookup(lab.dns(), "APP.Lab.Example", RecordType::A).await.unwrap();
    assert_eq!(mixed.values(RecordType::A), answer.values(RecordType::A));
    let mail = lookup(lab.dns(), APP, RecordType::MX).await.unwrap();
    assert_eq!(mail.values(RecordType::MX), ["10 mail.lab.example.".to_owned()].into());
    let balancer = addresses_of(lab.dns(), "ingress-1.elb.lab.example").await.unwrap();
    assert_eq!((balancer.ttl, balancer.authoritative), (Some(5), true));
    assert_eq!(balancer.addresses, ["172.30.77.50".parse().unwrap()].into());
    assert_eq!(name_servers_of("lab.example", lab.dns()).await.unwrap(), ["ns-1.lab.example."]);
}

#[tokio::test]
async fn no_such_name_no_such_record_and_no_such_zone_are_three_things() {
    let lab = lab().await;
    let name = lookup(lab.dns(), "nobody.lab.example", RecordType::A).await.unwrap();
    assert_eq!((name.verdict, name.records.len()), (Verdict::NoSuchName, 0));
    let record = lookup(lab.dns(), APP, RecordType::AAAA).await.unwrap();
    assert_eq!((record.verdict, record.records.len()), (Verdict::Exists, 0));
    let zone = lookup(lab.dns(), "example.org", RecordType::A).await.unwrap_err();
    assert_eq!(zone.kind, Kind::Permanent);
}

#[tokio::test]
async fn chains_are_followed_and_end_where_the_server_knows_no_more() {
    let lab = lab().await;
    let (inside, outside) = ("in.lab.example.", "out.lab.example.");
    put(&lab, inside, &[RecordSet::simple(inside, RecordKind::Cname, 30, [APP])]).await;
    put(&lab, outside, &[RecordSet::simple(outside, RecordKind::Cname, 30, ["www.example.org."])]).await;
    let chain = lookup(lab.dns(), inside, RecordType::A).await.unwrap();
    assert_eq!(chain.values(RecordType::CNAME), [APP.to_owned()].into());
    assert_eq!((chain.values(RecordType::A), chain.ttl()), (["172.30.77.10".to_owned()].into(), Some(15)));
    let end = lookup(lab.dns(), outside, RecordType::A).await.unwrap();
    assert_eq!(end.elsewhere.as_deref(), Some("www.example.org."));
    let asked = lookup(lab.dns(), outside, RecordType::CNAME).await.unwrap();
    assert_eq!(asked.values(RecordType::CNAME), ["www.example.org.".to_owned()].into());
}

#[tokio::test]
async fn weights_share_the_answers_and_all_zero_shares_them_evenly() {
    let lab = lab().await;
    let sets = |name: &str, weights: [i64; 3]| -> Vec<RecordSet> {
        weights
            .iter()
            .enumerate()
            .map(|(n, weight)| {
                let mut set = RecordSet::simple(name, RecordKind::A, 5, [format!("10.0.0.{n}")]);
                set.set_identifier = Some(n.to_string());
                set.policy = Some(Policy::Weighted(*weight));
                set
            })
            .collect()
    };
    for (name, weights) in [("some.lab.example.", [0, 10, 30]), ("none.lab.example.", [0, 0, 0])] {
        put(&lab, name, &sets(name, weights)).await;
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..400 {
            let answer = lookup(lab.dns(), name, RecordType::A).await.unwrap();
            assert_eq!(answer.records.len(), 1);
            *counts.entry(answer.records[0].value.clone()).or_default() += 1;
        }
        let of = |n: usize| counts.get(&format!("10.0.0.{n}")).copied().unwrap_or_default();
        if weights == [0, 0, 0] {
            // Expected 133 each; below 80 happens once in some ten million runs.
            assert!((0..3).all(|n| of(n) > 80), "{counts:?}");
        } else {
            assert_eq!(of(0), 0);
            assert!(of(1) > 50 && of(2) > 230, "{counts:?}");
        }
    }
}

#[tokio::test]
async fn a_long_answer_comes_whole_by_tcp() {
    let lab = lab().await;
    let name = "long.lab.example.";
    let values: Vec<String> = (0..200).map(|n| format!("10.1.0.{n}")).collect();
    put(&lab, name, &[RecordSet::simple(name, RecordKind::A, 5, values)]).await;
    assert_eq!(lookup(lab.dns(), name, RecordType::A).await.unwrap().records.len(), 200);
}

#[tokio::test]
async fn a_wildcard_covers_names_that_do_not_exist_and_only_those() {
    let lab = lab().await;
    let wild = "*.lab.example.";
    put(&lab, wild, &[RecordSet::simple(wild, RecordKind::A, 5, ["10.0.0.77"])]).await;
    let covered = lookup(lab.dns(), "any.thing.lab.example", RecordType::A).await.unwrap();
    assert_eq!(covered.values(RecordType::A), ["10.0.0.77".to_owned()].into());
    assert_eq!(covered.records[0].name, "any.thing.lab.example.");
    let below = lookup(lab.dns(), "x.app.lab.example", RecordType::A).await.unwrap();
    assert_eq!(below.verdict, Verdict::NoSuchName, "app.lab.example exists, so its names are not covered");
    assert!(lookup(lab.dns(), APP, RecordType::AAAA).await.unwrap().records.is_empty());
}

#[tokio::test]
async fn a_server_that_is_silent_is_a_transient_fault() {
    let silent = tokio::net::UdpSocket::bind(standin::ANY_PORT).await.unwrap();
    let error = lookup(silent.local_addr().unwrap(), APP, RecordType::A).await.unwrap_err();
    assert_eq!(error.kind, Kind::Transient);
}
