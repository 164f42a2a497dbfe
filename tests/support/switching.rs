//! A switch about to be made, for tests: a real old box, a real managed MySQL that follows it, a real new side,
//! the zone, and the journal of a run whose earlier steps are over.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cutover::actions::Recorder as _;
use cutover::domain::event::{Consent, ConsentKind};
use cutover::domain::{Event, StepId};
use cutover::lab::route53::{Manners, Seed, launch};
use cutover::services::http::{Caller, Request, Scheme, Target};
use cutover::services::mysql::replication::{self, Source};
use cutover::services::mysql::{Endpoint, Session, Tls};

use crate::drive::{Drive, all_hold};
use crate::old_and_new::{DIGEST, OldAndNew, address};
use crate::standin;

/// What a test says of its runbook.
#[derive(Clone)]
pub struct Terms {
    /// The budget of the freeze.
    pub budget: &'static str,
    /// More lines under `[source]`.
    pub source: &'static str,
    /// The inputs of `restore`.
    pub restore: &'static str,
    /// What the source's database holds besides the shop, as SQL.
    pub schema: &'static str,
}

impl Default for Terms {
    fn default() -> Self {
        Self { budget: "60s", source: "", restore: "", schema: "" }
    }
}

/// All of it.
pub struct Switching {
    pub world: OldAndNew,
    pub standin: standin::Lab,
    pub drive: Drive,
    /// The old MySQL, with the migration's account.
    pub source: Session,
    /// The managed MySQL, with the migration's account.
    pub target: Session,
}

impl Switching {
    /// Makes everything up to the step `dns`: GTIDs, accounts, rows, the channel.
    pub async fn start(test: &str, rows: u32, terms: &Terms) -> Self {
        let world = OldAndNew::start_with(test, rows);
        let directory = tempfile::tempdir().unwrap();
        let seed = Seed { service: address(&world.old).parse().unwrap(), ..Seed::default() };
        let options = cutover::lab::route53::Options { seed, ..standin::options(directory.path(), Manners::default()) };
        let standin = standin::Lab { standin: launch(options).await.unwrap(), directory };
        std::fs::write(world.secrets.path().join("aws-id"), standin::ACCESS_KEY).unwrap();
        std::fs::write(world.secrets.path().join("aws-secret"), standin::SECRET).unwrap();
        let mut source = Session::open(&endpoint(&world.old, "cutover_admin")).await.unwrap();
        for statement in terms.schema.split(';').filter(|statement| !statement.trim().is_empty()) {
            source.run("make what the source holds besides", statement).await.unwrap();
        }
        let drive = Drive::new("run-1", &runbook(&world, &standin, terms), world.secrets.path());
        let preview = drive.preview("prepare").await.unwrap();
        assert!(preview.changes.len() > 6, "{preview:#?}");
        drive.apply("prepare").await.unwrap();
        all_hold(&drive.verify("prepare").await.unwrap());

        // What deploy and restore do, by hand: the account, the rows, the channel.
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
        Self { world, standin, drive, source, target }
    }

    /// The same run goes on with another runbook.
    pub fn on_these_terms(&mut self, terms: &Terms) {
        let journal = self.drive.memory.clone();
        self.drive = Drive::new("run-1", &runbook(&self.world, &self.standin, terms), self.world.secrets.path());
        self.drive.memory = journal;
    }

    /// A session at the old MySQL as the application has them: its account, its default schema.
    pub async fn application(&self) -> Session {
        let endpoint = Endpoint { database: Some("shop".to_owned()), ..endpoint(&self.world.old, "shop") };
        Session::open(&endpoint).await.unwrap()
    }

    /// The same at the managed MySQL.
    pub async fn application_at_target(&self) -> Session {
        let endpoint = Endpoint { database: Some("shop".to_owned()), ..endpoint(&self.world.managed, "shop_app") };
        Session::open(&endpoint).await.unwrap()
    }

    /// Every payment that the managed MySQL knows; each once.
    pub async fn written(&mut self) -> BTreeSet<String> {
        let written: Vec<String> =
            self.target.query("read the writes", "SELECT attempt FROM shop.writes").await.unwrap();
        let distinct: BTreeSet<String> = written.iter().cloned().collect();
        assert_eq!(distinct.len(), written.len(), "nothing twice");
        distinct
    }
}

/// Says that a step of others' is over, with these outputs.
pub fn given(drive: &Drive, step: &str, outputs: BTreeMap<String, serde_json::Value>) {
    let (step, attempt) = (StepId::from(step), 1);
    let consent =
        Consent { by: "the test".into(), how: ConsentKind::NotNeeded, phrase: None, accepted: vec![], evidence: None };
    let started =
        Event::StepStarted { step: step.clone(), attempt, digest: String::new(), inputs: String::new(), consent };
    drive.memory.record(started).unwrap();
    drive.memory.record(Event::Applied { step: step.clone(), attempt, outputs }).unwrap();
    drive.memory.record(Event::StepDone { step, attempt }).unwrap();
}

pub fn endpoint(container: &str, user: &str) -> Endpoint {
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

/// Tenants who pay through the old address until they are told to stop.
pub struct Tenants {
    stop: Arc<AtomicBool>,
    running: tokio::task::JoinHandle<BTreeSet<String>>,
}

impl Tenants {
    pub fn pay(world: &OldAndNew) -> Self {
        let address = format!("{}:443", address(&world.old)).parse().unwrap();
        let roots = Some(std::fs::read(world.secrets.path().join("app.crt")).unwrap());
        let caller =
            Caller::new(Target { scheme: Scheme::Https, host: "app.lab.example".to_owned(), address, roots }).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let running = tokio::spawn(async move {
            let (mut acknowledged, mut number) = (BTreeSet::new(), 0_u64);
            while !stopped.load(Ordering::Relaxed) {
                number += 1;
                let attempt = format!("00000000-0000-4000-8000-{number:012}");
                let body = serde_json::json!({ "attempt": attempt, "amount": 1 });
                let answer = caller.send(&Request::post_json("/t/2/payments", &body)).await;
                if answer.is_ok_and(|answer| answer.status == 201) {
                    acknowledged.insert(attempt);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            acknowledged
        });
        Self { stop, running }
    }

    /// What was acknowledged.
    pub async fn stop(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.running.await.unwrap()
    }
}

fn runbook(world: &OldAndNew, standin: &standin::Lab, terms: &Terms) -> String {
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
{source}
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
id = "lower-ttl"
action = "dns.lower-ttl"
owner = "lead"
day = 1
with = {{ ttl = "1s" }}
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
with = {{ {restore} }}
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
        source = terms.source,
        restore = terms.restore,
        budget = terms.budget,
        dns = standin.dns(),
        api = standin.standin.endpoint(),
        id = world.secrets.path().join("aws-id").display(),
        secret = world.secrets.path().join("aws-secret").display(),
        ca = world.secrets.path().join("app.crt").display(),
        new = address(&world.new),
    )
}
