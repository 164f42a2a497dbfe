//! The switch taken back, on a real old box, a real managed MySQL and a real new side, with tenants writing
//! through the old address all the while: there and back twice, by engines that die before, at and after the
//! way back's own point of no return, and from a source that cannot follow.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

#[path = "support/drive.rs"]
mod drive;
#[path = "support/old_and_new.rs"]
mod old_and_new;
#[path = "support/standin.rs"]
mod standin;
#[path = "support/switching.rs"]
mod switching;

use std::time::{Duration, Instant};

use cutover::actions::CrashPoint::{Effect, Intent, Outcome};
use cutover::actions::Recorder as _;
use cutover::services::mysql::fence::own::OpenState;
use cutover::services::mysql::replication::{self, Applied};
use cutover::services::mysql::variable::Variable;
use drive::all_hold;
use switching::{Switching, Tenants, Terms, is_clear};

/// A cluster's address at which nobody listens.
const NOBODY: &str = "{apiVersion: v1, kind: Config, current-context: gone, \
                      clusters: [{name: gone, cluster: {server: 'https://127.0.0.1:1'}}], \
                      users: [{name: gone, user: {}}], \
                      contexts: [{name: gone, context: {cluster: gone, user: gone}}]}";

/// There, proved, and tenants have written on the new side.
async fn there(here: &mut Switching) {
    here.drive.apply("dns").await.unwrap();
    all_hold(&here.drive.verify("dns").await.unwrap());
    Switching::payments_go_on(&mut here.target, 10).await;
}

/// Back as before the switch, and tenants write on the old side.
async fn is_back(here: &mut Switching, before: &OpenState) {
    let state = here.drive.memory.state();
    assert!(state.fences.is_empty() && !state.switched && state.returned.is_some());
    here.source_again().await;
    assert_eq!(OpenState::read(&mut here.source).await.unwrap(), *before);
    assert!(here.world.sh(&here.world.old, "front-switch status").contains("direct"));
    assert!(replication::status(&mut here.source).await.unwrap().is_none());
    let write = "INSERT INTO jobs SELECT * FROM jobs WHERE 1 = 0";
    here.application_at_target().await.run("write", write).await.unwrap_err();
    Switching::payments_go_on(&mut here.source, 10).await;
}

