//! What has to be so before tenants are made to wait, each on real servers: the schema and the build that were
//! imaged, an old TTL that has run out, a comparison that has not expired. Then an engine that dies in the
//! freeze, and the one after it, which finishes what it finds, or takes it back where too little time is left.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

#[path = "support/drive.rs"]
mod drive;
#[path = "support/old_and_new.rs"]
mod old_and_new;
#[path = "support/standin.rs"]
mod standin;
#[path = "support/switching.rs"]
mod switching;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cutover::actions::{CrashPoint, Recorder as _};
use cutover::domain::{Failure, Stands, StepId};
use cutover::services::mysql::fence::own::OpenState;
use cutover::services::mysql::replication;
use cutover::services::route53::{RecordKind, RecordSet};
use drive::all_hold;
use switching::{Switching, Tenants, Terms, given};

const RECORD: &str = "app.lab.example.";

/// The step was refused before anything was held, fenced or turned round.
async fn nothing_was_touched(here: &mut Switching) {
    let state = here.drive.memory.state();
    assert!(state.fences.is_empty() && !state.switched);
    let step = state.step(&StepId::from("dns"));
    assert!(step.effects.keys().all(|key| !["hold", "fence-source"].contains(&key.as_str())), "{:?}", step.effects);
    assert!(here.world.sh(&here.world.old, "front-switch status").contains("direct"));
    assert!(!OpenState::read(&mut here.source).await.unwrap().is_shut());
    assert!(replication::status(&mut here.target).await.unwrap().unwrap().running());
}

/// The lines of the go/no-go board that do not say go: what, and how it stands.
async fn not_go(here: &Switching) -> Vec<(String, Stands)> {
    let board = here.drive.preview("dns").await.unwrap().conditions;
    assert!(board.len() >= 9, "{board:#?}");
    assert!(board.iter().all(|line| (line.stands == Stands::Holds) == line.fix.is_none()), "{board:#?}");
    let not_go = board.into_iter().filter(|line| line.stands != Stands::Holds);
    not_go.map(|line| (line.what, line.stands)).collect()
}

