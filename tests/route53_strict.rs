//! The stand-in refuses what Route 53 refuses: driven with AWS's own client, which sends what our adapter
//! never would.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/standin.rs"]
mod standin;

use std::time::Duration;

use aws_sdk_route53::error::ProvideErrorMetadata;
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, ResourceRecordSetFailover,
    RrType,
};
use cutover::lab::route53::{ELB_ZONE_ID, Manners, ZONE_ID};
use standin::{APP, Lab};

use ChangeAction::{Create, Delete, Upsert};

fn generous() -> Manners {
    Manners { burst: 1000.0, accepting: Duration::ZERO, ..Manners::default() }
}

fn set(name: &str, kind: RrType, ttl: i64, values: &[&str]) -> ResourceRecordSet {
    let records = values.iter().map(|value| ResourceRecord::builder().value(*value).build().unwrap()).collect();
    ResourceRecordSet::builder().name(name).r#type(kind).ttl(ttl).set_resource_records(Some(records)).build().unwrap()
}

fn weighted(name: &str, identifier: &str, weight: i64, value: &str) -> ResourceRecordSet {
    let mut set = set(name, RrType::A, 5, &[value]);
    set.set_identifier = Some(identifier.to_owned());
    set.weight = Some(weight);
    set
}

fn alias(name: &str, zone: &str, target: &str) -> ResourceRecordSet {
    let target =
        AliasTarget::builder().hosted_zone_id(zone).dns_name(target).evaluate_target_health(false).build().unwrap();
    ResourceRecordSet::builder().name(name).r#type(RrType::A).alias_target(target).build().unwrap()
}

/// Sends a batch; the error is the service's code and message.
async fn send(lab: &Lab, edits: Vec<(ChangeAction, ResourceRecordSet)>) -> Result<(), (String, String)> {
    let changes = edits
        .into_iter()
        .map(|(action, set)| Change::builder().action(action).resource_record_set(set).build().unwrap())
        .collect();
    let batch = ChangeBatch::builder().set_changes(Some(changes)).build().unwrap();
    match lab.raw().change_resource_record_sets().hosted_zone_id(ZONE_ID).change_batch(batch).send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let status = error.raw_response().unwrap().status().as_u16();
            assert_eq!(status, 400, "{error:?}");
            Err((error.code().unwrap().to_owned(), error.message().unwrap().to_owned()))
        }
    }
}

async fn refused(lab: &Lab, edits: Vec<(ChangeAction, ResourceRecordSet)>, code: &str, part: &str) {
    let (found, message) = send(lab, edits).await.unwrap_err();
    assert!(found == code && message.contains(part), "expected {code} with `{part}`, got {found}: {message}");
}

const BATCH: &str = "InvalidChangeBatch";
const INPUT: &str = "InvalidInput";

#[tokio::test]
async fn create_delete_and_the_exact_old_set() {
    let lab = Lab::with(generous()).await;
    let app = |ttl, value| set(APP, RrType::A, ttl, &[value]);
    refused(&lab, vec![(Create, app(15, "10.0.0.1"))], BATCH, "but it already exists").await;
    for wrong in [app(16, "172.30.77.10"), app(15, "172.30.77.11")] {
        refused(&lab, vec![(Delete, wrong)], BATCH, "do not match the current values").await;
    }
    refused(&lab, vec![(Delete, set("no.lab.example", RrType::A, 5, &["10.0.0.1"]))], BATCH, "was not found").await;
    send(&lab, vec![(Delete, app(15, "172.30.77.10")), (Create, app(60, "10.0.0.1"))]).await.unwrap();
    send(&lab, vec![(Upsert, app(61, "10.0.0.2"))]).await.unwrap();
    // The order of the values does not matter, and names may come in capitals and without their last dot.
    let two = |values: &[&str]| set("TWO.lab.example", RrType::A, 5, values);
    send(&lab, vec![(Create, two(&["10.0.0.1", "10.0.0.2"]))]).await.unwrap();
    send(&lab, vec![(Delete, two(&["10.0.0.2", "10.0.0.1"]))]).await.unwrap();
}