/// Whatever was acknowledged is on both sides, once.
async fn nothing_is_lost(here: &mut Switching, tenants: Tenants) {
    let acknowledged = tenants.stop().await;
    assert!(acknowledged.len() > 50, "{}", acknowledged.len());
    let written = here.written_at_source().await;
    let lost: Vec<_> = acknowledged.difference(&written).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let at = replication::executed(&mut here.source).await.unwrap();
    let within = tokio::time::Instant::now() + Duration::from_secs(20);
    assert_eq!(replication::wait_applied(&mut here.target, &at, within).await.unwrap(), Applied::All);
    assert_eq!(here.written().await, written, "both sides are equal again");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_and_back_twice_and_none_is_lost() {
    let mut here = Switching::start("back", 200, &Terms::default()).await;
    let before = OpenState::read(&mut here.source).await.unwrap();
    let tenants = Tenants::pay(&here.world);
    for round in 0..2 {
        there(&mut here).await;
        if round == 1 {
            // Restarted while it replicates back, and nobody has set its filter since.
            here.world.sh(&here.world.old, "rev1-ctl restart mysql");
        }
        let preview = here.drive.way_back("dns").await.unwrap();
        assert_eq!(preview.loses, Some(0), "{preview:#?}");
        let began = Instant::now();
        all_hold(&here.drive.rollback("dns").await.unwrap());
        println!("back in {:?}", began.elapsed());
        is_back(&mut here, &before).await;
    }
    nothing_is_lost(&mut here, tenants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_dies_on_the_way_back_is_followed_by_one_that_finishes() {
    let short = Terms { budget: "6s", ..Terms::default() };
    let mut here = Switching::start("back-dies", 200, &Terms::default()).await;
    let before = OpenState::read(&mut here.source).await.unwrap();
    let tenants = Tenants::pay(&here.world);

    // Too little of the budget is left: the target is opened again first, then all of it is done anew.
    there(&mut here).await;
    here.on_these_terms(&short);
    here.drive.dies_going_back("dns", "back-1-fence-target", Effect).await;
    assert!(here.drive.memory.state().fences.contains_key("target MySQL"));
    tokio::time::sleep(Duration::from_millis(4500)).await;
    all_hold(&here.drive.rollback("dns").await.unwrap());
    assert!(here.drive.memory.text().contains("opening the target again: an engine went away"));
    is_back(&mut here, &before).await;

    // Before, at and after the intent to open the source: gone on with from there.
    here.on_these_terms(&Terms::default());
    let points = [
        ("back-1-hold", Effect),
        ("back-1-fence-target", Effect),
        ("undo:start-reverse-channel", Intent),
        ("undo:fence-source", Effect),
        ("undo:record", Effect),
        ("undo:reset-forward-channel", Intent),
    ];
    for (key, point) in points {
        there(&mut here).await;
        here.drive.dies_going_back("dns", key, point).await;
        assert!(here.drive.memory.state().barring().is_some() || key == "undo:record" || key.ends_with("channel"));
        all_hold(&here.drive.rollback("dns").await.unwrap());
        is_back(&mut here, &before).await;
    }
    nothing_is_lost(&mut here, tenants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_left_before_its_freeze_or_right_past_its_point_is_gone_back_from() {
    let mut here = Switching::start("back-left", 200, &Terms::default()).await;
    let before = OpenState::read(&mut here.source).await.unwrap();
    let skips = Variable::read(&mut here.source, "skip_replica_start").await.unwrap();
    let tenants = Tenants::pay(&here.world);

    // A try is aborted, and the next one leaves what it made beforehand: that goes too.
    here.drive.dies("dns", "fence-source", Effect).await;
    here.on_these_terms(&Terms { budget: "1s", ..Terms::default() });
    here.drive.dies("dns", "reverse-channel", Outcome).await;
    assert!(here.drive.memory.text().contains("aborted: the source takes writes as before"));
    here.on_these_terms(&Terms::default());
    all_hold(&here.drive.rollback("dns").await.unwrap());
    assert!(replication::status(&mut here.source).await.unwrap().is_none(), "the channel is gone");
    assert_eq!(Variable::read(&mut here.source, "skip_replica_start").await.unwrap(), skips);

    // Nobody waits yet; what was made beforehand goes, or `restore` could not be taken back.
    here.drive.dies("dns", "reverse-channel", Outcome).await;
    assert_eq!(here.drive.memory.state().barring(), None);
    all_hold(&here.drive.rollback("dns").await.unwrap());
    assert!(replication::status(&mut here.source).await.unwrap().is_none(), "the channel is gone");
    assert_eq!(Variable::read(&mut here.source, "skip_replica_start").await.unwrap(), skips);
    assert!(replication::status(&mut here.target).await.unwrap().unwrap().running(), "the target follows");

    // The application could never write there: there is no connection that could prove that it may no longer.
    here.drive.dies("dns", "open-target", Intent).await;
    let state = here.drive.memory.state();
    assert!(state.switched);
    assert_eq!(state.barring(), Some("source MySQL"), "tenants wait, past the point of switching too");
    all_hold(&here.drive.rollback("dns").await.unwrap());
    is_back(&mut here, &before).await;
    nothing_is_lost(&mut here, tenants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_does_not_answer_keeps_nobody_from_the_old_side() {
    let mut here = Switching::start("back-cluster", 200, &Terms::default()).await;
    let before = OpenState::read(&mut here.source).await.unwrap();
    let tenants = Tenants::pay(&here.world);
    there(&mut here).await;

    let kubeconfig = here.world.secrets.path().join("kubeconfig");
    std::fs::write(&kubeconfig, NOBODY).unwrap();
    let cluster =
        format!("[kubernetes]\nkubeconfig = \"{}\"\ncontext = \"gone\"\nnamespace = \"shop\"", kubeconfig.display());
    here.on_these_terms(&Terms { source: Box::leak(cluster.into_boxed_str()), ..Terms::default() });
    let preview = here.drive.way_back("dns").await.unwrap();
    assert!(preview.warnings.iter().any(|it| it.contains("the cluster does not answer")), "{preview:#?}");
    let failure = here.drive.rollback("dns").await.unwrap_err();
    is_clear(&failure, &["127.0.0.1:1"]);
    is_back(&mut here, &before).await;
    let follows = replication::status(&mut here.target).await.unwrap();
    assert!(follows.unwrap().running(), "the copy does not wait for it either");

    // What is left is done once it answers; here there is none any more.
    here.on_these_terms(&Terms::default());
    all_hold(&here.drive.rollback("dns").await.unwrap());
    nothing_is_lost(&mut here, tenants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_does_not_follow_is_gone_back_to_only_by_giving_writes_up_by_number() {
    let mut here = Switching::start("back-loses", 200, &Terms::default()).await;
    let tenants = Tenants::pay(&here.world);
    there(&mut here).await;
    here.source.run("take the channel away", "STOP REPLICA").await.unwrap();
    here.source.run("take the channel away", "RESET REPLICA ALL").await.unwrap();
    Switching::payments_go_on(&mut here.target, 10).await;

    // Its preview says so, with a number; without that nothing is held or fenced.
    let preview = here.drive.way_back("dns").await.unwrap();
    assert!(format!("{preview:?}").contains("the channel between them is gone"), "{preview:#?}");
    assert!(preview.loses.unwrap() >= 10, "{preview:#?}");
    for accepted in [0, 1] {
        let failure = here.drive.rollback_losing("dns", accepted).await.unwrap_err();
        is_clear(&failure, &["does not follow", "source MySQL at", "target MySQL at", "is gone"]);
        assert!(failure.next.unwrap().contains("--accept-loss"));
    }
    assert!(!here.drive.memory.state().fences.contains_key("target MySQL"));
    Switching::payments_go_on(&mut here.target, 10).await;

    // Given up by a number that covers them, and what is said to be lost is what was.
    let acknowledged = tenants.stop().await;
    let loses = here.drive.way_back("dns").await.unwrap().loses.unwrap();
    let lost = acknowledged.difference(&here.written_at_source().await).count() as u64;
    assert!(lost >= 20 && lost <= loses, "{lost} payments in {loses} transactions");
    all_hold(&here.drive.rollback_losing("dns", loses + 50).await.unwrap());
    let state = here.drive.memory.state();
    assert!(state.kept.iter().any(|kept| kept.why.contains("given up")), "{:?}", state.kept);
    assert!(!OpenState::read(&mut here.source).await.unwrap().is_shut());

    // The target holds what the source does not: nothing follows, and no switch begins from there.
    assert!(replication::status(&mut here.target).await.unwrap().is_none());
    let failure = here.drive.apply("dns").await.unwrap_err();
    is_clear(&failure, &["target MySQL at", "given up"]);
    assert!(!OpenState::read(&mut here.source).await.unwrap().is_shut());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_can_no_longer_fetch_is_counted_as_lost_before_anybody_goes_back() {
    let mut here = Switching::start("back-purged", 200, &Terms::default()).await;
    let tenants = Tenants::pay(&here.world);
    there(&mut here).await;
    here.source.run("stop the channel", "STOP REPLICA").await.unwrap();
    Switching::payments_go_on(&mut here.target, 10).await;
    let purge = "FLUSH BINARY LOGS; PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY";
    here.world.sh(&here.world.managed, &format!("mysql -e '{purge}'"));
    here.source.run("start the channel", "START REPLICA").await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_mins(1), async {
        while !replication::status(&mut here.source).await.unwrap().unwrap().broken() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    given_up.await.expect("the receiver gives up");

    let health = here.drive.companion("dns").await.unwrap().unwrap();
    assert!(!health.healthy && health.detail.contains("1236") && health.detail.contains("purged"), "{health:?}");
    let preview = here.drive.way_back("dns").await.unwrap();
    assert!(preview.loses.unwrap() >= 10, "{preview:#?}");
    assert!(preview.warnings.iter().any(|warning| warning.contains("purged")), "{preview:#?}");
    let failure = here.drive.rollback_losing("dns", 0).await.unwrap_err();
    is_clear(&failure, &["does not follow", "source MySQL at", "target MySQL at", "purged"]);
    assert!(failure.next.unwrap().contains("--accept-loss"));

    // Nothing was held or fenced for it: tenants pay on.
    assert!(!here.drive.memory.state().fences.contains_key("target MySQL"));
    Switching::payments_go_on(&mut here.target, 10).await;
    assert!(tenants.stop().await.is_subset(&here.written().await));
}