fn says(failure: &Failure, words: &str) {
    let said = format!("{}: {}", failure.what, failure.why.join(": "));
    assert!(said.contains(words), "{failure:?}");
    assert!(failure.next.is_some(), "a way out is named: {failure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_imaged_is_what_moves_and_the_old_answer_has_run_out() {
    let terms = Terms { restore: "verify_expiry = \"1s\"", ..Terms::default() };
    let mut here = Switching::start("before", 200, &terms).await;

    // The schema is another than the one that was imaged; put back, it is the same again.
    assert!(not_go(&here).await.iter().all(|(_, stands)| *stands == Stands::Waits), "{:?}", not_go(&here).await);
    here.source.run("change the schema", "ALTER TABLE shop.jobs ADD COLUMN later INT").await.unwrap();
    let red = ("the schema is the one that was imaged".to_owned(), Stands::Fails);
    assert!(not_go(&here).await.contains(&red), "{:?}", not_go(&here).await);
    let failure = here.drive.apply("dns").await.unwrap_err();
    says(&failure, "the source's schema is not the one that was imaged");
    nothing_was_touched(&mut here).await;
    here.source.run("put the schema back", "ALTER TABLE shop.jobs DROP COLUMN later").await.unwrap();

    // Whom the target will be opened to could not write there: found out now, and not past the point of switching.
    let whom = "INSERT, UPDATE, DELETE ON shop.*";
    here.source.run("let it read only", &format!("REVOKE {whom} FROM shop@'%'")).await.unwrap();
    let red = ("the application will be able to write on the target".to_owned(), Stands::Fails);
    assert!(not_go(&here).await.contains(&red), "{:?}", not_go(&here).await);
    let failure = here.drive.apply("dns").await.unwrap_err();
    says(&failure, "'shop_app'@'%' could not write on the target");
    assert!(failure.next.as_ref().unwrap().contains("GRANT SELECT, INSERT"), "{failure:?}");
    nothing_was_touched(&mut here).await;
    here.source.run("let it write again", &format!("GRANT {whom} TO shop@'%'")).await.unwrap();

    // The build that answers is not the one that was imaged.
    here.on_these_terms(&Terms { source: "build = \"rev1-hotfix\"", ..terms.clone() });
    let red = ("the build is the one that was imaged".to_owned(), Stands::Fails);
    assert!(not_go(&here).await.contains(&red), "{:?}", not_go(&here).await);
    let failure = here.drive.apply("dns").await.unwrap_err();
    says(&failure, "the source's build is not the one that was imaged");
    says(&failure, "from build rev1");
    nothing_was_touched(&mut here).await;
    here.on_these_terms(&Terms { source: "build = \"rev1\"", ..terms });

    // The old TTL runs on for some seconds; the comparison has expired meanwhile, and finds a row that is another.
    let left = Duration::from_secs(3);
    let over_at = jiff::Timestamp::now() + left;
    given(&here.drive, "lower-ttl", BTreeMap::from([("old_ttl_over_at".to_owned(), serde_json::json!(over_at))]));
    let waits = ("the old TTL has run out".to_owned(), Stands::Waits);
    assert!(not_go(&here).await.contains(&waits), "{:?}", not_go(&here).await);
    here.target.run("spoil a row", "UPDATE shop.tenants SET name = CONCAT(name, '?') WHERE id = 7").await.unwrap();
    let began = Instant::now();
    let failure = here.drive.apply("dns").await.unwrap_err();
    assert!(began.elapsed() >= left.saturating_sub(Duration::from_millis(500)), "it waits: {:?}", began.elapsed());
    says(&failure, "the target is not equal");
    says(&failure, "shop.tenants");
    nothing_was_touched(&mut here).await;

    // Mended, it is compared again; the record that somebody changes while it waits stops it before its freeze.
    let mended = "UPDATE shop.tenants SET name = TRIM(TRAILING '?' FROM name) WHERE id = 7";
    here.target.run("mend it", mended).await.unwrap();
    let over_at = jiff::Timestamp::now() + left;
    given(&here.drive, "lower-ttl", BTreeMap::from([("old_ttl_over_at".to_owned(), serde_json::json!(over_at))]));
    let zone = here.standin.zone().await;
    let ours = zone.sets_at(RECORD).await.unwrap();
    let mut theirs = ours.clone();
    theirs[0] = RecordSet::simple(RECORD, RecordKind::A, 5, ["172.30.77.99"]);
    let changed = async {
        here.drive.memory.until_at("wait until the old TTL has run out").await;
        zone.compare_and_swap(RECORD, &ours, &theirs, "somebody else").await.unwrap();
    };
    let (outcome, ()) = tokio::join!(here.drive.apply("dns"), changed);
    let failure = outcome.unwrap_err();
    says(&failure, "somebody else changed the sets at");
    says(&failure, "172.30.77.99");
    nothing_was_touched(&mut here).await;
    zone.compare_and_swap(RECORD, &theirs, &ours, "put back").await.unwrap();

    // Then all of it happens.
    here.drive.apply("dns").await.unwrap();
    let state = here.drive.memory.state();
    assert!(state.switched && state.step(&StepId::from("dns")).checkpoints.contains_key("verified_at"));
    assert_eq!(here.drive.memory.text().matches("verification has expired").count(), 3);
    all_hold(&here.drive.verify("dns").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_dies_in_the_freeze_is_followed_by_one_that_aborts_or_finishes() {
    let short = Terms { budget: "6s", ..Terms::default() };
    let mut here = Switching::start("dies", 200, &short).await;
    let before = OpenState::read(&mut here.source).await.unwrap();
    let tenants = Tenants::pay(&here.world);

    // Too little of the budget is left: the source is opened first, as it was; what then fails does so open.
    here.drive.dies("dns", "fence-source", CrashPoint::Effect).await;
    assert!(OpenState::read(&mut here.source).await.unwrap().is_shut(), "nobody opens it while the engine is dead");
    assert!(here.drive.memory.state().fences.contains_key("source MySQL"));
    tokio::time::sleep(Duration::from_millis(4500)).await;
    here.on_these_terms(&Terms { source: "build = \"another\"", ..short });
    let red = ("the build is the one that was imaged".to_owned(), Stands::Fails);
    assert!(not_go(&here).await.contains(&red), "{:?}", not_go(&here).await);
    let failure = here.drive.apply("dns").await.unwrap_err();
    says(&failure, "the source's build is not the one that was imaged");
    assert!(here.drive.memory.text().contains("aborting: an engine went away in the middle of a try"));
    assert_eq!(OpenState::read(&mut here.source).await.unwrap(), before);
    nothing_was_touched_any_more(&mut here).await;

    // Enough is left: whatever the dead engine had done, the next goes on from there, within the same budget.
    here.on_these_terms(&Terms { budget: "90s", ..Terms::default() });
    here.drive.dies("dns", "hold", CrashPoint::Effect).await;
    assert_eq!(here.drive.memory.state().barring(), Some("source MySQL"), "held writes wait too");
    here.drive.dies("dns", "fence-source", CrashPoint::Effect).await;
    here.drive.dies("dns", "reset-forward-channel", CrashPoint::Effect).await;
    here.drive.dies("dns", "source-learns-history-3", CrashPoint::Outcome).await;
    // The platform goes on writing its heartbeat: what the target has done moves on by itself.
    let then = replication::executed(&mut here.target).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while replication::executed(&mut here.target).await.unwrap() == then {
        assert!(Instant::now() < deadline, "the platform's heartbeat stands still");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    here.drive.dies("dns", "start-reverse-channel", CrashPoint::Effect).await;
    let outputs = here.drive.apply("dns").await.unwrap();
    assert!(!outputs.contains_key("freeze_handler_reads"), "a freeze of several engines is not measured: {outputs:?}");
    let log = here.drive.memory.text();
    assert_eq!(log.matches("aborting:").count(), 1, "nothing more was taken back");
    assert_eq!(log.matches("of its budget are left, it goes on").count(), 5);
    assert!(here.drive.memory.state().switched);
    all_hold(&here.drive.verify("dns").await.unwrap());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let acknowledged = tenants.stop().await;
    let written = here.written().await;
    assert!(acknowledged.len() > 50 && acknowledged.is_subset(&written), "{} acknowledged", acknowledged.len());
}

/// An abort leaves everything as it found it.
async fn nothing_was_touched_any_more(here: &mut Switching) {
    let state = here.drive.memory.state();
    assert!(state.fences.is_empty() && !state.switched);
    assert!(here.world.sh(&here.world.old, "front-switch status").contains("direct"));
    assert!(replication::status(&mut here.source).await.unwrap().is_none());
    assert!(replication::status(&mut here.target).await.unwrap().unwrap().running());
    here.application().await.run("write", "INSERT INTO jobs SELECT * FROM jobs WHERE 1 = 0").await.unwrap();
}
