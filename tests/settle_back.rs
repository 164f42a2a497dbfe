//! `settle` taken back: before its point of no return the record is again to the letter what it was, whatever
//! died in between; from the intent to end the channel back on it is refused. Against the Route 53 stand-in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support {
    pub mod drive;
    pub mod standin;
}

use std::time::Duration;

use cutover::actions::CrashPoint;
use cutover::domain::FailureKind;
use cutover::lab::route53::Manners;
use cutover::services::route53::{RecordKind, RecordSet};
use support::drive::{Drive, all_hold};
use support::standin::{APP, Lab};

/// The effect that ends the channel back to the source.
const END: &str = "end-reverse-channel";

struct Settling {
    lab: Lab,
    drive: Drive,
}

impl Settling {
    /// A soak that was good to its end, and a source that nobody listens at: the channel back to it cannot be ended.
    async fn new() -> Self {
        let lab = Lab::with(Manners { burst: 1000.0, pending: Duration::from_millis(300), ..Manners::default() }).await;
        let beside = lab.directory.path();
        let runbook = format!(
            r#"
name = "settling"
environment = "test"
[service]
name = "shop"
host = "app.lab.example"
[source]
address = "127.0.0.1"
schemas = ["shop_eu"]
application = {{ user = "shop", password = {{ file = "secret" }} }}
[source.mysql]
host = "127.0.0.1"
port = 1
user = "cutover_admin"
password = {{ file = "secret" }}
replication = {{ user = "repl", password = {{ file = "secret" }} }}
{dns}
[probe]
header = "X-App-Build"
read = {{ path = "/" }}
write = {{ method = "POST", path = "/" }}
[[step]]
id = "dns"
action = "dns.switch"
owner = "network"
day = 4
with = {{ address = "127.0.0.1" }}
[[step]]
id = "settle"
action = "settle"
owner = "backend"
day = 5
with = {{ soak = "1s", ttl = "300s" }}
"#,
            dns = lab.section()
        );
        let drive = Drive::new("settling", &runbook, beside);
        let soaked = serde_json::json!({ "reads": 2, "failed": 0 });
        drive.context("settle").working().checkpoint("soaked", &soaked).unwrap();
        Self { lab, drive }
    }

    async fn sets(&self) -> Vec<RecordSet> {
        self.lab.zone().await.all_sets().await.unwrap()
    }

    async fn ttl(&self) -> Option<u32> {
        let sets = self.lab.zone().await.sets_at(APP).await.unwrap();
        sets.iter().find(|set| set.kind == RecordKind::A).unwrap().ttl()
    }
}

#[tokio::test]
async fn what_died_before_the_channel_was_to_be_ended_is_taken_back_to_the_letter() {
    for (point, changed) in [(CrashPoint::Intent, false), (CrashPoint::Effect, true), (CrashPoint::Outcome, true)] {
        let settling = Settling::new().await;
        let (drive, before) = (&settling.drive, settling.sets().await);
        drive.dies("settle", "ttl", point).await;
        assert_eq!(settling.ttl().await == Some(300), changed, "{point:?}");
        let preview = drive.way_back("settle").await.unwrap();
        assert_eq!(preview.loses, Some(0));
        let told: Vec<String> = preview.changes.iter().map(|change| format!("{change:?}")).collect();
        assert!(told.len() == 1 && told[0].contains("TTL 300 s -> 15 s"), "{told:?}");
        if changed {
            drive.dies_on_the_way_back("settle", "ttl", CrashPoint::Effect).await;
        }
        all_hold(&drive.rollback("settle").await.unwrap());
        assert_eq!(settling.sets().await, before, "{point:?}");
    }
}

#[tokio::test]
async fn one_that_had_changed_nothing_yet_stands_in_nobodys_way() {
    let settling = Settling::new().await;
    assert!(settling.drive.way_back("settle").await.unwrap().changes.is_empty());
    assert!(settling.drive.rollback("settle").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_record_that_somebody_else_changed_is_left_alone() {
    let settling = Settling::new().await;
    settling.drive.dies("settle", "ttl", CrashPoint::Outcome).await;
    let zone = settling.lab.zone().await;
    let ours = zone.sets_at(APP).await.unwrap();
    let mut theirs = ours.clone();
    theirs[0] = RecordSet::simple(APP, RecordKind::A, 5, ["172.30.77.99"]);
    zone.compare_and_swap(APP, &ours, &theirs, "somebody else").await.unwrap();
    for failure in
        [settling.drive.way_back("settle").await.unwrap_err(), settling.drive.rollback("settle").await.unwrap_err()]
    {
        assert_eq!(failure.kind, FailureKind::Refused);
        assert!(failure.why.join("; ").contains("172.30.77.99"), "{failure:?}");
    }
    assert_eq!(zone.sets_at(APP).await.unwrap(), theirs);
}

#[tokio::test]
async fn from_the_intent_to_end_the_channel_on_there_is_no_way_back() {
    let settling = Settling::new().await;
    let drive = &settling.drive;
    drive.dies("settle", END, CrashPoint::Intent).await;
    // In doubt, and then known to have been tried: the source that does not answer may have heard it.
    for round in 1..=2 {
        for failure in [drive.way_back("settle").await.unwrap_err(), drive.rollback("settle").await.unwrap_err()] {
            assert_eq!(failure.kind, FailureKind::Refused, "round {round}: {failure:?}");
            let told = format!("{} {} {:?}", failure.what, failure.why.join("; "), failure.next);
            for words in ["settle", "point of no return", "exists on the target only", "go forward"] {
                assert!(told.contains(words), "round {round}: `{words}` is not in: {told}");
            }
        }
        assert_eq!(settling.ttl().await, Some(300), "round {round}: nothing was touched");
        if round == 1 {
            assert!(drive.apply("settle").await.is_err(), "nobody listens at the source");
        }
    }
}
