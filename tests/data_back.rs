//! `snapshot`, `prepare` and `restore` taken back on real servers, by the program: both are then what they were,
//! as the inventory sees it; whatever dies in between; and there and back again ends the same.

#![allow(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/copying.rs"]
mod copying;
#[path = "support/pair.rs"]
mod pair;

use copying::{Copying, error, no_scratch, same, told};
use cutover::domain::state::Status;
use cutover::services::mysql::Session;
use cutover::services::mysql::replication::{self, Source};
use pair::SCHEMA;

async fn write(source: &mut Session) {
    source.run("write", &format!("INSERT INTO {SCHEMA}.writes (attempt) VALUES (UUID())")).await.unwrap();
}

async fn tables(target: &mut Session) -> u64 {
    let sql = format!("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{SCHEMA}'");
    target.one("look", &sql).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn there_and_back_and_there_and_back_both_servers_are_what_they_were() {
    let run = Copying::start("back-twice");
    let before = run.servers().await;
    let (mut source, mut target) = (run.pair.source_admin().await, run.pair.target_admin().await);
    for round in 1..=2 {
        run.run();
        run.until_equal().await;
        let there = run.servers().await;

        // The way back of one step, and that step again: the same end, with a newer snapshot.
        write(&mut source).await;
        run.back(Some("prepare"));
        assert_eq!(tables(&mut target).await, 0, "round {round}");
        assert!(!run.state().join("restore").exists());
        assert_eq!(replication::status(&mut target).await.unwrap(), None);
        write(&mut source).await;
        run.run();
        run.until_equal().await;
        same(&there, &run.servers().await, "restored again");

        run.back(None);
        same(&before, &run.servers().await, "taken back");
        assert!(run.state().join("snapshot/manifest.json").exists(), "the first backup is kept");
        no_scratch(&run);
        let state = run.stands();
        assert!(state.steps.values().all(|step| step.status == Status::RolledBack), "{:?}", state.steps);
        for step in ["prepare", "restore"] {
            assert!(run.step(step).undo_seconds.unwrap() > 0.0, "the next way back of {step} says how long it takes");
        }
        let kept: Vec<&str> = state.kept.iter().map(|kept| kept.what.split(',').next().unwrap()).collect();
        assert_eq!(kept.len(), 3, "{kept:?}");
        for what in ["the target's GTID history", "the GTID history of the source MySQL", "the first snapshot"] {
            assert!(kept.contains(&what), "{what}: {kept:?}");
        }
        write(&mut source).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_on_the_way_back_it_goes_on_from_where_it_was() {
    let run = Copying::start("back-kill");
    let before = run.servers().await;
    run.run();
    for point in [
        "restore:undo:channel:effect",
        "restore:undo:gtid-purged:intent",
        "restore:undo:load:intent",
        "restore:undo:load:effect",
        "restore:undo:snapshot:effect",
        "prepare:undo:target:binlog-retention:effect",
        "prepare:undo:target:replication-account:intent",
        "prepare:undo:source:replication-account:effect",
        "prepare:undo:source:gtid_mode=ON:effect",
        "prepare:undo:source:gtid_mode=OFF_PERMISSIVE:intent",
        "prepare:undo:source:enforce_gtid_consistency=WARN:effect",
    ] {
        run.dies(false, point);
    }
    run.back(None);
    same(&before, &run.servers().await, "taken back");
    assert_eq!(run.stands().kept.len(), 3, "{:?}", run.stands().kept);
    run.run();
    run.until_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_died_on_its_way_there_is_taken_back_as_far_as_it_came() {
    let run = Copying::start("back-half");
    let before = run.servers().await;
    for point in [
        "snapshot:snapshot-chunks:effect",
        "snapshot:trial-chunks:effect",
        "prepare:source:gtid_mode=ON_PERMISSIVE:effect",
        "prepare:target:replication-account:intent",
        "restore:snapshot-chunks:effect",
        "restore:load-chunks:effect",
        "restore:counted:effect",
        "restore:gtid-purged:effect",
        "restore:channel:intent",
        "restore:verify-applier:effect",
    ] {
        run.dies(true, point);
        run.back(None);
        same(&before, &run.servers().await, point);
        no_scratch(&run);
        let whole = run.state().join("snapshot/manifest.json").exists();
        let there = run.state().join("snapshot").exists();
        assert_eq!(there, whole, "{point}: an interrupted snapshot is no backup");
    }
    run.run();
    run.until_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_changed_since_is_named_and_left_and_the_way_out_works() {
    let run = Copying::start("back-others");
    let before = run.servers().await;
    run.run();
    let (source, target) = (run.pair.source("cutover_admin").address(), run.pair.target("admin").address());
    let refused = |names: &[&str]| {
        let output = run.try_back(None);
        assert_eq!(output.status.code(), Some(4), "{}", told(&output));
        let said = error(&output);
        for name in names {
            assert!(said.contains(name), "{name}: {said}");
        }
    };

    // A table that neither the load nor the source made.
    run.pair.as_root_of_target(&format!("CREATE TABLE {SCHEMA}.theirs (id INT PRIMARY KEY)"));
    refused(&[&target, &format!("table {SCHEMA}.theirs")]);
    let mut there = run.pair.target_admin().await;
    assert!(replication::status(&mut there).await.unwrap().unwrap().running(), "nothing was touched");
    run.pair.as_root_of_target(&format!("DROP TABLE {SCHEMA}.theirs"));

    // A server that follows the target would drop the tenants' databases too.
    let mut here = run.pair.source_admin().await;
    let follow = Source {
        host: run.pair.target("admin").host,
        port: 3306,
        user: "cutover_back".to_owned(),
        password: "pw".into(),
    };
    replication::configure(&mut here, &follow).await.unwrap();
    refused(&[&target, &source, "follow"]);
    assert_eq!(tables(&mut there).await, 4);
    replication::reset(&mut here).await.unwrap();

    // Restore is taken back; prepare's account is used for more by now, and its retention is another.
    run.back(Some("prepare"));
    run.pair.as_root_of_source("GRANT REPLICATION CLIENT ON *.* TO cutover_repl@'%'");
    refused(&[&source, "cutover_repl", "REPLICATION CLIENT"]);
    run.pair.as_root_of_source("REVOKE REPLICATION CLIENT ON *.* FROM cutover_repl@'%'");
    run.pair.as_root_of_source("SET GLOBAL binlog_expire_logs_seconds = 7200");
    refused(&[&source, "now it is 2 h"]);
    run.pair.as_root_of_source("SET GLOBAL binlog_expire_logs_seconds = 3600000");
    run.back(None);
    same(&before, &run.servers().await, "taken back");
}
