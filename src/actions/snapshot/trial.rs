//! The proof of a snapshot: restored into a throw-away server, whose tables have to give the digests that the
//! source gave inside the snapshot.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rand::Rng as _;
use rand::distr::Alphanumeric;
use secrecy::SecretString;

use super::super::containerise::engine;
use super::super::restore::listener;
use super::super::{Checking, Reading, Result, Working};
use crate::domain::runbook::inputs::Snapshot;
use crate::domain::{Check, Failure};
use crate::services::docker::{ContainerSpec, Context, Engine, Labels, Mount, Port};
use crate::services::kubernetes::{MANAGED_BY, MANAGER, RUN};
use crate::services::mysql::load::{self, Options};
use crate::services::mysql::schema::read_schemas;
use crate::services::mysql::snapshot::{Manifest, digest::digest, without_counter};
use crate::services::mysql::{Endpoint, Session, Tls};

/// What a proof makes.
const KIND: &str = "MySQL server";
/// How long the scratch server may take to make its data directory and start.
const SERVER: Duration = Duration::from_mins(2);
/// How often it is tried.
const LOOK: Duration = Duration::from_millis(250);

/// Makes a server on any image that has `mysqld`, whatever its entry point expects. Nothing on it has to last.
const START: &str = "mkdir -p /scratch/data && chown -R mysql /scratch && \
     mysqld --no-defaults --initialize-insecure --user=mysql --datadir=/scratch/data && \
     exec mysqld --no-defaults --user=mysql --datadir=/scratch/data --socket=/scratch/mysql.sock \
     --pid-file=/scratch/mysqld.pid --mysqlx=OFF --skip-log-bin --bind-address=0.0.0.0 --init-file=/init.sql \
     --local-infile=ON --innodb-flush-log-at-trx-commit=0 --event-scheduler=OFF --performance-schema=OFF";

/// Restores the snapshot into a scratch server, and removes it again.
pub(super) async fn restore(inputs: &Snapshot, cx: &Checking, manifest: &Manifest) -> Result<Vec<Check>> {
    let engine = engine(cx).await?;
    let name = name(cx);
    let remove = || async {
        engine.remove_container(&name).await?;
        Ok(())
    };
    cx.scratch(KIND, &name, remove, trial(inputs, cx, &engine, &name, manifest)).await
}

/// Removes the server that a proof left which died.
pub(super) async fn clear(cx: &Working) -> Result<()> {
    if cx.state().step(cx.step_id()).scratch.is_empty() {
        return Ok(());
    }
    let (engine, name) = (engine(cx).await?, name(cx));
    let remove = || async { Ok(engine.remove_container(&name).await.map(drop)?) };
    cx.clear_scratch(KIND, remove).await
}

fn name(cx: &Reading) -> String {
    format!("cutover-scratch-{}-{}", cx.run(), cx.step_id())
}

