//! Two real MySQL servers of a test's own: one as servers are found in the wild, one as managed ones are.
//!
//! The image is the lab's (`CUTOVER_TEST_MYSQL_IMAGE` names another). Dropping the pair removes both.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cutover::services::mysql::{Endpoint, Session, Tls};

pub const SCHEMA: &str = "shop_eu";

pub struct Pair {
    network: String,
    source: String,
    target: String,
}

pub fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("docker is installed");
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn root(container: &str, sql: &str) -> Result<(), String> {
    use std::io::Write as _;
    let mut child = Command::new("docker")
        .args(["exec", "-i", container, "mysql"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("docker is installed");
    let written = child.stdin.take().expect("piped").write_all(sql.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    written.map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn image() -> String {
    let newest = || {
        let found = docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", "cutover-lab/mysql"]);
        found.lines().next().expect("`cutover lab up` makes the image cutover-lab/mysql").to_owned()
    };
    std::env::var("CUTOVER_TEST_MYSQL_IMAGE").unwrap_or_else(|_| newest())
}

impl Pair {
    /// Starts both, and makes accounts and a schema with a table on the source.
    pub fn start(test: &str) -> Self {
        let pair = Self::servers(test, true);
        root(&pair.target, include_str!("platform.sql")).expect("the platform's part");
        pair
    }

    /// Starts the source only.
    pub fn source_alone(test: &str) -> Self {
        Self::servers(test, false)
    }

    fn servers(test: &str, both: bool) -> Self {
        let image = image();
        let name = |part: &str| format!("x-cutover-test-{test}-{}-{part}", std::process::id());
        let pair = Self { network: name("net"), source: name("source"), target: name("target") };
        docker(&["network", "create", &pair.network]);
        let found = "gtid_mode=OFF\nenforce_gtid_consistency=OFF\nserver_id=1\nbind_address=0.0.0.0\nmysqlx=0\ninnodb_redo_log_capacity=64M\n";
        let managed = "gtid_mode=ON\nenforce_gtid_consistency=ON\nserver_id=2\nbind_address=0.0.0.0\nmysqlx=0\n\
                       performance_schema=OFF\nreplicate-wild-ignore-table=mysql.%\ninnodb_redo_log_capacity=64M\n";
        let servers = [(&pair.source, found), (&pair.target, managed)];
        let servers = &servers[..if both { 2 } else { 1 }];
        for (container, settings) in servers {
            let script = format!(
                "mkdir -p /run/mysqld; chown mysql /run/mysqld; printf '[mysqld]\\n{}' > /etc/mysql/mysql.conf.d/zz.cnf; \
                 [ -d /var/lib/mysql/mysql ] || mysqld --initialize-insecure --user=mysql; exec mysqld --user=mysql",
                settings.replace('\n', "\\n").replace('%', "%%")
            );
            let label = "dev.cutover.test=pair";
            docker(&[
                "run",
                "-d",
                "--name",
                container,
                "--network",
                &pair.network,
                "--label",
                label,
                "--entrypoint",
                "sh",
                &image,
                "-c",
                &script,
            ]);
        }
        for (container, _) in servers {
            Self::await_up(container);
        }
        pair.as_root_of_source(&format!(
            "CREATE DATABASE {SCHEMA}; CREATE TABLE {SCHEMA}.writes (id BIGINT AUTO_INCREMENT PRIMARY KEY, attempt CHAR(36) NOT NULL);
             CREATE USER shop@'%' IDENTIFIED BY 'pw'; GRANT SELECT, INSERT, UPDATE, DELETE ON `shop\\_eu`.* TO shop@'%';
             CREATE USER cutover_admin@'%' IDENTIFIED BY 'pw'; GRANT ALL ON *.* TO cutover_admin@'%' WITH GRANT OPTION;"
        ));
        pair
    }

    /// The image that both run.
    pub fn image() -> String {
        image()
    }

    fn await_up(container: &str) {
        let deadline = Instant::now() + Duration::from_secs(90);
        let up = || Command::new("docker").args(["exec", container, "mysql", "-h127.0.0.1", "-e", "SELECT 1"]).output();
        // Root without a password is let in over TCP only by a server that is up for good.
        while !up().is_ok_and(|output| output.status.success()) {
            assert!(
                Instant::now() < deadline,
                "{container} does not come up: {}",
                docker(&["logs", "--tail", "5", container])
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Runs statements as root of the source, past any fence that spares root.
    pub fn as_root_of_source(&self, sql: &str) {
        root(&self.source, sql).expect("root of the source");
    }

    /// The same where the server may refuse: what it said then.
    pub fn try_as_root_of_source(&self, sql: &str) -> Result<(), String> {
        root(&self.source, sql)
    }

    /// Runs statements as root of the target: what a platform's parameter group would do.
    pub fn as_root_of_target(&self, sql: &str) {
        root(&self.target, sql).expect("root of the target");
    }

    /// Restarts the source's server and waits until it is up.
    pub fn restart_source(&self) {
        docker(&["restart", "-t", "30", &self.source]);
        Self::await_up(&self.source);
    }

    fn endpoint(container: &str, name: &str, user: &str) -> Endpoint {
        Endpoint {
            label: name.to_owned(),
            host: docker(&["inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container]),
            port: 3306,
            user: user.to_owned(),
            password: "pw".into(),
            database: None,
            tls: Tls::Required { ca: None },
            identity: None,
        }
    }

    pub fn source(&self, user: &str) -> Endpoint {
        Self::endpoint(&self.source, "source MySQL", user)
    }

    pub fn target(&self, user: &str) -> Endpoint {
        Self::endpoint(&self.target, "target MySQL", user)
    }

    pub async fn source_admin(&self) -> Session {
        Session::open(&self.source("cutover_admin")).await.expect("the source's admin")
    }

    pub async fn target_admin(&self) -> Session {
        Session::open(&self.target("admin")).await.expect("the target's admin")
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "-f", "-v", &self.source, &self.target]).output();
        let _ = Command::new("docker").args(["network", "rm", &self.network]).output();
    }
}
