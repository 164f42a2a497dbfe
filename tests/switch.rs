//! The switch as a step, on a real old box, a real managed MySQL and a real new side, with tenants writing
//! through the old address all the while: aborted by an UPDATE that eats the budget, then done, then settled.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

#[path = "support/drive.rs"]
mod drive;
#[path = "support/old_and_new.rs"]
mod old_and_new;
#[path = "support/standin.rs"]
mod standin;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cutover::actions::{Action as _, Recorder as _};
use cutover::domain::event::{Consent, ConsentKind};
use cutover::domain::{Event, StepId};
use cutover::lab::route53::{Manners, Seed, launch};
use cutover::services::http::{Caller, Request, Scheme, Target};
use cutover::services::mysql::fence::own::OpenState;
use cutover::services::mysql::replication::{self, Source};
use cutover::services::mysql::{Endpoint, Session, Tls};
use drive::{Drive, all_hold};
use old_and_new::{DIGEST, OldAndNew, address};
use tokio::time::Instant;

fn runbook(world: &OldAndNew, standin: &standin::Lab, budget: &str) -> String {
    let word = world.secrets.path().join("word").display().to_string();
    let (old, managed) = (address(&world.old), address(&world.managed));
    format!(
        r#"
name = "switch"
environment = "lab"
front = {{ container = "{front}" }}
[service]
name = "shop"
host = "app.lab.example"
[source]
address = "{old}"
schemas = ["shop"]
application = {{ user = "shop", password = {{ file = "{word}" }} }}
[source.mysql]
host = "{old}"
user = "cutover_admin"
password = {{ file = "{word}" }}
replication = {{ user = "cutover_repl", password = {{ file = "{word}" }} }}
[target]
application = {{ user = "shop_app", password = {{ file = "{word}" }} }}
[target.mysql]
host = "{managed}"
user = "admin"
password = {{ file = "{word}" }}
replication = {{ user = "cutover_back", password = {{ file = "{word}" }} }}
[dns]
zone = "ZLABEXAMPLE0001"
record = "app.lab.example"
resolvers = ["{dns}"]
servers = ["{dns}"]
endpoint = "{api}"
credentials = {{ id = {{ file = "{id}" }}, secret = {{ file = "{secret}" }} }}
[probe]
header = "X-App-Build"
read = {{ path = "/t/1/balance" }}
write = {{ method = "POST", path = "/t/1/payments", body = "{{\"attempt\":\"{{id}}\",\"amount\":1}}", expect = 201 }}
ca = "{ca}"
[[step]]
id = "prepare"
action = "mysql.prepare"
owner = "database"
day = 1
with = {{ binlog_retention_hours = 48 }}
[[step]]
id = "deploy"
action = "kubernetes.deploy"
owner = "platform"
day = 1
with = {{ image = "x", port = 8080, live = "/healthz", ready = "/readyz", database_env = "DATABASE_URL", build_env = "APP_BUILD" }}
[[step]]
id = "restore"
action = "mysql.restore"
owner = "database"
day = 1
with = {{ }}
[[step]]
id = "dns"
action = "dns.switch"
owner = "lead"
day = 1
with = {{ address = "{new}", budget = "{budget}" }}
[[step]]
id = "settle"
action = "settle"
owner = "lead"
day = 1
with = {{ soak = "2s", ttl = "60s", stop_source = [["docker", "exec", "{front}", "rev1-ctl", "stop", "backend", "mysql"]] }}
"#,
        front = world.old,
        dns = standin.dns(),
        api = standin.standin.endpoint(),
        id = world.secrets.path().join("aws-id").display(),
        secret = world.secrets.path().join("aws-secret").display(),
        ca = world.secrets.path().join("app.crt").display(),
        new = address(&world.new),
    )
}

