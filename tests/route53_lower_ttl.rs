//! `dns.lower-ttl` driven by the program itself, killed at each point of its effect, against the stand-in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support {
    pub mod standin;
    pub mod ttl;
}

use cutover::lab::route53::ZONE_ID;
use cutover::services::route53::{RecordKind, RecordSet, same_sets};
use support::standin::APP;
use support::ttl::{Drive, step, told};

#[tokio::test]
async fn the_ttl_is_lowered_the_old_set_is_kept_and_the_old_ttl_is_waited_for() {
    let drive = Drive::new().await;
    let before = drive.lab.zone().await.sets_at(APP).await.unwrap();
    let output = drive.run(None).await;
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(drive.served_ttl().await, Some(5));
    let edits = drive.changes().await[0]["edits"].clone();
    assert_eq!(edits.as_array().unwrap().len(), 2, "only the A set is touched: {edits}");

    let state = step(&drive.journal());
    let found: Vec<RecordSet> = serde_json::from_value(state.checkpoints["found"].clone()).unwrap();
    assert!(same_sets(&found, &before));
    let undo: Vec<RecordSet> = serde_json::from_value(state.effects["ttl"].undo["found"].clone()).unwrap();
    assert_eq!(undo, found);
    let over_at: jiff::Timestamp = serde_json::from_value(state.outputs["old_ttl_over_at"].clone()).unwrap();
    let left = over_at.as_second() - jiff::Timestamp::now().as_second();
    assert!((5..=15).contains(&left), "the old TTL of 15 s runs out in {left} s");
}

#[tokio::test]
async fn killed_anywhere_it_goes_on_and_changes_the_record_once() {
    for point in ["intent", "effect", "outcome"] {
        let drive = Drive::new().await;
        let killed = drive.run(Some(&format!("lower-ttl:ttl:{point}"))).await;
        assert_eq!(killed.status.code(), None, "it was to die at {point}: {}", told(&killed));
        let output = drive.run(None).await;
        assert!(output.status.success(), "after {point}: {}", told(&output));
        let changes = drive.changes().await;
        assert_eq!(changes.len(), 1, "after {point}");
        assert_eq!(drive.served_ttl().await, Some(5));
        let over_at: jiff::Timestamp =
            serde_json::from_value(step(&drive.journal()).outputs["old_ttl_over_at"].clone()).unwrap();
        let in_force_at = changes[0]["insync_at"].as_i64().unwrap();
        assert!(over_at.as_millisecond() >= in_force_at + 15_000, "counted from when it was in force, after {point}");
        let found: Vec<RecordSet> =
            serde_json::from_value(step(&drive.journal()).effects["ttl"].undo["found"].clone()).unwrap();
        assert_eq!(found[0].ttl(), Some(15), "the set found first is the one to go back to, after {point}");
    }
}

#[tokio::test]
async fn in_doubt_a_record_that_somebody_else_changed_is_left_alone() {
    let drive = Drive::new().await;
    let killed = drive.run(Some("lower-ttl:ttl:intent")).await;
    assert_eq!(killed.status.code(), None);
    let zone = drive.lab.zone().await;
    let old = zone.sets_at(APP).await.unwrap();
    let mut theirs = old.clone();
    theirs[0] = RecordSet::simple(APP, RecordKind::A, 15, ["172.30.77.99"]);
    zone.compare_and_swap(APP, &old, &theirs, "somebody else").await.unwrap();
    let output = drive.run(None).await;
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    assert!(told(&output).contains("172.30.77.99"), "{}", told(&output));
    assert!(same_sets(&zone.sets_at(APP).await.unwrap(), &theirs));
}

#[tokio::test]
async fn a_record_that_external_dns_looks_after_is_refused() {
    let drive = Drive::new().await;
    let mark = "a-app.lab.example.";
    let text = "\"heritage=external-dns,external-dns/owner=prod,external-dns/resource=ingress/shop/web\"";
    let zone = drive.lab.zone().await;
    zone.compare_and_swap(mark, &[], &[RecordSet::simple(mark, RecordKind::Txt, 300, [text])], "").await.unwrap();
    let output = drive.run(None).await;
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    assert!(told(&output).contains("external-dns `prod`"), "{}", told(&output));
    assert_eq!(drive.served_ttl().await, Some(15));
}

#[tokio::test]
async fn a_zone_without_the_record_is_named_and_once_it_is_there_the_step_goes_on() {
    let drive = Drive::new().await;
    let zone = drive.lab.zone().await;
    let all = zone.sets_at(APP).await.unwrap();
    let others: Vec<RecordSet> = all.iter().filter(|set| !set.kind.is_address()).cloned().collect();
    zone.compare_and_swap(APP, &all, &others, "gone").await.unwrap();
    let output = drive.run(None).await;
    assert!(!output.status.success());
    let said = told(&output);
    for words in [APP.trim_end_matches('.'), ZONE_ID, "next:"] {
        assert!(said.contains(words), "`{words}` is not in: {said}");
    }
    assert!(same_sets(&zone.sets_at(APP).await.unwrap(), &others), "nothing was made");
    zone.compare_and_swap(APP, &others, &all, "back").await.unwrap();
    let output = drive.run(None).await;
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(drive.served_ttl().await, Some(5));
}
