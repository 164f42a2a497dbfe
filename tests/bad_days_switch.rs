//! Bad days in the middle of the switch, each on a real old box, a real managed MySQL and a real new side with
//! tenants writing: what was open stays refused, what breaks is named with a way out, and nothing is lost.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

#[path = "support/drive.rs"]
mod drive;
#[path = "support/old_and_new.rs"]
mod old_and_new;
#[path = "support/standin.rs"]
mod standin;
#[path = "support/switching.rs"]
mod switching;

use std::sync::Arc;
use std::time::Duration;

use cutover::actions::{CrashPoint, Recorder as _};
use cutover::domain::Event;
use cutover::domain::state::Stage;
use cutover::services::mysql::fence::own::OpenState;
use cutover::services::mysql::replication::{self, Applied, patterns};
use cutover::services::mysql::{Session, code};
use drive::all_hold;
use old_and_new::address;
use switching::{Switching, Tenants, Terms, endpoint, is_clear};

/// `ER_OPTION_PREVENTS_STATEMENT`: the server is read-only.
const READ_ONLY: u16 = 1290;
/// `ER_TABLEACCESS_DENIED_ERROR`.
const DENIED: u16 = 1142;
const WRITE: &str = "INSERT INTO jobs SELECT * FROM jobs WHERE 1 = 0";
const HALF_DONE: &str = "UPDATE tenants SET name = CONCAT(name, ' (half done)') WHERE id = 5";

/// The source takes writes, exactly as before; the front passes them to it; the target follows.
async fn nothing_has_changed(here: &mut Switching, before: &OpenState) {
    here.source_again().await;
    assert_eq!(OpenState::read(&mut here.source).await.unwrap(), *before);
    let state = here.drive.memory.state();
    assert!(state.fences.is_empty() && !state.switched);
    assert!(here.world.sh(&here.world.old, "front-switch status").contains("direct"));
    Switching::payments_go_on(&mut here.source, 5).await;
}

async fn nothing_is_lost(here: &mut Switching, tenants: Tenants) {
    let acknowledged = tenants.stop().await;
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    let on_source = here.written_at_source().await;
    let at = replication::executed(&mut here.target).await.unwrap();
    let within = tokio::time::Instant::now() + Duration::from_secs(20);
    assert_eq!(replication::wait_applied(&mut here.source, &at, within).await.unwrap(), Applied::All);
    let written = here.written().await;
    let lost: Vec<_> = acknowledged.difference(&written).collect();
    assert!(lost.is_empty() && on_source.is_subset(&written), "{lost:?}");
}

/// A session in the middle of a transaction that it leaves open.
async fn leave_open(mut session: Session) -> Session {
    session.run("begin", "BEGIN").await.unwrap();
    session.run("change a tenant", HALF_DONE).await.unwrap();
    session
}

