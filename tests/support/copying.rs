//! The database's steps as a driver has them: the program, a runbook of snapshot, prepare and restore, and two
//! real servers of the test's own. What the servers are is asked by the inventory, not by our own labels.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use cutover::domain::state::{RunState, StepState};
use cutover::domain::{Plan, StepId};
use cutover::lab::inventory::{self, Difference, Inventory, Places};
use cutover::services::mysql::Session;
use serde_json::Value;

use crate::pair::{Pair, SCHEMA, docker};

/// Two servers and a run.
pub struct Copying {
    pub pair: Pair,
    pub directory: tempfile::TempDir,
}

impl Copying {
    /// The source has rows, a view, a routine, a trigger and a foreign key; the target has the application's
    /// account and an empty database, as `deploy` makes them.
    pub fn start(test: &str) -> Self {
        let pair = Pair::start(test);
        pair.as_root_of_source(&format!(
            "USE {SCHEMA}; CREATE TABLE {SCHEMA}.accounts (id INT PRIMARY KEY, name VARCHAR(64) NOT NULL);
             INSERT INTO {SCHEMA}.accounts WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, SHA2(i, 256) FROM n;
             CREATE TABLE {SCHEMA}.orders (id INT PRIMARY KEY, account INT NOT NULL, CONSTRAINT of_account FOREIGN KEY (account) REFERENCES {SCHEMA}.accounts (id));
             INSERT INTO {SCHEMA}.orders SELECT id, id FROM {SCHEMA}.accounts;
             CREATE VIEW {SCHEMA}.open_orders AS SELECT * FROM {SCHEMA}.orders;
             CREATE FUNCTION {SCHEMA}.doubled(n INT) RETURNS INT DETERMINISTIC RETURN 2 * n;
             CREATE TRIGGER {SCHEMA}.named BEFORE INSERT ON {SCHEMA}.accounts FOR EACH ROW SET NEW.name = TRIM(NEW.name);"
        ));
        pair.as_root_of_target(&format!(
            "SET GLOBAL log_bin_trust_function_creators = ON; CREATE DATABASE {SCHEMA};
             CREATE USER shop_app@'%' IDENTIFIED BY 'pw'; GRANT SELECT ON {SCHEMA}.* TO shop_app@'%';"
        ));
        let copying = Self { pair, directory: tempfile::tempdir().unwrap() };
        copying.secret("pw", "pw");
        copying.secret("admin", "pw");
        copying.secret("follower", "pw");
        copying.let_go(true);
        std::fs::write(copying.path("runbook.toml"), copying.runbook()).unwrap();
        copying
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a password where the runbook finds it.
    pub fn secret(&self, name: &str, password: &str) {
        std::fs::write(self.path(name), password).unwrap();
    }

    /// Whether the step after `restore` may end; until then the engine stays up and watches.
    pub fn let_go(&self, let_go: bool) {
        if let_go {
            std::fs::write(self.path("go"), "").unwrap();
        } else {
            std::fs::remove_file(self.path("go")).unwrap();
        }
    }

    /// The run's state directory.
    pub fn state(&self) -> PathBuf {
        self.path(".cutover/copying")
    }

    fn runbook(&self) -> String {
        let (source, target) = (self.pair.source("cutover_admin").host, self.pair.target("admin").host);
        format!(
            r#"
name = "copying"
environment = "test"
[service]
name = "shop"
host = "app.lab.example"
[source]
address = "{source}"
schemas = ["{SCHEMA}"]
application = {{ user = "shop", password = {{ file = "pw" }} }}
[source.mysql]
host = "{source}"
user = "cutover_admin"
password = {{ file = "pw" }}
replication = {{ user = "cutover_repl", password = {{ file = "follower" }} }}
[target]
application = {{ user = "shop_app", password = {{ file = "pw" }} }}
[target.mysql]
host = "{target}"
user = "admin"
password = {{ file = "admin" }}
replication = {{ user = "cutover_back", password = {{ file = "pw" }} }}
[[step]]
id = "snapshot"
action = "mysql.snapshot"
owner = "database"
day = 1
retries = 0
with = {{ scratch_image = "{image}", workers = 2 }}
[[step]]
id = "prepare"
action = "mysql.prepare"
owner = "database"
day = 1
retries = 0
with = {{ binlog_retention_hours = 1000 }}
[[step]]
id = "restore"
action = "mysql.restore"
owner = "database"
day = 2
retries = 0
with = {{ workers = 2, max_lag = "5s" }}
[[step]]
id = "wait"
action = "command"
owner = "database"
day = 3
retries = 0
[step.with]
run = ["sh", "-c", "until [ -e go ]; do sleep 0.1; done; touch gone"]
check = ["test", "-e", "gone"]
undo = ["rm", "-f", "gone"]
"#,
            image = Pair::image()
        )
    }

    fn cutover(&self, arguments: &[&str], crash_at: Option<&str>) -> Output {
        self.command(arguments, crash_at).output().unwrap()
    }

    fn command(&self, arguments: &[&str], crash_at: Option<&str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.args(arguments).arg(self.path("runbook.toml")).stdin(Stdio::null()).env_remove("CUTOVER_CRASH_AT");
        if let Some(point) = crash_at {
            command.env("CUTOVER_CRASH_AT", point);
        }
        command
    }

    /// Drives everything in the background; with [`Self::let_go`] it comes to its end.
    pub fn begin(&self) -> Child {
        let mut command = self.command(&["run", "--yes", "--json"], None);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Waits until the engine has seen what `restore` left running in that health, and gives its words.
    pub async fn until_seen(&self, healthy: bool) -> String {
        let deadline = Instant::now() + Duration::from_mins(2);
        loop {
            // Before the engine has made its journal there is none to look at.
            let seen = cutover::engine::look(&self.state()).ok();
            let seen = seen.and_then(|state| state.step(&StepId::from("restore")).companion);
            if let Some((_, detail)) = seen.clone().filter(|(now, _)| *now == healthy) {
                return detail;
            }
            assert!(Instant::now() < deadline, "not healthy={healthy} in time: {seen:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until the target has every row of the source.
    pub async fn until_equal(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        let (mut source, mut target) = (self.pair.source_admin().await, self.pair.target_admin().await);
        loop {
            let (there, here) = (Self::rows(&mut target).await, Self::rows(&mut source).await);
            if there == here {
                return;
            }
            assert!(Instant::now() < deadline, "{there:?} on the target, {here:?} on the source");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Drives everything, to its end.
    pub fn run(&self) {
        let output = self.try_run();
        assert!(output.status.success(), "{}", told(&output));
    }

    pub fn try_run(&self) -> Output {
        self.cutover(&["run", "--yes", "--json"], None)
    }

    /// Takes back everything after `step`; all of it without one.
    pub fn back(&self, step: Option<&str>) {
        let output = self.try_back(step);
        assert!(output.status.success(), "{}", told(&output));
    }

    pub fn try_back(&self, step: Option<&str>) -> Output {
        self.cutover(&back_to(step), None)
    }

    /// The program dies there.
    pub fn dies(&self, forward: bool, point: &str) {
        let arguments = if forward { vec!["run", "--yes", "--json"] } else { back_to(None) };
        let output = self.cutover(&arguments, Some(point));
        assert_eq!(output.status.signal(), Some(9), "it was to die at {point}: {}", told(&output));
    }

    /// Where the run stands.
    pub fn stands(&self) -> RunState {
        cutover::engine::look(&self.state()).unwrap()
    }

    pub fn step(&self, step: &str) -> StepState {
        self.stands().step(&StepId::from(step))
    }

    /// Both servers, as they tell everything.
    pub async fn servers(&self) -> Inventory {
        let runbook = toml::from_str(&self.runbook()).unwrap();
        let plan = Plan::new(runbook, self.path("runbook.toml"));
        let places = Places::of(&plan, self.directory.path(), &self.state());
        let mut all = Box::pin(inventory::take(&places)).await;
        assert!(!all.unanswered.keys().any(|service| service.ends_with("-mysql")), "{:?}", all.unanswered);
        all.unanswered.clear();
        all.things.retain(|resource, _| resource.service().ends_with("-mysql"));
        all
    }

    /// A fingerprint of every row on a server.
    pub async fn rows(session: &mut Session) -> Vec<String> {
        let mut found = Vec::new();
        for table in ["accounts", "orders", "writes"] {
            let sql = format!("CHECKSUM TABLE {SCHEMA}.{table}");
            let (name, sum): (String, Option<u64>) = session.one("checksum", &sql).await.unwrap();
            found.push(format!("{name} {sum:?}"));
        }
        found
    }
}

fn back_to(step: Option<&str>) -> Vec<&str> {
    let mut arguments = vec!["rollback", "--yes", "--json"];
    match step {
        Some(step) => arguments.extend(["--to", step]),
        None => arguments.push("--all"),
    }
    arguments
}

/// Everything that the program said.
pub fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Why it ended, as its summary says.
pub fn error(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    let summary: Value = serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap();
    assert!(summary["error"]["next"].is_string(), "a way out is named: {}", told(output));
    summary["error"].to_string()
}

/// Nothing of the servers is another.
pub fn same(before: &Inventory, after: &Inventory, what: &str) {
    let difference = Difference::between(before, after);
    assert!(difference.changed.is_empty(), "{what}: {:#?}", difference.changed);
}

/// No throw-away server of the run is left.
pub fn no_scratch(run: &Copying) {
    let name = format!("name=cutover-scratch-{}-", run.stands().run.unwrap());
    assert_eq!(docker(&["ps", "-a", "--format", "{{.Names}}", "--filter", &name]), "");
}
