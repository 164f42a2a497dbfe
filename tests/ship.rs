//! `containerise` and `push` on the real engine: an image built, tried against a real MySQL server, pushed
//! to a real registry, and all of it done once only.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod support {
    pub mod drive;
    pub mod registry;
}

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use cutover::actions::Outputs;
use cutover::domain::failure::FailureKind;
use cutover::domain::preview::Verb;
use cutover::services::docker::{ContainerSpec, Context, Engine, Port};
use cutover::services::mysql::snapshot::{Manifest, Position};
use cutover::services::mysql::{Endpoint, Session, Tls, schema};
use support::drive::{Drive, all_hold};
use support::registry::{BASE, Own, PASSWORD};

/// An image with a MySQL server: the lab's own, which `cutover lab up` makes.
fn mysql_image() -> String {
    std::env::var("CUTOVER_TEST_MYSQL_IMAGE").unwrap_or_else(|_| "cutover-lab/mysql:9.7".to_owned())
}

/// A backend of a few lines: it lives at once and is ready when its table is there.
const BACKEND: &str = r#"
import os, re, subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
user, word, host, schema = re.match(r"mysql://(.*?):(.*?)@(.*?):3306/(\w+)", os.environ["DATABASE_URL"]).groups()
def ready():
    command = ["mariadb", "--skip-ssl", "-h", host, "-u", user, schema, "-e", "SELECT COUNT(*) FROM tenants"]
    return subprocess.run(command, env={**os.environ, "MYSQL_PWD": word}, capture_output=True).returncode == 0
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" or ready() else 503)
        self.end_headers()
HTTPServer(("", 8080), Handler).serve_forever()
"#;

fn name(part: &str) -> String {
    format!("x-cutover-test-ship-{part}-{}", std::process::id())
}