async fn half_done(session: &mut Session) -> u64 {
    session.one("look for it", "SELECT COUNT(*) FROM shop.tenants WHERE name LIKE '%(half done)%'").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn open_transactions_and_pooled_connections_with_old_rights_come_to_nothing_on_either_side() {
    let mut here = Switching::start("idle", 200, &Terms { budget: "15s", ..Terms::default() }).await;
    let tenants = Tenants::pay(&here.world);

    // There: a transaction left open on the source, a pool's connection on each side.
    let mut idle = leave_open(here.application().await).await;
    let mut pooled = here.application().await;
    let mut reader = here.application_at_target().await;
    assert_eq!(code(&reader.run("write", WRITE).await.unwrap_err()), Some(DENIED));
    let outputs = here.drive.apply("dns").await.unwrap();
    assert!(outputs["freeze_seconds"].as_f64().unwrap() < 15.0, "it delays nothing: {outputs:?}");
    assert_eq!(code(&idle.run("commit", "COMMIT").await.unwrap_err()), Some(READ_ONLY));
    assert_eq!(code(&pooled.run("write", WRITE).await.unwrap_err()), Some(READ_ONLY));
    reader.run("write", WRITE).await.expect_err("a session with old rights is ended, so that its pool makes another");
    here.application_at_target().await.run("write", WRITE).await.unwrap();
    all_hold(&here.drive.verify("dns").await.unwrap());
    Switching::payments_go_on(&mut here.target, 5).await;

    // Back: the same on the target, whose fence ends sessions.
    let mut idle = leave_open(here.application_at_target().await).await;
    let mut pooled = here.application_at_target().await;
    pooled.run("write", WRITE).await.unwrap();
    all_hold(&here.drive.rollback("dns").await.unwrap());
    idle.run("commit", "COMMIT").await.unwrap_err();
    pooled.run("write", WRITE).await.unwrap_err();
    let refused = here.application_at_target().await.run("write", WRITE).await.unwrap_err();
    assert_eq!(code(&refused), Some(DENIED));
    here.application().await.run("write", WRITE).await.unwrap();
    assert_eq!((half_done(&mut here.source).await, half_done(&mut here.target).await), (0, 0));
    here.drive.apply("dns").await.unwrap();
    nothing_is_lost(&mut here, tenants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_side_that_dies_before_the_point_of_switching_aborts_and_one_that_dies_after_it_is_gone_back_from() {
    let mut here = Switching::start("new-dies", 200, &Terms::default()).await;
    let before = OpenState::read(&mut here.source).await.unwrap();
    let tenants = Tenants::pay(&here.world);
    let new = address(&here.world.new);

    // Between the fence and the point of switching: seen, and taken back.
    here.drive.dies("dns", "fence-source", CrashPoint::Effect).await;
    here.world.sh(&here.world.new, "rev1-ctl stop nginx");
    let failure = here.drive.apply("dns").await.unwrap_err();
    is_clear(&failure, &[&new, "not served by"]);
    nothing_has_changed(&mut here, &before).await;

    // After it there is only forward, or all the way back: said by the failure, and done.
    here.world.sh(&here.world.new, "rev1-ctl start nginx");
    here.drive.dies("dns", "open-target", CrashPoint::Outcome).await;
    here.world.sh(&here.world.new, "rev1-ctl stop nginx");
    let failure = here.drive.apply("dns").await.unwrap_err();
    is_clear(&failure, &[&new, "not served by"]);
    assert!(failure.next.unwrap().contains("cutover rollback"));
    assert!(here.drive.memory.state().switched && OpenState::read(&mut here.source).await.unwrap().is_shut());
    all_hold(&here.drive.rollback("dns").await.unwrap());
    nothing_has_changed(&mut here, &before).await;

    here.world.sh(&here.world.new, "rev1-ctl start nginx");
    here.drive.apply("dns").await.unwrap();
    all_hold(&here.drive.verify("dns").await.unwrap());
    nothing_is_lost(&mut here, tenants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_restarted_behind_its_fence_is_still_fenced_and_follows_with_its_filter() {
    let mut here = Switching::start("restart", 200, &Terms { budget: "90s", ..Terms::default() }).await;
    let tenants = Tenants::pay(&here.world);
    here.drive.dies("dns", "reset-forward-channel", CrashPoint::Effect).await;
    here.world.sh(&here.world.old, "rev1-ctl restart mysql");
    here.source_again().await;
    assert!(OpenState::read(&mut here.source).await.unwrap().is_shut(), "it survives the restart");
    let channel = replication::status(&mut here.source).await.unwrap().unwrap();
    assert!(channel.stopped() && channel.filter.is_empty(), "a restart forgets the filter: {channel:?}");
    here.drive.apply("dns").await.unwrap();
    let channel = replication::status(&mut here.source).await.unwrap().unwrap();
    assert!(channel.running() && channel.filter == patterns(&["shop".to_owned()]), "{channel:?}");
    assert!(!here.drive.memory.text().contains("aborting:"));
    all_hold(&here.drive.verify("dns").await.unwrap());

    // Days later somebody starts it without what was persisted: it is fenced again, and that is said.
    for statement in ["SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF"] {
        here.source.run("open the source by hand", statement).await.unwrap();
    }
    let health = here.drive.companion("dns").await.unwrap().unwrap();
    assert!(!health.healthy && health.detail.contains("without its fence"), "{health:?}");
    assert!(OpenState::read(&mut here.source).await.unwrap().is_shut());
    let health = here.drive.companion("dns").await.unwrap().unwrap();
    assert!(health.healthy, "{health:?}");
    nothing_is_lost(&mut here, tenants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_restarted_under_the_engine_in_the_freeze_is_opened_as_soon_as_it_is_up() {
    let schema = "CREATE TABLE shop.waited_for (id INT PRIMARY KEY)";
    let mut here = Switching::start("restarts", 200, &Terms { budget: "8s", schema, ..Terms::default() }).await;
    let before = OpenState::read(&mut here.source).await.unwrap();
    let tenants = Tenants::pay(&here.world);

    // What is written as the freeze begins waits on the target for a lock, and the freeze for it.
    let mut locking = Session::open(&endpoint(&here.world.managed, "admin")).await.unwrap();
    locking.run("keep the applier waiting", "LOCK TABLES shop.waited_for READ").await.unwrap();
    let mut watch = Session::open(&endpoint(&here.world.old, "cutover_admin")).await.unwrap();
    let (container, journal) = (here.world.old.clone(), Arc::clone(&here.drive.memory));
    let restart = tokio::spawn(async move {
        while !journal.text().contains("frozen_at") {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        watch.run("write", "INSERT INTO shop.waited_for VALUES (1)").await.unwrap();
        while !OpenState::read(&mut watch).await.unwrap().is_shut() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        old_and_new::docker(&["exec", &container, "rev1-ctl", "restart", "mysql"]);
        locking
    });
    let failure = here.drive.apply("dns").await.unwrap_err();
    let mut locking = restart.await.unwrap();
    println!("{failure:?}");
    is_clear(&failure, &[" MySQL", ":3306"]);
    locking.run("let it go on", "UNLOCK TABLES").await.unwrap();
    assert!(here.drive.memory.text().contains("aborted: the source takes writes as before"));
    nothing_has_changed(&mut here, &before).await;

    here.on_these_terms(&Terms::default());
    here.drive.apply("dns").await.unwrap();
    all_hold(&here.drive.verify("dns").await.unwrap());
    nothing_is_lost(&mut here, tenants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_dies_in_the_freeze_keeps_nobody_waiting_and_a_channel_of_others_stays() {
    let mut here = Switching::start("target-dies", 200, &Terms::default()).await;
    let before = OpenState::read(&mut here.source).await.unwrap();
    let tenants = Tenants::pay(&here.world);

    // A source that follows somebody else by the unnamed channel: the switch would take its place.
    let theirs = "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '192.0.2.1', SOURCE_AUTO_POSITION = 1";
    here.source.run("follow somebody else", theirs).await.unwrap();
    let refused = here.drive.apply("dns").await.unwrap_err();
    is_clear(&refused, &[":3306", "the unnamed channel from 192.0.2.1:3306"]);
    let channel = replication::status(&mut here.source).await.unwrap().unwrap();
    assert_eq!(channel.host, "192.0.2.1");
    here.source.run("follow nobody", "RESET REPLICA ALL").await.unwrap();

    // The target is gone with the source fenced: tenants write at the source before the target is back.
    here.drive.dies("dns", "fence-source", CrashPoint::Effect).await;
    assert!(OpenState::read(&mut here.source).await.unwrap().is_shut());
    let managed = here.world.managed.clone();
    old_and_new::docker(&["stop", "-t", "30", &managed]);
    let served = async {
        let mut watch = Session::open(&endpoint(&here.world.old, "cutover_admin")).await.unwrap();
        Switching::payments_go_on(&mut watch, 5).await;
        assert_eq!(OpenState::read(&mut watch).await.unwrap(), before);
        assert!(here.drive.memory.state().fences.is_empty(), "the journal says so too");
        old_and_new::docker(&["start", &managed]);
    };
    let (failure, ()) = tokio::join!(here.drive.apply("dns"), served);
    is_clear(&failure.unwrap_err(), &["MySQL", ":3306"]);
    here.target = Session::open(&endpoint(&managed, "admin")).await.unwrap();
    nothing_has_changed(&mut here, &before).await;
    here.drive.apply("dns").await.unwrap();
    all_hold(&here.drive.verify("dns").await.unwrap());
    nothing_is_lost(&mut here, tenants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_opened_past_the_point_of_switching_is_fenced_again_and_what_it_took_is_kept() {
    let mut here = Switching::start("opened", 200, &Terms { budget: "90s", ..Terms::default() }).await;
    let before = OpenState::read(&mut here.source).await.unwrap();
    let tenants = Tenants::pay(&here.world);

    // The engine dies right past the point, and somebody opens the source by hand.
    here.drive.dies("dns", "start-reverse-channel", CrashPoint::Outcome).await;
    here.drive.memory.record(Event::PointOfSwitching { step: "dns".into() }).unwrap();
    for statement in ["SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF"] {
        here.source.run("open the source by hand", statement).await.unwrap();
    }
    here.source.run("write", "UPDATE shop.tenants SET name = 'by hand' WHERE id = 7").await.unwrap();
    let failure = here.drive.apply("dns").await.unwrap_err();
    is_clear(&failure, &[":3306", "behind its fence"]);
    assert!(failure.next.unwrap().contains("cutover rollback"));
    assert!(OpenState::read(&mut here.source).await.unwrap().is_shut(), "it is fenced again");

    // The way back keeps it; the target's account, never opened, is as it was.
    all_hold(&here.drive.rollback("dns").await.unwrap());
    nothing_has_changed(&mut here, &before).await;
    let name: String = here.source.one("look", "SELECT name FROM shop.tenants WHERE id = 7").await.unwrap();
    assert_eq!(name, "by hand");
    here.drive.apply("dns").await.unwrap();
    all_hold(&here.drive.verify("dns").await.unwrap());
    let name: String = here.target.one("look", "SELECT name FROM shop.tenants WHERE id = 7").await.unwrap();
    assert_eq!(name, "by hand");
    nothing_is_lost(&mut here, tenants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_that_cannot_be_reached_past_the_point_of_switching_keeps_nobody_else_waiting() {
    let mut here = Switching::start("front-away", 200, &Terms { budget: "30s", ..Terms::default() }).await;
    let tenants = Tenants::pay(&here.world);
    // The way to it goes after the hold: for `relay`, until somebody mends that.
    let away = r#"cd /usr/local/sbin && mv front-switch front-switch.real && cat > front-switch <<'END' && chmod +x front-switch
#!/bin/bash
[ "$1" != relay ] || [ -e /tmp/mended ] || { echo no route >&2; exit 255; }
exec front-switch.real "$@"
END"#;
    here.world.sh(&here.world.old, away);
    let record_is_switched = async {
        let written = || {
            let step = here.drive.memory.state().step(&"dns".into());
            step.effects.get("record").is_some_and(|effect| matches!(effect.stage, Stage::Happened(_)))
        };
        while !written() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(here.drive.memory.state().barring(), Some("source MySQL"), "who holds the old address still waits");
        here.world.sh(&here.world.old, "touch /tmp/mended");
    };
    let (outputs, ()) = tokio::join!(here.drive.apply("dns"), record_is_switched);
    assert!(outputs.unwrap().contains_key("freeze_seconds"));
    assert!(here.drive.memory.text().contains("the record goes first"), "{}", here.drive.memory.text());
    assert_eq!(here.drive.memory.state().barring(), None);
    all_hold(&here.drive.verify("dns").await.unwrap());
    nothing_is_lost(&mut here, tenants).await;
}