#[tokio::test]
async fn a_batch_is_all_or_nothing_and_names_every_fault() {
    let lab = Lab::with(generous()).await;
    let good = || set("good.lab.example", RrType::A, 5, &["10.0.0.1"]);
    let (_, message) = send(
        &lab,
        vec![
            (Create, good()),
            (Create, set(APP, RrType::A, 5, &["10.0.0.1"])),
            (Create, set("x.other.example", RrType::A, 5, &["10.0.0.1"])),
        ],
    )
    .await
    .unwrap_err();
    assert!(message.contains("already exists") && message.contains("is not permitted in zone"), "{message}");
    refused(&lab, vec![(Delete, good())], BATCH, "was not found").await;
}

#[tokio::test]
async fn cnames_stand_alone_and_never_at_the_top() {
    let lab = Lab::with(generous()).await;
    let cname = |name: &str| set(name, RrType::Cname, 5, &["x.example."]);
    refused(&lab, vec![(Create, cname(APP))], BATCH, "conflicts with other records").await;
    refused(&lab, vec![(Create, cname("lab.example"))], BATCH, "not permitted at apex").await;
    // Judged by what the whole batch gives: the MX that stays forbids the CNAME that comes.
    let old = set(APP, RrType::A, 15, &["172.30.77.10"]);
    refused(&lab, vec![(Delete, old), (Create, cname(APP))], BATCH, "conflicts with other records").await;
    send(&lab, vec![(Create, cname("c.lab.example"))]).await.unwrap();
    let beside = set("c.lab.example", RrType::Txt, 5, &["\"x\""]);
    refused(&lab, vec![(Create, beside.clone())], BATCH, "conflicting RRSet of type CNAME").await;
    send(&lab, vec![(Delete, cname("c.lab.example")), (Create, beside)]).await.unwrap();
}

#[tokio::test]
async fn weights_identifiers_and_policies() {
    let lab = Lab::with(generous()).await;
    let name = "w.lab.example";
    for weight in [-1, 256] {
        refused(&lab, vec![(Create, weighted(name, "a", weight, "10.0.0.1"))], INPUT, "between 0 and 255").await;
    }
    let mut nameless = weighted(name, "a", 1, "10.0.0.1");
    nameless.set_identifier = None;
    refused(&lab, vec![(Create, nameless)], INPUT, "Missing field 'SetIdentifier'").await;
    let mut aimless = weighted(name, "a", 1, "10.0.0.1");
    aimless.weight = None;
    refused(&lab, vec![(Create, aimless)], INPUT, "but found none").await;
    let mut double = weighted(name, "a", 1, "10.0.0.1");
    double.failover = Some(ResourceRecordSetFailover::Primary);
    refused(&lab, vec![(Create, double)], INPUT, "more than one").await;
    send(&lab, vec![(Create, weighted(name, "a", 0, "10.0.0.1")), (Create, weighted(name, "b", 255, "10.0.0.2"))])
        .await
        .unwrap();
    refused(&lab, vec![(Create, weighted(name, "a", 3, "10.0.0.3"))], BATCH, "already exists").await;
    refused(&lab, vec![(Create, set(name, RrType::A, 5, &["10.0.0.4"]))], BATCH, "weighted RRSet").await;
    refused(&lab, vec![(Create, weighted(APP, "a", 1, "10.0.0.1"))], BATCH, "simple RRSet").await;
    // Deleting one of them deletes that one only.
    send(&lab, vec![(Delete, weighted(name, "a", 0, "10.0.0.1"))]).await.unwrap();
    send(&lab, vec![(Delete, weighted(name, "b", 255, "10.0.0.2"))]).await.unwrap();
}

#[tokio::test]
async fn aliases_have_no_ttl_and_a_target_that_exists() {
    let lab = Lab::with(generous()).await;
    let name = "al.lab.example";
    let mut timed = alias(name, ELB_ZONE_ID, "ingress-1.elb.lab.example");
    timed.ttl = Some(5);
    refused(&lab, vec![(Create, timed)], INPUT, "more than one").await;
    refused(&lab, vec![(Create, alias(name, ZONE_ID, "no.lab.example"))], BATCH, "target was not found").await;
    refused(&lab, vec![(Create, alias(name, ZONE_ID, "x.other.example"))], BATCH, "does not lie within").await;
    refused(&lab, vec![(Create, alias(name, "ZNONE", "x.other.example"))], BATCH, "zone was not found").await;
    send(&lab, vec![(Create, alias(name, ELB_ZONE_ID, "ingress-1.elb.lab.example"))]).await.unwrap();
    send(&lab, vec![(Create, alias("al2.lab.example", ZONE_ID, APP))]).await.unwrap();
}