/// A source with one schema, as Rev1 would be; where it listens.
async fn source(engine: &Engine, snapshot: &Path) -> u16 {
    let start = "mkdir -p /scratch && chown mysql /scratch && mysqld --no-defaults --initialize-insecure --user=mysql --datadir=/scratch/data && \
                 exec mysqld --no-defaults --user=mysql --datadir=/scratch/data --socket=/scratch/s.sock --mysqlx=OFF --bind-address=0.0.0.0 --init-file=/init.sql";
    let init = "CREATE DATABASE shop; CREATE TABLE shop.tenants (id INT PRIMARY KEY, name VARCHAR(20));\n\
                CREATE TABLE shop.orders (id INT PRIMARY KEY, tenant INT, FOREIGN KEY (tenant) REFERENCES tenants (id)); CREATE VIEW shop.names AS SELECT name FROM shop.tenants;\n\
                CREATE USER boss@'%' IDENTIFIED BY 'boss'; GRANT ALL ON *.* TO boss@'%';\n";
    let spec = ContainerSpec {
        entrypoint: Some(["sh", "-c", start].map(str::to_owned).to_vec()),
        command: Some(Vec::new()),
        tmpfs: vec![("/scratch".to_owned(), "rw,size=1g".to_owned())],
        ports: vec![Port::loopback(3306, 0)],
        ..ContainerSpec::new(name("source"), mysql_image())
    };
    engine.create(&spec).await.expect("the lab's MySQL image: `cutover lab up` makes it");
    engine.copy_in(&spec.name, "/", Context::default().with("init.sql", init, false)).await.unwrap();
    engine.start(&spec.name).await.unwrap();
    let port = engine.container(&spec.name).await.unwrap().unwrap().ports[0].1;
    let endpoint = Endpoint {
        label: "source".into(),
        host: "127.0.0.1".into(),
        port,
        user: "boss".into(),
        password: "boss".into(),
        database: None,
        tls: Tls::Required { ca: None },
        identity: None,
    };
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut session = loop {
        match Session::open(&endpoint).await {
            Ok(session) => break session,
            Err(error) => assert!(Instant::now() < deadline, "the source did not come up: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    };
    // What the snapshot of its schema would hold; its rows are of no use here.
    let manifest = Manifest {
        format: 1,
        id: "test".into(),
        taken: "2026-01-01T00:00:00Z".into(),
        server_uuid: String::new(),
        server_version: String::new(),
        position: Position::default(),
        held_milliseconds: 0,
        schemas: schema::read_schemas(&mut session, &["shop".to_owned()]).await.unwrap(),
        tables: Vec::new(),
        chunks: Vec::new(),
    };
    manifest.write(snapshot).unwrap();
    port
}

fn runbook(registry: u16, mysql: u16, beside: &Path) -> String {
    fs::create_dir(beside.join("backend")).unwrap();
    fs::write(beside.join("backend/app.py"), BACKEND).unwrap();
    fs::write(beside.join("backend/apt-packages.txt"), "# what it needs\npython3\nmariadb-client\n").unwrap();
    fs::write(beside.join("boss"), "boss\n").unwrap();
    fs::write(beside.join("registry"), PASSWORD).unwrap();
    format!(
        r#"
name = "test"
environment = "lab"
[service]
name = "shop"
host = "app.lab.example"
[registry]
push = "127.0.0.1:{registry}"
pull = "registry.lab:5000"
repository = "shop/backend"
account = {{ user = "tester", password = {{ file = "registry" }} }}
[source]
address = "127.0.0.1"
build = "rev1"
schemas = ["shop"]
application = {{ user = "shop", password = {{ file = "boss" }} }}
[source.mysql]
host = "127.0.0.1"
port = {mysql}
user = "boss"
password = {{ file = "boss" }}
replication = {{ user = "repl", password = {{ file = "boss" }} }}
[[step]]
id = "containerise"
action = "docker.build"
owner = "backend"
day = 2
[step.with]
context = "backend"
template = "debian"
base = "{BASE}"
port = 8080
live = "/healthz"
ready = "/readyz"
database_env = "DATABASE_URL"
scratch_image = "{}"
snapshot = "snapshot"
[[step]]
id = "push"
action = "registry.push"
owner = "backend"
day = 2
with = {{ image = "${{steps.containerise.image}}", tag = "v1" }}
"#,
        mysql_image()
    )
}

#[tokio::test]
async fn the_backend_is_built_tried_and_pushed_once_and_known_by_its_digest() {
    let own = Own::start(&name("registry"), &[]).await;
    let (engine, registry) = (own.engine.clone(), own.port);
    let beside = tempfile::tempdir().unwrap();
    let mysql = source(&engine, beside.path()).await;
    let run = format!("test-{}", std::process::id());
    let text = runbook(registry, mysql, beside.path());
    let drive = Drive::new(&run, &text, beside.path());

    let snapshot = || Outputs::from([("directory".to_owned(), beside.path().to_str().unwrap().into())]);
    drive.given("snapshot", snapshot());
    let preview = drive.preview("containerise").await.unwrap();
    assert_eq!(preview.changes[0].verb, Verb::Create);
    assert!(
        preview.changes[0].detail.iter().any(|line| line.starts_with("base sha256:") || line.contains('@')),
        "{preview:#?}"
    );
    let built = drive.apply("containerise").await.unwrap();
    assert_eq!(built["image"], format!("cutover/shop:{run}"));
    let checks = drive.verify("containerise").await.unwrap();
    all_hold(&checks);
    assert!(checks.iter().any(|check| check.fact.contains("schema of 2 tables")), "{checks:#?}");
    assert!(drive.memory.text().find("boss@").is_none(), "no secret in the journal");
    let again = drive.preview("containerise").await.unwrap();
    assert_eq!(again.changes[0].verb, Verb::Keep);
    assert_eq!(preview.settings, again.settings);

    assert_eq!(drive.preview("push").await.unwrap().changes[0].verb, Verb::Create);
    let pushed = drive.apply("push").await.unwrap();
    let digest = pushed["digest"].as_str().unwrap();
    assert_eq!(pushed["image"], format!("registry.lab:5000/shop/backend@{digest}"));
    all_hold(&drive.verify("push").await.unwrap());
    assert_eq!(drive.preview("push").await.unwrap().changes[0].verb, Verb::Keep);

    // Another run's image is not pushed over it: tags are never moved.
    fs::write(beside.path().join("backend/more.py"), "pass").unwrap();
    let other = Drive::new(&format!("{run}-b"), &text, beside.path());
    other.apply("containerise").await.unwrap();
    let refused = other.preview("push").await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Refused, "{refused:?}");
    assert_eq!(other.apply("push").await.unwrap_err().kind, FailureKind::Refused);

    own.remove().await;
    engine.remove_container(&name("source")).await.unwrap();
    let pushed = format!("127.0.0.1:{registry}/shop/backend:v1");
    for image in [format!("cutover/shop:{run}"), format!("cutover/shop:{run}-b"), pushed] {
        engine.remove_image(&image).await.unwrap();
    }
    let left = engine.containers_labelled(&[("cutover.dev/run", &run)]).await.unwrap();
    assert!(left.is_empty(), "the trial left {left:?}");
}
