//! What can run out or break between two steps is among the risks while an engine lives.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/attached.rs"]
mod attached;

use attached::{BY_HAND, Bench, until};
use cutover::domain::{Event, Recorded};
use cutover::protocol::view::{Level, Risk, View};

fn risk<'a>(view: &'a View, what: &str) -> Option<&'a Risk> {
    view.risks.iter().find(|risk| risk.what == what)
}

#[tokio::test]
async fn a_registry_that_is_gone_and_a_key_that_ends_are_told_before_a_step_needs_them() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let connections = format!(
        "[registry]\npush = \"127.0.0.1:{port}\"\nrepository = \"shop\"\n\
         [dns]\nzone = \"Z1\"\nrecord = \"shop.example\"\nendpoint = \"http://127.0.0.1:{port}\"\n\
         credentials = {{ id = {{ env = \"ID\" }}, secret = {{ env = \"SECRET\" }} }}\n"
    );
    let mut bench = Bench::new(&format!("{connections}{BY_HAND}"));
    let anna = bench.start_with(&[("ID", "AKIAEXAMPLE"), ("SECRET", "s3cret")]).await;
    let view = until(&anna, |view| risk(view, "login at the registry").is_some()).await;
    let registry = risk(&view, "login at the registry").unwrap();
    assert_eq!(registry.level, Level::Over, "{registry:?}");
    assert!(registry.value.contains(&port.to_string()) && registry.fix.is_some(), "{registry:?}");
    assert_eq!(view.risks.first().map(|risk| &risk.what), Some(&registry.what), "the worst comes first");
    let aws = risk(&view, "login at AWS").unwrap();
    assert!(aws.level == Level::Fine && aws.value.contains("AKIAEXAMPLE") && !aws.value.contains("s3cret"), "{aws:?}");
    let crossed =
        |event: &Recorded| matches!(&event.event, Event::LimitCrossed { what, .. } if what == "login at the registry");
    let told = anna.journal(0, 500).await.unwrap();
    assert_eq!(told.iter().filter(|event| crossed(event)).count(), 1, "it is in the journal, once: {told:?}");
    let disk = risk(&view, "disk of this run").unwrap();
    assert!(disk.value.contains("MiB free") && disk.limit.is_some(), "{disk:?}");
}

#[tokio::test]
async fn a_supervisor_that_is_gone_is_a_risk() {
    let mut bench = Bench::new(BY_HAND);
    let anna = bench.start().await;
    let view = until(&anna, |view| risk(view, "supervisor").is_some()).await;
    assert_eq!(risk(&view, "supervisor").unwrap().level, Level::Fine);
    bench.kill_supervisor();
    let view = until(&anna, |view| risk(view, "supervisor").unwrap().level == Level::Over).await;
    assert!(risk(&view, "supervisor").unwrap().fix.is_some());
    assert!(bench.engine_pid().is_some(), "the engine goes on");
}
