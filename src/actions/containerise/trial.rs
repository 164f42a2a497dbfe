//! The trial: the image started for real, against a throw-away MySQL server, on a network of its own.
//!
//! First with an empty database (it has to live, and must not say that it is ready), then with the
//! snapshot's schema (it has to become ready). Everything is one scratch object, and gone afterwards.

use std::time::{Duration, Instant};

use rand::Rng as _;
use rand::distr::Alphanumeric;

use super::schema;
use crate::actions::{Checking, Reading, Result};
use crate::domain::runbook::inputs::Containerise;
use crate::domain::{Check, Failure};
use crate::services::docker::{ContainerSpec, Context, Engine, ExecOptions, Labels, Port};
use crate::services::kubernetes::{MANAGED_BY, MANAGER, RUN};

/// The kind of scratch object that a trial is.
pub(super) const SCRATCH: &str = "trial";
/// How long the scratch server may take to make its data directory and start.
const SERVER: Duration = Duration::from_secs(90);
/// How long the backend may take to live, and then to be ready.
const BACKEND: Duration = Duration::from_mins(1);
/// How often it is asked.
const LOOK: Duration = Duration::from_millis(250);

/// Makes a server in memory on any image that has `mysqld`, whatever its entry point expects.
const START: &str = "mkdir -p /scratch/data && chown -R mysql /scratch && \
     mysqld --no-defaults --initialize-insecure --user=mysql --datadir=/scratch/data && \
     exec mysqld --no-defaults --user=mysql --datadir=/scratch/data --socket=/scratch/mysql.sock \
     --pid-file=/scratch/mysqld.pid --mysqlx=OFF --skip-log-bin --bind-address=0.0.0.0 --init-file=/init.sql";

/// The names of the trial's parts.
struct Parts {
    network: String,
    server: String,
    backend: String,
    labels: Labels,
}

impl Parts {
    fn of(cx: &Reading) -> Self {
        let name = format!("cutover-trial-{}", cx.run());
        let labels = [(MANAGED_BY.to_owned(), MANAGER.to_owned()), (RUN.to_owned(), cx.run().to_string())];
        Self {
            server: format!("{name}-mysql"),
            backend: format!("{name}-backend"),
            labels: Labels::from(labels),
            network: name,
        }
    }
}

/// Starts the image and looks at what it does.
pub(super) async fn run(inputs: &Containerise, cx: &Checking, engine: &Engine, image: &str) -> Result<Vec<Check>> {
    let parts = Parts::of(cx);
    cx.scratch(SCRATCH, &parts.network, || remove(cx, engine), trial(inputs, cx, engine, image, &parts)).await
}

/// Removes whatever of a trial is there.
pub(super) async fn remove(cx: &Reading, engine: &Engine) -> Result<()> {
    let parts = Parts::of(cx);
    engine.remove_container(&parts.backend).await?;
    engine.remove_container(&parts.server).await?;
    engine.remove_network(&parts.network).await?;
    Ok(())
}

async fn trial(
    inputs: &Containerise,
    cx: &Checking,
    engine: &Engine,
    image: &str,
    parts: &Parts,
) -> Result<Vec<Check>> {
    let schemas = schema::of_snapshot(inputs, cx)?;
    engine.ensure_network(&parts.network, None, &parts.labels).await?;
    let password = start_server(inputs, engine, parts, &schemas.databases).await?;
    let address = address(engine, parts, &parts.server).await?;

    let url = format!("mysql://trial:{password}@{address}:3306/{}", schemas.first);
    let mut env = vec![format!("{}={url}", inputs.database_env)];
    env.extend(inputs.env.iter().map(|(key, value)| format!("{key}={value}")));
    let spec = ContainerSpec {
        env,
        labels: parts.labels.clone(),
        network: Some(parts.network.clone()),
        ports: vec![Port::loopback(inputs.port, 0)],
        ..ContainerSpec::new(&parts.backend, image)
    };
    engine.run(&spec).await?;
    let started = Instant::now();
    let base = base(engine, parts).await?;
    let mut checks = Vec::new();

    let live = until(engine, parts, &format!("{base}{}", inputs.live), 200, BACKEND).await?;
    checks.push(live.check(&format!("the image answers {} with 200", inputs.live), started));
    if !live.reached {
        return Ok(checks);
    }
    let uid = engine.exec_ok(&parts.backend, &["id", "-u"]).await.unwrap_or_default();
    if !uid.trim().is_empty() {
        checks.push(Check::of(uid.trim() != "0", "the running program is not root", format!("uid {}", uid.trim())));
    }
    let unready = status(&format!("{base}{}", inputs.ready)).await;
    checks.push(Check::of(
        unready != Some(200),
        format!("{} does not say ready without the tables", inputs.ready),
        unready.map_or("no answer".to_owned(), |status| format!("status {status}")),
    ));
    load(engine, parts, &schemas.tables, &[]).await?;
    // A view that looks at a view fails until that one is there, and none of them makes a backend ready.
    load(engine, parts, &schemas.views, &["--force"]).await.ok();
    let began = Instant::now();
    let ready = until(engine, parts, &format!("{base}{}", inputs.ready), 200, BACKEND).await?;
    checks.push(
        ready.check(
            &format!("{} says ready with the snapshot's schema of {} tables", inputs.ready, schemas.count),
            began,
        ),
    );
    Ok(checks)
}

