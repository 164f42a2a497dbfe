//! The adapter's plain operations against moto, an emulator that is not ours.
//!
//! moto is loose (every change is INSYNC at once, batches are only partly atomic), so nothing strict is
//! asked of it: it shows that our requests and our reading of the answers are not made for our own stand-in.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use aws_sdk_route53::config::{BehaviorVersion, Credentials, Region};
use cutover::services::Kind;
use cutover::services::route53::rules::{Target, lower_ttl, move_to};
use cutover::services::route53::{Access, ChangeState, Policy, RecordKind, RecordSet, Route53, Stands, same_sets};
use tokio::process::{Child, Command};

const APP: &str = "app.moto.example.";

/// A moto server of this test's own; it ends with the test.
struct Moto {
    _server: Child,
    endpoint: String,
}

impl Moto {
    async fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/moto.sh");
        let made = Command::new("bash").arg(script).stderr(Stdio::inherit()).output().await.unwrap();
        assert!(made.status.success(), "tests/support/moto.sh could not make moto");
        let program = String::from_utf8(made.stdout).unwrap();
        let port = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let server = Command::new(program.trim())
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let deadline = Instant::now() + Duration::from_mins(1);
        while tokio::net::TcpStream::connect(address).await.is_err() {
            assert!(Instant::now() < deadline, "moto does not listen at {address}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Self { _server: server, endpoint: format!("http://{address}") }
    }

    /// Makes a zone, which the adapter never does, and gives its id.
    async fn zone(&self, name: &str) -> String {
        let config = aws_sdk_route53::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.endpoint)
            .credentials_provider(Credentials::new("any", "any", None, None, "test"))
            .build();
        let client = aws_sdk_route53::Client::from_conf(config);
        let made = client.create_hosted_zone().name(name).caller_reference(name).send().await.unwrap();
        made.hosted_zone.expect("moto describes the zone that it made").id
    }
}

#[tokio::test]
async fn plain_operations_work_on_an_emulator_that_is_not_ours() {
    let moto = Moto::start().await;
    let id = moto.zone("moto.example").await;
    let keys = Some(("any".to_owned(), "any".into()));
    let access = Access { endpoint: Some(moto.endpoint.clone()), region: None, keys };
    let route53 = Route53::connect(access).await;

    let zone = route53.find_zone(APP).await.unwrap();
    assert!(id.ends_with(&zone.info().id));
    assert!(!zone.info().private && !zone.info().name_servers.is_empty());
    let by_id = route53.zone(&id, APP).await.unwrap();
    assert_eq!(by_id.info(), zone.info());
    assert_eq!(route53.zone("ZNONE", APP).await.unwrap_err().kind, Kind::NotFound);

    let old = [
        RecordSet::simple(APP, RecordKind::A, 300, ["192.0.2.1"]),
        RecordSet::simple(APP, "MX".into(), 300, ["10 mail.moto.example."]),
        RecordSet::simple(APP, RecordKind::Txt, 300, ["\"v=spf1 -all\""]),
    ];
    let change = zone.compare_and_swap(APP, &[], &old, "make").await.unwrap().unwrap();
    zone.wait_insync(&change.id, Duration::from_secs(5), |_| {}).await.unwrap();
    assert_eq!(zone.change(&change.id).await.unwrap().state, ChangeState::Insync);
    assert!(same_sets(&zone.sets_at(APP).await.unwrap(), &old));

    let lowered = lower_ttl(&old, 60);
    zone.compare_and_swap(APP, &old, &lowered.sets, "lower").await.unwrap().unwrap();
    let target = Target::Addresses(vec!["192.0.2.9".parse().unwrap()]);
    let new = move_to("moto.example", APP, &lowered.sets, &target, 60).unwrap();
    zone.compare_and_swap(APP, &lowered.sets, &new, "move").await.unwrap().unwrap();
    assert_eq!(zone.look(APP, &lowered.sets, &new).await.unwrap(), Stands::New);
    let lost = zone.compare_and_swap(APP, &old, &lowered.sets, "lost").await.unwrap_err();
    assert_eq!(lost.kind, Kind::Conflict);
    // Not to the letter back to `old`: moto refuses to create again what it ever created.
    let third = lower_ttl(&new, 30).sets;
    zone.compare_and_swap(APP, &new, &third, "on").await.unwrap().unwrap();
    assert!(same_sets(&zone.sets_at(APP).await.unwrap(), &third));

    let name = "w.moto.example.";
    let sets: Vec<RecordSet> = (1..=3)
        .map(|n| {
            let mut set = RecordSet::simple(name, RecordKind::A, 5, [format!("192.0.2.{n}")]);
            set.set_identifier = Some(format!("set-{n}"));
            set.policy = Some(Policy::Weighted(n));
            set
        })
        .collect();
    zone.compare_and_swap(name, &[], &sets, "weighted").await.unwrap().unwrap();
    assert!(same_sets(&zone.sets_at(name).await.unwrap(), &sets));
    assert_eq!(zone.owners(APP, &[]).await.unwrap(), []);
}