#[tokio::test]
async fn values_ttls_and_the_zones_own_sets() {
    let lab = Lab::with(generous()).await;
    let at = "v.lab.example";
    for (kind, value, part) in [
        (RrType::A, "10.0.0", "not a valid IPv4"),
        (RrType::A, "2001:db8::1", "not a valid IPv4"),
        (RrType::Aaaa, "10.0.0.1", "not a valid IPv6"),
        (RrType::Mx, "mail.lab.example", "RRDATAUnparseable"),
        (RrType::Txt, "bare", "quotation marks"),
    ] {
        refused(&lab, vec![(Create, set(at, kind, 5, &[value]))], BATCH, part).await;
    }
    refused(&lab, vec![(Create, set(at, RrType::A, 5, &["10.0.0.1", "10.0.0.1"]))], BATCH, "Duplicate").await;
    refused(&lab, vec![(Create, set(at, RrType::Cname, 5, &["a.", "b."]))], BATCH, "exactly one value").await;
    refused(&lab, vec![(Create, set(at, RrType::A, -1, &["10.0.0.1"]))], INPUT, "TTL").await;
    refused(&lab, vec![(Create, set(at, RrType::A, 5, &[]))], INPUT, "found none").await;
    refused(&lab, vec![(Create, set(at, RrType::from("NOPE"), 5, &["x"]))], INPUT, "facet-valid").await;
    let servers = set("lab.example", RrType::Ns, 172_800, &["ns-1.lab.example."]);
    refused(&lab, vec![(Delete, servers)], BATCH, "at least one NS").await;
    refused(&lab, vec![], INPUT, "1 to 1000").await;
}

#[tokio::test]
async fn unsigned_strange_and_misdirected_requests() {
    let lab = Lab::with(generous()).await;
    let url = format!("{}/2013-04-01/hostedzone/{ZONE_ID}", lab.standin.endpoint());
    let unsigned = reqwest::get(&url).await.unwrap();
    assert_eq!(unsigned.status(), 403);
    assert!(unsigned.text().await.unwrap().contains("<Code>MissingAuthenticationToken</Code>"));
    let zone = lab.raw().get_hosted_zone().id("ZNONE").send().await.unwrap_err();
    assert_eq!((zone.code(), zone.raw_response().unwrap().status().as_u16()), (Some("NoSuchHostedZone"), 404));
    let change = lab.raw().get_change().id("CNONE").send().await.unwrap_err();
    assert_eq!((change.code(), change.raw_response().unwrap().status().as_u16()), (Some("NoSuchChange"), 404));
    let list = || lab.raw().list_resource_record_sets().hosted_zone_id(ZONE_ID);
    let kind_alone = list().start_record_type(RrType::A).send().await.unwrap_err();
    assert_eq!(kind_alone.code(), Some("InvalidInput"));
    let page = list().max_items(1).send().await.unwrap();
    assert!(page.is_truncated && page.resource_record_sets.len() == 1);
    let named = lab.raw().list_hosted_zones_by_name().dns_name("lab.example").send().await.unwrap();
    assert_eq!(named.hosted_zones.len(), 1);
}

#[tokio::test]
async fn the_allowance_and_the_turn_of_a_zone() {
    let lab = Lab::with(Manners { rate: 0.001, burst: 3.0, ..generous() }).await;
    for _ in 0..3 {
        lab.raw().list_hosted_zones().send().await.unwrap();
    }
    let throttled = lab.raw().list_hosted_zones().send().await.unwrap_err();
    assert_eq!((throttled.code(), throttled.raw_response().unwrap().status().as_u16()), (Some("Throttling"), 400));

    let lab = Lab::with(Manners { accepting: Duration::from_millis(700), ..generous() }).await;
    let edit = |name| vec![(Create, set(name, RrType::A, 5, &["10.0.0.1"]))];
    let (one, two) = tokio::join!(send(&lab, edit("p1.lab.example")), send(&lab, edit("p2.lab.example")));
    let refusals: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].0, "PriorRequestNotComplete");
}