/// Starts the scratch server with empty databases and an account for them; that account's password.
async fn start_server(inputs: &Containerise, engine: &Engine, parts: &Parts, databases: &str) -> Result<String> {
    if engine.image(&inputs.scratch_image).await?.is_none() {
        return Err(Failure::permanent(format!("the engine has no image {}", inputs.scratch_image))
            .next(format!("docker pull {}: the step itself does, and an adopted one has not", inputs.scratch_image)));
    }
    let password: String = rand::rng().sample_iter(Alphanumeric).take(24).map(char::from).collect();
    let init =
        format!("{databases}CREATE USER trial@'%' IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO trial@'%';\n");
    let spec = ContainerSpec {
        entrypoint: Some(["sh", "-c", START].map(str::to_owned).to_vec()),
        command: Some(Vec::new()),
        user: Some("0".to_owned()),
        labels: parts.labels.clone(),
        network: Some(parts.network.clone()),
        tmpfs: vec![("/scratch".to_owned(), "rw,size=2g".to_owned())],
        ..ContainerSpec::new(&parts.server, &inputs.scratch_image)
    };
    engine.create(&spec).await?;
    engine.copy_in(&parts.server, "/", Context::default().with("init.sql", init, false)).await?;
    engine.start(&parts.server).await?;
    let deadline = Instant::now() + SERVER;
    // A login over TCP as the account also warms the server's password cache: a client without TLS could
    // not be let in by `caching_sha2_password` otherwise.
    let login = ["sh", "-c", "mysql --no-defaults --protocol=tcp -h127.0.0.1 -utrial -e 'SELECT 1'"];
    loop {
        let options = ExecOptions {
            command: login.map(str::to_owned).to_vec(),
            env: vec![format!("MYSQL_PWD={password}")],
            ..ExecOptions::default()
        };
        let tried = engine.exec(&parts.server, options).await;
        if tried.as_ref().is_ok_and(crate::services::docker::Output::success) {
            return Ok(password);
        }
        let running = engine.container(&parts.server).await?.is_some_and(|container| container.running);
        if !running || Instant::now() > deadline {
            let (out, err) = engine.logs(&parts.server, Some(15)).await.unwrap_or_default();
            return Err(Failure::transient(format!("start a scratch MySQL server from {}", inputs.scratch_image))
                .because(if running { format!("not up within {} s", SERVER.as_secs()) } else { "it ended".to_owned() })
                .because(format!("its last lines:\n{out}{err}")));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Gives the scratch server some statements.
async fn load(engine: &Engine, parts: &Parts, sql: &str, more: &[&str]) -> Result<()> {
    let client = ["mysql", "--no-defaults", "--socket=/scratch/mysql.sock", "-uroot"];
    let options = ExecOptions {
        command: client.iter().chain(more).map(|&word| word.to_owned()).collect(),
        input: Some(sql.as_bytes().to_vec()),
        ..ExecOptions::default()
    };
    let output = engine.exec(&parts.server, options).await?;
    if output.success() {
        return Ok(());
    }
    Err(Failure::permanent("load the snapshot's schema into the scratch server")
        .because(output.stderr.trim().to_owned()))
}

async fn address(engine: &Engine, parts: &Parts, container: &str) -> Result<String> {
    let found = engine.container(container).await?;
    found
        .and_then(|container| container.addresses.get(&parts.network).cloned())
        .ok_or_else(|| Failure::transient(format!("find the address of {container}")))
}

/// Where the backend is reached from here: the port that the engine published on its loopback.
async fn base(engine: &Engine, parts: &Parts) -> Result<String> {
    let found = engine.container(&parts.backend).await?;
    let port = found.and_then(|container| container.ports.first().map(|(_, port)| *port));
    if let Some(port) = port {
        return Ok(format!("http://127.0.0.1:{port}"));
    }
    let (out, err) = engine.logs(&parts.backend, Some(20)).await.unwrap_or_default();
    Err(Failure::permanent("start the image").because(format!("it ended at once; its last lines:\n{out}{err}")))
}

/// What became of a wait.
struct Waited {
    reached: bool,
    last: Option<u16>,
    log: String,
}

impl Waited {
    fn check(&self, fact: &str, since: Instant) -> Check {
        if self.reached {
            return Check::passed(fact, format!("after {:.1} s", since.elapsed().as_secs_f64()));
        }
        let last = self.last.map_or("no answer".to_owned(), |status| format!("status {status}"));
        Check::failed(fact, format!("{last}; the container's last lines:\n{}", self.log))
    }
}

/// Asks until `url` answers `wanted`, the container ends, or the time is over.
async fn until(engine: &Engine, parts: &Parts, url: &str, wanted: u16, within: Duration) -> Result<Waited> {
    let deadline = Instant::now() + within;
    loop {
        let last = status(url).await;
        if last == Some(wanted) {
            return Ok(Waited { reached: true, last, log: String::new() });
        }
        let running = engine.container(&parts.backend).await?.is_some_and(|container| container.running);
        if !running || Instant::now() > deadline {
            let (out, err) = engine.logs(&parts.backend, Some(20)).await.unwrap_or_default();
            return Ok(Waited { reached: false, last, log: format!("{out}{err}") });
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn status(url: &str) -> Option<u16> {
    crate::services::tls::ready();
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3)).build().ok()?;
    Some(client.get(url).send().await.ok()?.status().as_u16())
}
