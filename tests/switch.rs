//! The switch as a step, on a real old box, a real managed MySQL and a real new side, with tenants writing
//! through the old address all the while: aborted by an UPDATE that eats the budget, then done, then settled.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

#[path = "support/drive.rs"]
mod drive;
#[path = "support/old_and_new.rs"]
mod old_and_new;
#[path = "support/standin.rs"]
mod standin;
#[path = "support/switching.rs"]
mod switching;

use std::collections::BTreeSet;
use std::time::Duration;

use cutover::actions::{Action as _, Recorder as _};
use cutover::domain::StepId;
use cutover::services::mysql::Session;
use cutover::services::mysql::fence::own::OpenState;
use cutover::services::mysql::replication;
use drive::all_hold;
use switching::{Switching, Tenants, Terms, endpoint, is_clear};
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_is_aborted_by_its_budget_then_done_and_nothing_is_lost() {
    let mut here = Switching::start("switch", 200, &Terms { budget: "3s", ..Terms::default() }).await;
    let tenants = Tenants::pay(&here.world);
    let before = OpenState::read(&mut here.source).await.unwrap();
    let preview = here.drive.preview("dns").await.unwrap();
    println!("{:#?}", preview.changes);

    // An UPDATE eats the budget: the source takes writes again, exactly as before, and follows nobody.
    let slow = endpoint(&here.world.old, "shop");
    let slow = tokio::spawn(async move {
        let mut session = Session::open(&slow).await.unwrap();
        session.run("update slowly", "UPDATE shop.tenants SET id = id WHERE id = 1 AND SLEEP(15) = 0").await
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let failure = here.drive.apply("dns").await.unwrap_err();
    println!("aborted: {failure:?}");
    assert!(failure.what.contains("budget"), "{failure:?}");
    is_clear(&failure, &["fence the source MySQL at ", "in its way: session "]);
    let state = here.drive.memory.state();
    assert!(state.fences.is_empty() && !state.switched);
    assert_eq!(OpenState::read(&mut here.source).await.unwrap(), before);
    assert!(replication::status(&mut here.source).await.unwrap().is_none());
    assert!(replication::status(&mut here.target).await.unwrap().unwrap().running());
    assert!(here.world.sh(&here.world.old, "front-switch status").contains("direct"));
    here.application().await.run("write", "INSERT INTO jobs SELECT * FROM jobs WHERE 1 = 0").await.unwrap();
    slow.await.unwrap().unwrap();

    // The same run goes on with a longer budget, and this time all of it happens.
    here.on_these_terms(&Terms { budget: "20s", ..Terms::default() });
    let outputs = here.drive.apply("dns").await.unwrap();
    println!("outputs: {outputs:?}");
    assert!(outputs["freeze_seconds"].as_f64().unwrap() < 20.0);
    assert!(here.drive.memory.state().switched && here.drive.memory.state().fences.contains_key("source MySQL"));
    all_hold(&here.drive.verify("dns").await.unwrap());
    // Twice is once: nothing is done again.
    here.drive.apply("dns").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;

    // A restart of the old MySQL: still fenced, and the way back is restored with its filter.
    here.world.sh(&here.world.old, "rev1-ctl restart mysql");
    let mut source = Session::open(&endpoint(&here.world.old, "cutover_admin")).await.unwrap();
    assert!(OpenState::read(&mut source).await.unwrap().is_shut());
    let step = StepId::from("dns");
    let health =
        here.drive.plan.step(&step).unwrap().action.companion(&here.drive.context("dns")).await.unwrap().unwrap();
    assert!(health.healthy && health.detail.contains("filter was lost"), "{health:?}");

    let acknowledged = tenants.stop().await;
    assert!(acknowledged.len() > 50, "{}", acknowledged.len());
    let written = here.written().await;
    let lost: BTreeSet<&String> = acknowledged.difference(&written).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let at = replication::executed(&mut here.target).await.unwrap();
    let within = Instant::now() + Duration::from_secs(10);
    assert_eq!(replication::wait_applied(&mut source, &at, within).await.unwrap(), replication::Applied::All);

    here.drive.apply("settle").await.unwrap();
    all_hold(&here.drive.verify("settle").await.unwrap());
    assert!(here.world.sh(&here.world.old, "rev1-ctl status").contains("mysql stopped"));
    assert!(here.world.sh(&here.world.old, "rev1-ctl status").contains("nginx running"));
}
