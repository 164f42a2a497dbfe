//! What the copy costs beside `mysqldump | mysql`, the pipe that people know: the same rows, between the same two
//! servers, one way after the other. Ours goes by the disk, because its snapshot is kept. It wants the lab's MySQL image.

#![expect(clippy::unwrap_used, reason = "a bench says by a panic that it failed")]

#[path = "../support/pair.rs"]
mod pair;

use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use cutover::services::mysql::compare::{self, Pace, compare};
use cutover::services::mysql::load;
use cutover::services::mysql::snapshot::{self, Listener, Locks, Options, Patience};
use cutover::services::mysql::{Endpoint, Session};
use pair::{Pair, SCHEMA};
use tokio_util::sync::CancellationToken;

/// The table is doubled so often: a million rows, about 180 MB.
const DOUBLINGS: u32 = 20;

/// Connections on each side.
const WORKERS: usize = 4;

#[tokio::main]
async fn main() {
    let pair = Pair::start("bench-copy");
    pair.as_root_of_target("SET GLOBAL local_infile = ON, GLOBAL log_bin_trust_function_creators = ON");
    fill(&pair);
    let (source, target) = (pair.source("cutover_admin"), pair.target("admin"));

    let began = Instant::now();
    pipe(&source, &target);
    let piped = began.elapsed().as_secs_f64();
    let rows = count(&target).await;
    assert_eq!(rows, 1 << DOUBLINGS, "the pipe left some behind");
    pair.as_root_of_target(&format!("DROP DATABASE {SCHEMA}; CREATE DATABASE {SCHEMA}"));

    let directory = tempfile::tempdir().unwrap();
    let silent: Listener = Arc::new(|_| ());
    let began = Instant::now();
    let options = Options {
        schemas: vec![SCHEMA.to_owned()],
        locks: Locks::new("bench", "snapshot", WORKERS),
        chunk_bytes: 16 << 20,
        patience: Patience::default(),
    };
    let stop = CancellationToken::new();
    let manifest = snapshot::take(&source, directory.path(), &options, silent.clone(), stop.clone()).await.unwrap();
    let snapshot = began.elapsed().as_secs_f64();
    let options = load::Options::new("bench", "load", WORKERS);
    load::load(&target, directory.path(), &options, silent, stop.clone()).await.unwrap();
    let copied = began.elapsed().as_secs_f64();
    assert_eq!(count(&target).await, rows);
    let mut pairs = Vec::new();
    for _ in 0..2 {
        let (source, target) = (Session::open(&source).await.unwrap(), Session::open(&target).await.unwrap());
        pairs.push(compare::Pair { source, target });
    }
    let schemas = [SCHEMA.to_owned()];
    let pace = Pace { progress: &|_, _| (), cancel: &stop, busy_percent: 100 };
    let compared = compare(&mut pairs, &schemas, &manifest.counters(), &pace).await.unwrap();
    assert!(compared.differences.is_empty(), "{:?}", compared.differences);
    let proved = began.elapsed().as_secs_f64();

    println!("| {rows} rows | s | beside the pipe |");
    println!("|---|---|---|");
    for (what, took) in [
        ("`mysqldump \\| mysql`, one connection each way, no file", piped),
        ("snapshot, on disk and compressed", snapshot),
        ("snapshot and load", copied),
        ("snapshot, load, and every row compared", proved),
    ] {
        println!("| {what} | {took:.1} | {:.2} |", took / piped);
    }
}

/// Rows as an application has them: numbers, a name, a text, a time, and an index.
fn fill(pair: &Pair) {
    let table = format!("{SCHEMA}.orders");
    pair.as_root_of_source(&format!(
        "CREATE TABLE {table} (id BIGINT AUTO_INCREMENT PRIMARY KEY, tenant INT NOT NULL, amount DECIMAL(12,2) NOT NULL,
            name VARCHAR(64) NOT NULL, note TEXT, made DATETIME(6) NOT NULL, KEY by_tenant (tenant));
         INSERT INTO {table} (tenant, amount, name, note, made) VALUES (1, 1.5, 'first', 'a note', NOW(6));"
    ));
    for _ in 0..DOUBLINGS {
        pair.as_root_of_source(&format!(
            "INSERT INTO {table} (tenant, amount, name, note, made)
             SELECT id MOD 6000, RAND() * 10000, SHA2(RAND(), 224), CONCAT('note ', id, ' ', SHA2(id, 256)), NOW(6) FROM {table}"
        ));
    }
}

/// The pipe, within the source's container, over TCP to the target.
fn pipe(source: &Endpoint, target: &Endpoint) {
    let script = format!(
        "set -o pipefail; MYSQL_PWD=pw mysqldump -h {} -u {} --single-transaction --quick --databases {SCHEMA} \
         --set-gtid-purged=OFF | MYSQL_PWD=pw mysql -h {} -u {}",
        source.host, source.user, target.host, target.user
    );
    let container = pair::docker(&["ps", "--filter", "label=dev.cutover.test=pair", "--format", "{{.Names}}"]);
    let container = container.lines().find(|name| name.contains("bench-copy") && name.ends_with("-source")).unwrap();
    let output = Command::new("docker").args(["exec", container, "bash", "-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn count(server: &Endpoint) -> u64 {
    let mut session = Session::open(server).await.unwrap();
    session.one("count", &format!("SELECT COUNT(*) FROM {SCHEMA}.orders")).await.unwrap()
}
