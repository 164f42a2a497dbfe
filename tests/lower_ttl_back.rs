//! `dns.lower-ttl` taken back: the exact set that it found, by compare-and-swap, whatever dies in between.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support {
    pub mod standin;
    pub mod ttl;
}

use cutover::domain::state::Status;
use cutover::services::route53::{RecordKind, RecordSet, same_sets};
use support::standin::APP;
use support::ttl::{Drive, step, told};

#[tokio::test]
async fn there_and_back_and_there_and_back_the_record_is_to_the_letter_what_it_was() {
    let drive = Drive::new().await;
    let zone = drive.lab.zone().await;
    let before = zone.all_sets().await.unwrap();
    for round in 1..=2 {
        let there = drive.run(None).await;
        assert!(there.status.success(), "round {round}: {}", told(&there));
        assert_eq!(drive.served_ttl().await, Some(5));
        let back = drive.back(None).await;
        assert!(back.status.success(), "round {round}: {}", told(&back));
        assert_eq!(zone.all_sets().await.unwrap(), before, "round {round}");
        assert_eq!(drive.served_ttl().await, Some(15));
        assert_eq!(drive.changes().await.len(), 2 * round, "one batch each way");
        let state = step(&drive.journal());
        assert_eq!(state.status, Status::RolledBack);
        assert!(state.undo_seconds.unwrap() > 0.0, "the next way back can say how long it takes");
    }
}

#[tokio::test]
async fn killed_anywhere_on_the_way_back_it_goes_on_and_changes_the_record_once() {
    for point in ["intent", "effect", "outcome"] {
        let drive = Drive::new().await;
        assert!(drive.run(None).await.status.success());
        let killed = drive.back(Some(&format!("lower-ttl:undo:ttl:{point}"))).await;
        assert_eq!(killed.status.code(), None, "it was to die at {point}: {}", told(&killed));
        let back = drive.back(None).await;
        assert!(back.status.success(), "after {point}: {}", told(&back));
        assert_eq!(drive.changes().await.len(), 2, "after {point}");
        assert_eq!(drive.served_ttl().await, Some(15));
    }
}

#[tokio::test]
async fn an_apply_that_died_is_taken_back_whether_it_had_changed_the_record_or_not() {
    for (point, changes) in [("intent", 0), ("effect", 2)] {
        let drive = Drive::new().await;
        assert_eq!(drive.run(Some(&format!("lower-ttl:ttl:{point}"))).await.status.code(), None);
        let back = drive.back(None).await;
        assert!(back.status.success(), "after {point}: {}", told(&back));
        assert_eq!(drive.changes().await.len(), changes, "after {point}");
        assert_eq!(drive.served_ttl().await, Some(15));
    }
}

#[tokio::test]
async fn a_record_that_somebody_else_changed_since_is_left_alone_and_the_way_out_works() {
    let drive = Drive::new().await;
    assert!(drive.run(None).await.status.success());
    let zone = drive.lab.zone().await;
    let ours = zone.sets_at(APP).await.unwrap();
    let mut theirs = ours.clone();
    theirs[0] = RecordSet::simple(APP, RecordKind::A, 5, ["172.30.77.99"]);
    zone.compare_and_swap(APP, &ours, &theirs, "somebody else").await.unwrap();

    let back = drive.back(None).await;
    assert_eq!(back.status.code(), Some(4), "{}", told(&back));
    assert!(told(&back).contains("172.30.77.99") && told(&back).contains(APP), "{}", told(&back));
    assert!(same_sets(&zone.sets_at(APP).await.unwrap(), &theirs));
    assert_eq!(step(&drive.journal()).status, Status::Done, "nothing was begun");

    zone.compare_and_swap(APP, &theirs, &ours, "somebody else, again").await.unwrap();
    let back = drive.back(None).await;
    assert!(back.status.success(), "{}", told(&back));
    assert_eq!(drive.served_ttl().await, Some(15));
}
