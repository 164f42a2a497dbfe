//! Scheduled events across the switch, there, back and there again, on a real old box and a real managed MySQL:
//! one inserts the server's uuid every second, one is always in the middle of something, one is disabled. They
//! run on one side at a time, and come back with the definers and character sets that they had.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

#[path = "support/drive.rs"]
mod drive;
#[path = "support/old_and_new.rs"]
mod old_and_new;
#[path = "support/standin.rs"]
mod standin;
#[path = "support/switching.rs"]
mod switching;

use std::time::Duration;

use cutover::actions::{CrashPoint, Recorder as _};
use cutover::services::mysql::Session;
use cutover::services::mysql::events::{self, Scheduled};
use cutover::services::mysql::replication::{self, Applied};
use drive::all_hold;
use switching::{Switching, Terms, endpoint};
use tokio::time::Instant;

const TICKS: &str = "CREATE TABLE shop.ticks (id BIGINT AUTO_INCREMENT PRIMARY KEY, side CHAR(36) NOT NULL, what CHAR(8) \
                     NOT NULL, at DATETIME(6) NOT NULL)";
const TICK: &str = "CREATE EVENT tick ON SCHEDULE EVERY 1 SECOND ON COMPLETION PRESERVE DO \
                    INSERT INTO shop.ticks (side, what, at) VALUES (@@server_uuid, 'tick', UTC_TIMESTAMP(6))";
const SLOW: &str = "CREATE DEFINER = 'the owner'@'localhost' EVENT shop.slow ON SCHEDULE EVERY 4 SECOND DO BEGIN \
                    INSERT INTO shop.ticks (side, what, at) VALUES (@@server_uuid, 'begins', UTC_TIMESTAMP(6)); \
                    DO SLEEP(14); \
                    INSERT INTO shop.ticks (side, what, at) VALUES (@@server_uuid, 'ends', UTC_TIMESTAMP(6)); END";
const RESTS: &str = "CREATE EVENT shop.rests ON SCHEDULE EVERY 1 SECOND DISABLE DO \
                     INSERT INTO shop.ticks (side, what, at) VALUES (@@server_uuid, 'rests', UTC_TIMESTAMP(6))";
const NEVER: Duration = Duration::from_secs(30);

/// The events of the shop, as one server has them.
async fn listed(session: &mut Session) -> Vec<Scheduled> {
    events::list(session, &["shop".to_owned()]).await.unwrap()
}

/// Waits until this server has ticked so often more.
async fn ticks_on(session: &mut Session, times: u64) {
    let query = "SELECT COUNT(*) FROM shop.ticks WHERE side = @@server_uuid AND what = 'tick'";
    let began: u64 = session.one("count the ticks", query).await.unwrap();
    let deadline = Instant::now() + NEVER;
    while session.one::<u64>("count the ticks", query).await.unwrap() < began + times {
        assert!(Instant::now() < deadline, "no event runs on {}", session.endpoint().label);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Which side did everything, in its order, each stretch once.
async fn sides(session: &mut Session) -> Vec<String> {
    let query = "SELECT side FROM shop.ticks ORDER BY at";
    let mut sides: Vec<String> = session.query("read whose ticks they are", query).await.unwrap();
    sides.dedup();
    sides
}

async fn uuid(session: &mut Session) -> String {
    session.one("ask who it is", "SELECT @@server_uuid").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_run_on_one_side_at_a_time_there_back_and_there_again() {
    let terms = Terms { budget: "60s", schema: TICKS, ..Terms::default() };
    let mut here = Switching::start("events", 200, &terms).await;
    let (old, new) = (uuid(&mut here.source).await, uuid(&mut here.target).await);
    for statement in ["GRANT EVENT ON shop.* TO shop@'%'", "CREATE USER 'the owner'@'localhost' IDENTIFIED BY 'pw'"] {
        here.source.run("prepare the events", statement).await.unwrap();
    }
    here.source.run("grant", "GRANT ALL ON shop.* TO 'the owner'@'localhost'").await.unwrap();
    let mut application = here.application().await;
    application.run("take another character set", "SET NAMES latin1").await.unwrap();
    application.run("make an event", TICK).await.unwrap();
    here.source.run("make an event", SLOW).await.unwrap();
    here.source.run("make an event", RESTS).await.unwrap();
    let before = listed(&mut here.source).await;
    assert_eq!(before.iter().map(Scheduled::enabled).collect::<Vec<_>>(), [false, true, true]);
    ticks_on(&mut here.source, 2).await;
    let preview = here.drive.preview("dns").await.unwrap();
    assert!(format!("{preview:?}").contains("shop.slow, shop.tick"), "{preview:#?}");

    // An engine that dies with them at rest: the next one puts them back as they were, exactly.
    here.drive.dies("dns", "events-at-source", CrashPoint::Effect).await;
    assert!(!listed(&mut here.source).await.iter().any(Scheduled::enabled));
    here.on_these_terms(&Terms { source: "build = \"another\"", budget: "1s", ..terms.clone() });
    let failure = here.drive.apply("dns").await.unwrap_err();
    assert!(failure.what.contains("build"), "{failure:?}");
    assert_eq!(listed(&mut here.source).await, before);
    ticks_on(&mut here.source, 1).await;
    assert!(!listed(&mut here.target).await.iter().any(Scheduled::enabled));
    here.on_these_terms(&terms);

    // One that dies past the point of switching, before they run on the target: they run at the source again.
    here.drive.dies("dns", "open-target", CrashPoint::Intent).await;
    assert!(here.drive.memory.state().switched);
    all_hold(&here.drive.rollback("dns").await.unwrap());
    assert_eq!(listed(&mut here.source).await, before);
    ticks_on(&mut here.source, 1).await;

    for round in 1..=2 {
        here.drive.apply("dns").await.unwrap();
        all_hold(&here.drive.verify("dns").await.unwrap());
        ticks_on(&mut here.target, 2).await;
        assert!(!listed(&mut here.source).await.iter().any(Scheduled::enabled));
        let there = listed(&mut here.target).await;
        assert_eq!(there.iter().map(Scheduled::enabled).collect::<Vec<_>>(), [false, true, true]);
        if round == 2 {
            break;
        }
        let preview = here.drive.way_back("dns").await.unwrap();
        assert!(format!("{preview:?}").contains("shop.slow, shop.tick"), "{preview:#?}");
        // The next engine knows what was disabled: it runs again where tenants write.
        here.drive.dies_going_back("dns", "back-1-events", CrashPoint::Outcome).await;
        all_hold(&here.drive.rollback("dns").await.unwrap());
        assert!(here.drive.memory.state().returned.is_some());
        assert_eq!(listed(&mut here.source).await, before);
        ticks_on(&mut here.source, 2).await;
        assert!(!listed(&mut here.target).await.iter().any(Scheduled::enabled));
    }

    // Each side has done what it did by itself, and each knows all of it.
    let at = replication::executed(&mut here.target).await.unwrap();
    let mut source = Session::open(&endpoint(&here.world.old, "cutover_admin")).await.unwrap();
    assert_eq!(replication::wait_applied(&mut source, &at, Instant::now() + NEVER).await.unwrap(), Applied::All);
    assert_eq!(sides(&mut here.target).await, [&*old, &new, &old, &new]);
    assert_eq!(sides(&mut source).await, [&*old, &new, &old, &new]);
    let rests: u64 = source.one("count", "SELECT COUNT(*) FROM shop.ticks WHERE what = 'rests'").await.unwrap();
    assert_eq!(rests, 0, "what was disabled stays so");
}
