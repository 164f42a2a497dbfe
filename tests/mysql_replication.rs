//! The order of the switch on two real servers, by the services alone: there, with a busy writer, back
//! again, and what breaks on the way. No engine, no runbook.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/pair.rs"]
mod pair;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cutover::services::mysql::fence::{self, Blockers, Held, Refusal, managed::OpenAccount, own::OpenState};
use cutover::services::mysql::grants::{self, Account};
use cutover::services::mysql::gtid_mode::{GtidSettings, climb};
use cutover::services::mysql::replication::{self, Applied, Source};
use cutover::services::mysql::variable::Variable;
use cutover::services::mysql::{Endpoint, Session};
use pair::{Pair, SCHEMA};
use tokio::time::Instant;

fn within(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

fn source_of(endpoint: &Endpoint, user: &str) -> Source {
    Source { host: endpoint.host.clone(), port: 3306, user: user.to_owned(), password: "pw".into() }
}

/// GTIDs on, replication accounts on both, the (empty) schema on the target, the forward channel running.
async fn prepared(pair: &Pair) -> (Session, Session) {
    let (mut source, mut target) = (pair.source_admin().await, pair.target_admin().await);
    for stair in GtidSettings::read(&mut source).await.unwrap().up() {
        climb(&mut source, stair, within(10)).await.unwrap();
    }
    assert!(GtidSettings::read(&mut source).await.unwrap().on());
    for (server, user) in [(&mut source, "repl"), (&mut target, "repl_back")] {
        server
            .run("make the account", &format!("CREATE USER {user}@'%' IDENTIFIED BY 'pw' REQUIRE SSL"))
            .await
            .unwrap();
        server.run("grant", &format!("GRANT REPLICATION SLAVE ON *.* TO {user}@'%'")).await.unwrap();
    }
    let made = format!("CREATE DATABASE {SCHEMA}");
    target.run("make the schema", &made).await.unwrap();
    target
        .run(
            "make the table",
            &format!("CREATE TABLE {SCHEMA}.writes (id BIGINT AUTO_INCREMENT PRIMARY KEY, attempt CHAR(36) NOT NULL)"),
        )
        .await
        .unwrap();
    target.run("make the account", "CREATE USER shop_app@'%' IDENTIFIED BY 'pw'").await.unwrap();
    target.run("grant", "GRANT SELECT ON `shop\\_eu`.* TO shop_app@'%'").await.unwrap();
    let set = replication::executed(&mut source).await.unwrap();
    let added = replication::add_purged(&mut target, &set).await.unwrap();
    assert_eq!(added, set);
    assert!(replication::add_purged(&mut target, &set).await.unwrap().is_empty(), "a second time adds nothing");
    replication::configure(&mut target, &source_of(&pair.source("repl"), "repl")).await.unwrap();
    replication::start(&mut target).await.unwrap();
    replication::until_running(&mut target, within(10)).await.unwrap();
    (source, target)
}

/// Writes as fast as it may until told to stop; gives back what was acknowledged.
fn writer(endpoint: Endpoint, stop: Arc<AtomicBool>) -> tokio::task::JoinHandle<BTreeSet<String>> {
    tokio::spawn(async move {
        let endpoint = Endpoint { database: Some(SCHEMA.to_owned()), ..endpoint };
        let (mut acknowledged, mut number, mut session) = (BTreeSet::new(), 0_u64, None);
        while !stop.load(Ordering::Relaxed) {
            if session.is_none() {
                session = Session::open(&endpoint).await.ok();
            }
            let Some(open) = session.as_mut() else { continue };
            number += 1;
            let attempt = format!("{}-{number}", endpoint.user);
            match open.run("write", &format!("INSERT INTO writes (attempt) VALUES ('{attempt}')")).await {
                Ok(()) => drop(acknowledged.insert(attempt)),
                Err(_) => session = None,
            }
        }
        acknowledged
    })
}

async fn attempts(session: &mut Session) -> Vec<String> {
    let rows = session
        .rows("read the writes", &format!("SELECT attempt FROM {SCHEMA}.writes ORDER BY attempt"))
        .await
        .unwrap();
    rows.iter().filter_map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn there_and_back_under_a_busy_writer_loses_nothing_and_crosses_no_grants() {
    let pair = Pair::start("there");
    let (mut source, mut target) = prepared(&pair).await;
    let schemas = vec![SCHEMA.to_owned()];
    let (shop, shop_app) = (Account::anywhere("shop"), Account::anywhere("shop_app"));
    let grants_before = grants::lines(&mut source, &shop).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let old = writer(pair.source("shop"), stop.clone());
    let new = writer(pair.target("shop_app"), stop.clone());
    tokio::time::sleep(Duration::from_millis(500)).await;

    // The reverse channel is configured before the freeze, with its filter, and does not start by itself.
    let skip = Variable::read(&mut source, "skip_replica_start").await.unwrap();
    source.run("persist", "SET PERSIST_ONLY skip_replica_start = ON").await.unwrap();
    replication::configure(&mut source, &source_of(&pair.target("repl_back"), "repl_back")).await.unwrap();
    replication::set_filter(&mut source, &schemas).await.unwrap();

    let mut held = Held::open(&pair.source("shop"), SCHEMA, "writes").await.unwrap();
    let open_before = OpenState::read(&mut source).await.unwrap();
    let freeze = Instant::now();
    fence::own::shut(&mut source, &Blockers::EndAll, within(10)).await.unwrap();
    assert_eq!(held.refused().await.unwrap(), Refusal::ReadOnly);
    assert_eq!(held.refused_afresh().await.unwrap(), Refusal::ReadOnly);

    let at = replication::executed(&mut source).await.unwrap();
    assert_eq!(replication::wait_applied(&mut target, &at, within(10)).await.unwrap(), Applied::All);
    replication::reset(&mut target).await.unwrap();
    assert!(replication::status(&mut target).await.unwrap().is_none());

    let everything = replication::executed(&mut target).await.unwrap();
    replication::add_purged(&mut source, &everything).await.unwrap();
    assert!(replication::executed(&mut source).await.unwrap().contains(&everything));
    replication::start(&mut source).await.unwrap();
    replication::until_running(&mut source, within(10)).await.unwrap();

    let rights: BTreeSet<String> = grants::on_schema(&mut source, &shop, SCHEMA).await.unwrap();
    assert_eq!(rights.len(), 4);
    let wanted =
        OpenAccount { account: shop_app.clone(), locked: false, rights: BTreeMap::from([(SCHEMA.to_owned(), rights)]) };
    fence::managed::open(&mut target, &wanted, within(10)).await.unwrap();
    println!("frozen for {} ms", freeze.elapsed().as_millis());
    tokio::time::sleep(Duration::from_millis(1500)).await;

    // And back: the mirror, from the fence of a managed server on.
    let mut held = Held::open(&pair.target("shop_app"), SCHEMA, "writes").await.unwrap();
    fence::managed::shut(&mut target, &wanted, within(10)).await.unwrap();
    assert_eq!(held.refused().await.unwrap(), Refusal::Ended);
    assert_eq!(held.refused_afresh().await.unwrap(), Refusal::Denied);
    let last = replication::executed(&mut target).await.unwrap();
    assert_eq!(replication::wait_applied(&mut source, &last, within(10)).await.unwrap(), Applied::All);
    replication::reset(&mut source).await.unwrap();
    replication::set_filter(&mut source, &[]).await.unwrap();
    skip.put_back_persisted(&mut source).await.unwrap();
    fence::own::open(&mut source, &open_before).await.unwrap();
    replication::configure(&mut target, &source_of(&pair.source("repl"), "repl")).await.unwrap();
    replication::start(&mut target).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    let (old, new) = (old.await.unwrap(), new.await.unwrap());
    assert!(old.len() > 50 && new.len() > 50, "{} and {} writes", old.len(), new.len());

    let at = replication::executed(&mut source).await.unwrap();
    assert_eq!(replication::wait_applied(&mut target, &at, within(20)).await.unwrap(), Applied::All);
    let (here, there) = (attempts(&mut source).await, attempts(&mut target).await);
    assert_eq!(here, there, "both hold the same");
    let distinct: BTreeSet<String> = here.iter().cloned().collect();
    assert_eq!(distinct.len(), here.len(), "nothing twice");
    assert!(old.union(&new).all(|attempt| distinct.contains(attempt)), "every acknowledged write is there");
    assert_eq!(grants::lines(&mut source, &shop).await.unwrap(), grants_before, "the old account as it was");
    assert!(!grants::exists(&mut source, &shop_app).await.unwrap(), "the new account did not cross");
    assert_eq!(OpenState::read(&mut source).await.unwrap(), open_before);
    assert_eq!(Variable::read(&mut source, "skip_replica_start").await.unwrap(), skip);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_update_keeps_the_fence_open_and_is_named_or_ended_by_policy() {
    let pair = Pair::start("update");
    let mut source = pair.source_admin().await;
    source.run("seed", &format!("INSERT INTO {SCHEMA}.writes (attempt) VALUES ('a')")).await.unwrap();
    let before = OpenState::read(&mut source).await.unwrap();
    let slow = |endpoint: Endpoint| {
        tokio::spawn(async move {
            let mut session = Session::open(&endpoint).await.unwrap();
            session.run("update slowly", &format!("UPDATE {SCHEMA}.writes SET attempt = CONCAT('b', SLEEP(20))")).await
        })
    };
    let running = slow(pair.source("shop"));
    tokio::time::sleep(Duration::from_millis(500)).await;

    let begun = Instant::now();
    let error = fence::own::shut(&mut source, &Blockers::Wait, within(3)).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(6), "it waits a second at a time");
    assert!(error.why.unwrap().to_string().contains("of shop"), "the blocker is named");
    fence::own::open(&mut source, &before).await.unwrap();
    let mut application = Session::open(&pair.source("shop")).await.unwrap();
    application.run("write", &format!("INSERT INTO {SCHEMA}.writes (attempt) VALUES ('c')")).await.unwrap();

    let ended = fence::own::shut(&mut source, &Blockers::EndOf(vec!["shop".to_owned()]), within(10)).await.unwrap();
    assert_eq!(ended.len(), 1);
    assert!(running.await.unwrap().is_err());
    fence::own::open(&mut source, &before).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_survives_a_restart_and_the_reverse_channel_does_not_start_without_its_filter() {
    let pair = Pair::start("restart");
    let (mut source, _target) = prepared(&pair).await;
    let schemas = vec![SCHEMA.to_owned()];
    let before = OpenState::read(&mut source).await.unwrap();
    source.run("persist", "SET PERSIST_ONLY skip_replica_start = ON").await.unwrap();
    replication::configure(&mut source, &source_of(&pair.target("repl_back"), "repl_back")).await.unwrap();
    replication::set_filter(&mut source, &schemas).await.unwrap();
    fence::own::shut(&mut source, &Blockers::EndAll, within(10)).await.unwrap();
    let everything = replication::executed(&mut pair.target_admin().await).await.unwrap();
    replication::add_purged(&mut source, &everything).await.unwrap();
    replication::start(&mut source).await.unwrap();
    replication::until_running(&mut source, within(10)).await.unwrap();

    pair.restart_source();
    let mut source = pair.source_admin().await;
    assert_eq!(fence::proof::fresh(&pair.source("shop"), SCHEMA, "writes").await.unwrap(), Refusal::ReadOnly);
    let channel = replication::status(&mut source).await.unwrap().unwrap();
    assert!(channel.stopped(), "{channel}");
    assert!(channel.filter.is_empty(), "the restart forgot the filter");
    replication::set_filter(&mut source, &schemas).await.unwrap();
    replication::start(&mut source).await.unwrap();
    let channel = replication::until_running(&mut source, within(10)).await.unwrap();
    assert_eq!(channel.filter, replication::patterns(&schemas));

    // A receiver that stands alone is set going again; for two days it is at it by itself.
    source.run("stop half of it", "STOP REPLICA IO_THREAD").await.unwrap();
    let channel = replication::status(&mut source).await.unwrap().unwrap();
    assert!(channel.may_go_on() && !channel.stopped(), "{channel}");
    replication::start(&mut source).await.unwrap();
    replication::until_running(&mut source, within(10)).await.unwrap();
    let shown = source.rows("look", "SHOW REPLICA STATUS").await.unwrap();
    assert_eq!(shown[0].get::<u64, _>("Source_Retry_Count"), Some(86_400));
    fence::own::open(&mut source, &before).await.unwrap();
    pair.restart_source();
    let mut source = pair.source_admin().await;
    assert_eq!(OpenState::read(&mut source).await.unwrap(), before, "open after a restart too");
}