fn endpoint(container: &str, user: &str) -> Endpoint {
    Endpoint {
        label: container.to_owned(),
        host: address(container),
        port: 3306,
        user: user.to_owned(),
        password: "pw".into(),
        database: None,
        tls: Tls::Required { ca: None },
    }
}

/// Says that a step of others' is over, with these outputs.
fn given(drive: &Drive, step: &str, outputs: BTreeMap<String, serde_json::Value>) {
    let (step, attempt) = (StepId::from(step), 1);
    let consent =
        Consent { by: "the test".into(), how: ConsentKind::NotNeeded, phrase: None, accepted: vec![], evidence: None };
    let started =
        Event::StepStarted { step: step.clone(), attempt, digest: String::new(), inputs: String::new(), consent };
    drive.memory.record(started).unwrap();
    drive.memory.record(Event::Applied { step: step.clone(), attempt, outputs }).unwrap();
    drive.memory.record(Event::StepDone { step, attempt }).unwrap();
}

/// Pays through the old address until told to stop; what was acknowledged.
fn tenants(world: &OldAndNew, stop: Arc<AtomicBool>) -> tokio::task::JoinHandle<BTreeSet<String>> {
    let address = format!("{}:443", address(&world.old)).parse().unwrap();
    let roots = Some(std::fs::read(world.secrets.path().join("app.crt")).unwrap());
    let caller =
        Caller::new(Target { scheme: Scheme::Https, host: "app.lab.example".to_owned(), address, roots }).unwrap();
    tokio::spawn(async move {
        let (mut acknowledged, mut number) = (BTreeSet::new(), 0_u64);
        while !stop.load(Ordering::Relaxed) {
            number += 1;
            let attempt = format!("00000000-0000-4000-8000-{number:012}");
            let body = serde_json::json!({ "attempt": attempt, "amount": 1 });
            if caller.send(&Request::post_json("/t/2/payments", &body)).await.is_ok_and(|answer| answer.status == 201) {
                acknowledged.insert(attempt);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        acknowledged
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_is_aborted_by_its_budget_then_done_and_nothing_is_lost() {
    let world = OldAndNew::start("switch");
    let directory = tempfile::tempdir().unwrap();
    let seed = Seed { service: address(&world.old).parse().unwrap(), ..Seed::default() };
    let options = cutover::lab::route53::Options { seed, ..standin::options(directory.path(), Manners::default()) };
    let standin = standin::Lab { standin: launch(options).await.unwrap(), directory };
    std::fs::write(world.secrets.path().join("aws-id"), standin::ACCESS_KEY).unwrap();
    std::fs::write(world.secrets.path().join("aws-secret"), standin::SECRET).unwrap();

    let drive = Drive::new("run-1", &runbook(&world, &standin, "3s"), world.secrets.path());
    let preview = drive.preview("prepare").await.unwrap();
    assert!(preview.changes.len() > 6, "{preview:#?}");
    drive.apply("prepare").await.unwrap();
    all_hold(&drive.verify("prepare").await.unwrap());

    // What deploy and restore do, by hand: the account, the rows, the channel.
    let mut source = Session::open(&endpoint(&world.old, "cutover_admin")).await.unwrap();
    let mut target = Session::open(&endpoint(&world.managed, "admin")).await.unwrap();
    target.run("make the schema", "CREATE DATABASE shop").await.unwrap();
    target.run("make the account", "CREATE USER shop_app@'%' IDENTIFIED BY 'pw'").await.unwrap();
    target.run("grant", "GRANT SELECT ON shop.* TO shop_app@'%'").await.unwrap();
    world.load();
    let set = replication::executed(&mut source).await.unwrap();
    replication::add_purged(&mut target, &set).await.unwrap();
    let follow =
        Source { host: address(&world.old), port: 3306, user: "cutover_repl".to_owned(), password: "pw".into() };
    replication::configure(&mut target, &follow).await.unwrap();
    replication::start(&mut target).await.unwrap();
    world.sh(&world.old, "rev1-ctl start backend");
    given(&drive, "deploy", BTreeMap::from([("digest".to_owned(), serde_json::json!(DIGEST))]));
    given(&drive, "restore", BTreeMap::new());

    let stop = Arc::new(AtomicBool::new(false));
    let tenants = tenants(&world, stop.clone());
    let before = OpenState::read(&mut source).await.unwrap();
    let preview = drive.preview("dns").await.unwrap();
    println!("{:#?}", preview.changes);

    // An UPDATE eats the budget: the source takes writes again, exactly as before, and follows nobody.
    let slow = endpoint(&world.old, "shop");
    let slow = tokio::spawn(async move {
        let mut session = Session::open(&slow).await.unwrap();
        session.run("update slowly", "UPDATE shop.tenants SET id = id WHERE id = 1 AND SLEEP(15) = 0").await
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let failure = drive.apply("dns").await.unwrap_err();
    println!("aborted: {failure:?}");
    assert!(failure.what.contains("budget"), "{failure:?}");
    let state = drive.memory.state();
    assert!(state.fences.is_empty() && !state.switched);
    assert_eq!(OpenState::read(&mut source).await.unwrap(), before);
    assert!(replication::status(&mut source).await.unwrap().is_none());
    assert!(replication::status(&mut target).await.unwrap().unwrap().running());
    assert!(world.sh(&world.old, "front-switch status").contains("direct"));
    let mut application =
        Session::open(&Endpoint { database: Some("shop".to_owned()), ..endpoint(&world.old, "shop") }).await.unwrap();
    application.run("write", "INSERT INTO jobs SELECT * FROM jobs WHERE 1 = 0").await.unwrap();
    slow.await.unwrap().unwrap();

    // The same run goes on with a longer budget, and this time all of it happens.
    let journal = drive.memory.clone();
    let mut drive = Drive::new("run-1", &runbook(&world, &standin, "20s"), world.secrets.path());
    drive.memory = journal;
    let outputs = drive.apply("dns").await.unwrap();
    println!("outputs: {outputs:?}");
    assert!(outputs["freeze_seconds"].as_f64().unwrap() < 20.0);
    assert!(drive.memory.state().switched && drive.memory.state().fences.contains_key("source MySQL"));
    all_hold(&drive.verify("dns").await.unwrap());
    // Twice is once: nothing is done again.
    drive.apply("dns").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;

    // A restart of the old MySQL: still fenced, and the way back is restored with its filter.
    world.sh(&world.old, "rev1-ctl restart mysql");
    let mut source = Session::open(&endpoint(&world.old, "cutover_admin")).await.unwrap();
    assert!(OpenState::read(&mut source).await.unwrap().is_shut());
    let step = StepId::from("dns");
    let health = drive.plan.step(&step).unwrap().action.companion(&drive.context("dns")).await.unwrap().unwrap();
    assert!(health.healthy && health.detail.contains("filter was lost"), "{health:?}");

    stop.store(true, Ordering::Relaxed);
    let acknowledged = tenants.await.unwrap();
    assert!(acknowledged.len() > 50, "{}", acknowledged.len());
    let written = target.query::<String>("read the writes", "SELECT attempt FROM shop.writes").await.unwrap();
    let distinct: BTreeSet<String> = written.iter().cloned().collect();
    assert_eq!(distinct.len(), written.len(), "nothing twice");
    let lost: Vec<&String> = acknowledged.difference(&distinct).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let at = replication::executed(&mut target).await.unwrap();
    let within = Instant::now() + Duration::from_secs(10);
    assert_eq!(replication::wait_applied(&mut source, &at, within).await.unwrap(), replication::Applied::All);

    drive.apply("settle").await.unwrap();
    all_hold(&drive.verify("settle").await.unwrap());
    assert!(world.sh(&world.old, "rev1-ctl status").contains("mysql stopped"));
    assert!(world.sh(&world.old, "rev1-ctl status").contains("nginx running"));
}