async fn trial(
    inputs: &Snapshot,
    cx: &Checking,
    engine: &Engine,
    name: &str,
    manifest: &Manifest,
) -> Result<Vec<Check>> {
    let endpoint = start(inputs, cx, engine, name).await?;
    let began = Instant::now();
    let options = Options::new(cx.run().as_str(), cx.step_id().as_str(), inputs.workers);
    let told = listener(cx, "restore into a scratch server", "trial-chunks");
    load::load(&endpoint, &cx.directory(), &options, told, cx.cancel().clone()).await?;
    let mut session = Session::open(&endpoint).await?;
    let mut differ = Vec::new();
    for entry in &manifest.tables {
        let (rows, found) = digest(&mut session, &entry.table).await?;
        if (rows, &found) != (entry.rows, &entry.digest) {
            differ.push(format!("{}: {} rows in the snapshot, {rows} restored", entry.table.plain(), entry.rows));
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let evidence = if differ.is_empty() {
        format!("{} tables, {} rows, {seconds:.1} s", manifest.tables.len(), manifest.rows())
    } else {
        differ.join("; ")
    };
    let shapes = misshapen(&mut session, manifest).await?;
    let fact = "restored, every table has the digest that the source gave inside the snapshot";
    Ok(vec![
        Check::of(differ.is_empty(), fact, evidence),
        Check::of(
            shapes.is_empty(),
            "restored, every table, view, routine, trigger and event is there",
            if shapes.is_empty() { "all of them".to_owned() } else { shapes.join("; ") },
        ),
    ])
}

/// What came back in another shape, or not at all.
async fn misshapen(session: &mut Session, manifest: &Manifest) -> Result<Vec<String>> {
    let names: Vec<String> = manifest.schemas.iter().map(|schema| schema.name.clone()).collect();
    let restored = read_schemas(session, &names).await?;
    let mut found = Vec::new();
    for (before, after) in manifest.schemas.iter().zip(&restored) {
        for table in &before.tables {
            let same = after
                .tables
                .iter()
                .any(|other| other.name == table.name && lines(&other.statement) == lines(&table.statement));
            if !same {
                found.push(format!("table {}.{} came back in another shape", before.name, table.name));
            }
        }
        let kinds = [
            (&before.views, &after.views),
            (&before.routines, &after.routines),
            (&before.triggers, &after.triggers),
            (&before.events, &after.events),
        ];
        for (wanted, there) in kinds {
            let missing = wanted
                .iter()
                .filter(|object| !there.iter().any(|other| other.name == object.name && other.kind == object.kind));
            found
                .extend(missing.map(|object| {
                    format!("{} {}.{} is missing", object.kind.to_lowercase(), before.name, object.name)
                }));
        }
    }
    Ok(found)
}

/// A statement's lines, whatever their order: a key made later stands elsewhere.
fn lines(statement: &str) -> BTreeSet<String> {
    without_counter(statement).lines().map(|line| line.trim_end_matches(',').to_owned()).collect()
}

/// Starts the scratch server, and waits until it lets the scratch account in.
async fn start(inputs: &Snapshot, cx: &Checking, engine: &Engine, name: &str) -> Result<Endpoint> {
    let image = &inputs.scratch_image;
    if engine.image(image).await?.is_none() {
        engine.pull(image, None, None, |_| ()).await?;
    }
    let password: String = rand::rng().sample_iter(Alphanumeric).take(24).map(char::from).collect();
    let init = format!("CREATE USER scratch@'%' IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO scratch@'%';\n");
    let spec = ContainerSpec {
        entrypoint: Some(["sh", "-c", START].map(str::to_owned).to_vec()),
        command: Some(Vec::new()),
        user: Some("0".to_owned()),
        labels: Labels::from([(MANAGED_BY.to_owned(), MANAGER.to_owned()), (RUN.to_owned(), cx.run().to_string())]),
        ports: vec![Port::loopback(3306, 0)],
        mounts: vec![Mount::Anonymous { at: "/scratch".to_owned() }],
        ..ContainerSpec::new(name, image)
    };
    engine.create(&spec).await?;
    engine.copy_in(name, "/", Context::default().with("init.sql", init, false)).await?;
    engine.start(name).await?;
    let deadline = Instant::now() + SERVER;
    loop {
        let found = engine.container(name).await?;
        let running = found.as_ref().is_some_and(|container| container.running);
        if let Some(port) = found.and_then(|container| container.ports.first().map(|(_, port)| *port)) {
            let endpoint = endpoint(port, &password);
            if Session::open(&endpoint).await.is_ok() {
                return Ok(endpoint);
            }
        }
        if !running || Instant::now() > deadline {
            let (out, err) = engine.logs(name, Some(15)).await.unwrap_or_default();
            return Err(Failure::transient(format!("start a scratch MySQL server from {image}"))
                .because(if running { format!("not up within {} s", SERVER.as_secs()) } else { "it ended".to_owned() })
                .because(format!("its last lines:\n{out}{err}")));
        }
        cx.check_cancelled()?;
        tokio::time::sleep(LOOK).await;
    }
}

fn endpoint(port: u16, password: &str) -> Endpoint {
    Endpoint {
        label: "scratch MySQL".to_owned(),
        host: "127.0.0.1".to_owned(),
        port,
        user: "scratch".to_owned(),
        password: SecretString::from(password.to_owned()),
        database: None,
        tls: Tls::Preferred,
        identity: None,
    }
}
