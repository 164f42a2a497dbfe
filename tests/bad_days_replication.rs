//! Bad days of the copy and of what keeps it up to date, on real servers: each ends in an error that names the
//! server, its address and a way out; the way out works; and nothing is lost.

#![allow(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/copying.rs"]
mod copying;
#[path = "support/pair.rs"]
mod pair;

use copying::{Copying, error, told};
use cutover::domain::state::Status;
use pair::SCHEMA;

fn says(said: &str, names: &[&str]) {
    for name in names {
        assert!(said.contains(name), "{name}: {said}");
    }
}

fn failed(run: &Copying, names: &[&str]) {
    let output = run.try_run();
    assert!(!output.status.success(), "{}", told(&output));
    says(&error(&output), names);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflicting_row_stops_the_channel_by_name_and_once_it_is_mended_all_goes_on() {
    let run = Copying::start("bad-row");
    let target = run.pair.target("admin").address();
    let conflict = |id: u32| {
        run.pair.as_root_of_target(&format!("INSERT INTO {SCHEMA}.writes VALUES ({id}, 'theirs')"));
        run.pair.as_root_of_source(&format!("INSERT INTO {SCHEMA}.writes VALUES ({id}, 'a tenant''s')"));
    };
    let mend = |id: u32| run.pair.as_root_of_target(&format!("DELETE FROM {SCHEMA}.writes WHERE id = {id}"));

    // While the step begins to follow.
    run.dies(true, "restore:channel:intent");
    conflict(500);
    failed(&run, &["target MySQL", &target, "1062", "applier"]);
    mend(500);
    run.let_go(false);

    // On a Thursday night, while the engine waits at a later step.
    let mut engine = run.begin();
    run.until_seen(true).await;
    run.until_equal().await;
    conflict(501);
    says(&run.until_seen(false).await, &["target MySQL", &target, "1062", "mend on this server"]);
    mend(501);
    let mut there = run.pair.target_admin().await;
    there.run("start the channel", "CALL mysql.rds_start_replication()").await.unwrap();
    run.until_seen(true).await;
    run.let_go(true);
    assert!(engine.wait().unwrap().success());
    run.until_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_the_sources_accounts_is_not_sent_to_the_target() {
    let run = Copying::start("bad-accounts");
    let target = run.pair.target("admin").address();
    // It shows its filters only once there is a channel: that one is not started, and does not stay.
    run.pair.as_root_of_target("CHANGE REPLICATION FILTER REPLICATE_WILD_IGNORE_TABLE = ()");
    failed(&run, &["target MySQL", &target, "accounts", "replicate_wild_ignore_table = mysql.%"]);
    let mut there = run.pair.target_admin().await;
    assert_eq!(cutover::services::mysql::replication::status(&mut there).await.unwrap(), None);
    run.pair.as_root_of_target("CHANGE REPLICATION FILTER REPLICATE_WILD_IGNORE_TABLE = ('mysql.%')");
    run.run();
    run.pair.as_root_of_source(&format!(
        "CREATE USER passing@'%' IDENTIFIED BY 'pw'; GRANT SELECT ON {SCHEMA}.* TO passing@'%'; \
         INSERT INTO {SCHEMA}.writes (attempt) VALUES (UUID())"
    ));
    run.until_equal().await;
    let sent: u32 = there.one("look", "SELECT COUNT(*) FROM mysql.user WHERE user = 'passing'").await.unwrap();
    assert_eq!(sent, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_restarted_is_followed_again_by_itself() {
    let run = Copying::start("bad-restart");
    run.let_go(false);
    let mut engine = run.begin();
    run.until_seen(true).await;
    run.pair.as_root_of_source(&format!("INSERT INTO {SCHEMA}.writes (attempt) VALUES (UUID())"));
    let address = run.pair.source("cutover_admin").address();
    run.pair.restart_source();
    assert_eq!(run.pair.source("cutover_admin").address(), address, "the test's own premise");
    run.pair.as_root_of_source(&format!("INSERT INTO {SCHEMA}.writes (attempt) VALUES (UUID())"));
    run.until_equal().await;
    run.until_seen(true).await;
    run.let_go(true);
    assert!(engine.wait().unwrap().success());
    let mode: String = run.pair.source_admin().await.one("look", "SELECT @@GLOBAL.gtid_mode").await.unwrap();
    assert_eq!(mode, "ON", "what was switched on online is on after a restart");
    // And the way back finds what was before, across the restart.
    run.back(None);
    let mode: String = run.pair.source_admin().await.one("look", "SELECT @@GLOBAL.gtid_mode").await.unwrap();
    assert_eq!(mode, "OFF");
    run.pair.restart_source();
    let mode: String = run.pair.source_admin().await.one("look", "SELECT @@GLOBAL.gtid_mode").await.unwrap();
    assert_eq!(mode, "OFF", "nothing is persisted that was not");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_not_empty_is_left_as_it_is() {
    let run = Copying::start("bad-full");
    let target = run.pair.target("admin").address();
    run.pair.as_root_of_target(&format!(
        "CREATE TABLE {SCHEMA}.accounts (id INT PRIMARY KEY); INSERT INTO {SCHEMA}.accounts VALUES (7)"
    ));
    failed(&run, &["target MySQL", &target, "not empty", &format!("{SCHEMA}.accounts")]);
    assert_eq!(run.step("restore").status, Status::Pending, "nothing was begun");
    let mut there = run.pair.target_admin().await;
    let theirs: u32 = there.one("look", &format!("SELECT id FROM {SCHEMA}.accounts")).await.unwrap();
    assert_eq!(theirs, 7);
    run.pair.as_root_of_target(&format!("DROP TABLE {SCHEMA}.accounts"));
    run.run();
    run.until_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_with_whose_it_is_and_the_right_one_goes_on() {
    let run = Copying::start("bad-password");
    let (source, target) = (run.pair.source("cutover_admin").address(), run.pair.target("admin").address());

    run.secret("admin", "another");
    failed(&run, &["target MySQL", &target, "'admin'", "password"]);
    assert!(run.state().join("snapshot/manifest.json").exists(), "what needs the source only is done");
    run.secret("admin", "pw");

    // The follower's: the account is made with it, and somebody changes it at the source.
    run.dies(true, "restore:channel:intent");
    run.pair.as_root_of_source("ALTER USER cutover_repl@'%' IDENTIFIED BY 'correct-horse'");
    failed(&run, &["target MySQL", &target, "Access denied", "cutover_repl", &source]);
    run.secret("follower", "correct-horse");
    run.run();
    run.until_equal().await;
    let kept = std::process::Command::new("grep").args(["-rl", "correct-horse"]).arg(run.state()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&kept.stdout), "", "a password is in the run's files");
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_logs_purged_too_early_are_told_at_once_and_a_new_copy_brings_what_they_had() {
    let run = Copying::start("bad-purged");
    let target = run.pair.target("admin").address();
    run.dies(true, "restore:channel:intent");
    // What is written now is in no copy, and soon in no binary log.
    run.pair.as_root_of_source(&format!(
        "INSERT INTO {SCHEMA}.writes (attempt) VALUES (UUID()); FLUSH BINARY LOGS; \
         PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY"
    ));
    failed(&run, &["target MySQL", &target, "1236", "purged", "only a new copy brings them"]);
    run.back(Some("prepare"));
    run.run();
    run.until_equal().await;
}
