//! A switch about to be made, for tests: a real old box, a real managed MySQL that follows it, a real new side,
//! the zone, and the journal of a run whose earlier steps are over.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cutover::actions::Recorder as _;
use cutover::domain::event::{Consent, ConsentKind};
use cutover::domain::{Event, StepId};
use cutover::lab::route53::{Manners, Seed, launch};
use cutover::services::mysql::replication::{self, Source};
use cutover::services::mysql::{Endpoint, Session, Tls};

use crate::drive::{Drive, all_hold};
use crate::old_and_new::{DIGEST, OldAndNew, address};
use crate::standin;

#[path = "switch_runbook.rs"]
mod runbook;
#[path = "switch_tenants.rs"]
mod tenants;

use runbook::runbook;
pub use tenants::Tenants;

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
        payments(&mut self.target).await
    }

    /// The same of the old one, which may have been restarted.
    pub async fn written_at_source(&mut self) -> BTreeSet<String> {
        self.source_again().await;
        payments(&mut self.source).await
    }

    /// The old MySQL's session, made anew after a restart of it.
    pub async fn source_again(&mut self) {
        self.source = Session::open(&endpoint(&self.world.old, "cutover_admin")).await.unwrap();
    }

    /// Waits until one server has taken so many payments more: of whichever tenants, by whatever way.
    pub async fn payments_go_on(session: &mut Session, more: u64) {
        let query = "SELECT COUNT(*) FROM shop.writes";
        let began: u64 = session.one("count the payments", query).await.unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while session.one::<u64>("count the payments", query).await.unwrap() < began + more {
            assert!(tokio::time::Instant::now() < deadline, "nobody pays on {}", session.endpoint().label);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn payments(session: &mut Session) -> BTreeSet<String> {
    let written: Vec<String> = session.query("read the writes", "SELECT attempt FROM shop.writes").await.unwrap();
    let distinct: BTreeSet<String> = written.iter().cloned().collect();
    assert_eq!(distinct.len(), written.len(), "nothing twice");
    distinct
}

/// A failure that says who and where, why, and what to do.
pub fn is_clear(failure: &cutover::domain::Failure, words: &[&str]) {
    let said = format!("{}: {}", failure.what, failure.why.join(": "));
    for word in words {
        assert!(said.contains(word), "{word:?} is not said: {failure:?}");
    }
    assert!(failure.next.is_some(), "a way out is named: {failure:?}");
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
        identity: None,
    }
}
