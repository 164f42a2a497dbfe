//! The old box, a managed MySQL and a new side of a test's own, all real: Rev1's image as it is, the
//! platform's image, and Rev1's image again with only its NGINX and backend, which use the managed MySQL.

#![expect(clippy::unused_self, reason = "asked of the two sides, though the name of a container is enough")]
#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::process::Command;
use std::time::{Duration, Instant};

pub const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub struct OldAndNew {
    network: String,
    pub old: String,
    pub managed: String,
    pub new: String,
    pub secrets: tempfile::TempDir,
}

pub fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The lab's newest image of a part, which is tagged by a hash; `cutover lab up` makes it.
fn image(part: &str) -> String {
    if let Ok(named) = std::env::var(format!("CUTOVER_TEST_{}_IMAGE", part.to_uppercase())) {
        return named;
    }
    let repository = format!("cutover-lab/{}", if part == "managed" { "managed-mysql" } else { part });
    let found = docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", &repository]);
    found.lines().next().unwrap_or_else(|| panic!("no image {repository}: `cutover lab up` makes it")).to_owned()
}

pub fn address(container: &str) -> String {
    docker(&["inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container])
}

impl OldAndNew {
    pub fn start(test: &str) -> Self {
        Self::start_with(test, 200)
    }

    /// With so many rows of history.
    pub fn start_with(test: &str, rows: u32) -> Self {
        let name = |part: &str| format!("x-cutover-test-{test}-{}-{part}", std::process::id());
        let secrets = tempfile::tempdir().unwrap();
        for secret in ["rev1-app", "rev1-admin", "managed-admin", "word"] {
            std::fs::write(secrets.path().join(secret), "pw").unwrap();
        }
        let made = rcgen::generate_simple_self_signed(["app.lab.example".to_owned()]).unwrap();
        std::fs::write(secrets.path().join("app.crt"), made.cert.pem()).unwrap();
        std::fs::write(secrets.path().join("app.key"), made.signing_key.serialize_pem()).unwrap();
        let world =
            Self { network: name("net"), old: name("old"), managed: name("managed"), new: name("new"), secrets };
        docker(&["network", "create", &world.network]);
        world.run(&world.managed, &image("managed"), &[]);
        let seed = format!("/opt/rev1/seed.sh {rows} && exec tini -g -- /opt/rev1/entry.sh");
        world.run(&world.old, &image("rev1"), &["bash", "-c", &seed]);
        let new = format!(
            "sed -i -e 's#@127.0.0.1:3306/shop?ssl=off#@{}:3306/shop?ssl=required#' -e 's#mysql://shop:#mysql://shop_app:#' \
             -e 's#APP_BUILD=rev1#APP_BUILD={DIGEST}#' -e 's#RUN_JOBS=1#RUN_JOBS=0#' /opt/rev1/backend.sh; \
             mkdir -p /var/lib/rev1/stopped; touch /var/lib/rev1/stopped/mysql; exec tini -g -- /opt/rev1/entry.sh",
            address(&world.managed)
        );
        world.run(&world.new, &image("rev1"), &["bash", "-c", &new]);
        world.until(&world.old, "rev1-ctl healthy");
        world.until(
            &world.managed,
            "test -e /var/lib/mysql/platform-ready && mysql -h127.0.0.1 -uadmin -ppw -e 'SELECT 1'",
        );
        world.until(&world.new, "rev1-ctl healthy");
        world
    }

    fn run(&self, name: &str, image: &str, command: &[&str]) {
        let mount = format!("{}:/etc/cutover:ro", self.secrets.path().display());
        let mut arguments = vec!["run", "-d", "--name", name, "--network", &self.network, "-v", &mount];
        arguments.extend(["--label", "dev.cutover.test=old-and-new"]);
        if let Some((first, rest)) = command.split_first() {
            arguments.extend(["--entrypoint", first, image]);
            arguments.extend(rest);
        } else {
            arguments.push(image);
        }
        docker(&arguments);
    }

    pub fn until(&self, container: &str, what: &str) {
        let deadline = Instant::now() + Duration::from_mins(5);
        while !Command::new("docker").args(["exec", container, "sh", "-c", what]).output().unwrap().status.success() {
            assert!(
                Instant::now() < deadline,
                "{what} in {container}: {}",
                docker(&["logs", "--tail", "9", container])
            );
            std::thread::sleep(Duration::from_millis(250));
        }
    }

    pub fn sh(&self, container: &str, script: &str) -> String {
        docker(&["exec", container, "bash", "-c", script])
    }

    /// Copies the shop into the managed MySQL, while the old backend stands.
    pub fn load(&self) {
        self.sh(&self.old, "rev1-ctl stop backend");
        let dump = Command::new("sh")
            .arg("-c")
            .arg(format!(
                "docker exec {} mysqldump --single-transaction --set-gtid-purged=OFF --no-tablespaces --triggers --routines --hex-blob --databases shop \
                 | sed -E 's/DEFINER=`[^`]*`@`[^`]*`//; s/^CREATE DATABASE.*$//' \
                 | docker exec -i {} mysql -h127.0.0.1 -uadmin -ppw shop",
                self.old, self.managed
            ))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&dump.stderr);
        assert!(!said.contains("ERROR"), "{said}");
        // mysqldump writes the double -0 as an integer, which has no sign: the one thing that it copies wrongly.
        let sign = "mysql -h127.0.0.1 -uadmin -ppw shop -e \"UPDATE curiosities SET ratio = -0e0 WHERE code = X'00'\"";
        self.sh(&self.managed, sign);
    }
}

impl Drop for OldAndNew {
    fn drop(&mut self) {
        if std::env::var_os("CUTOVER_TEST_KEEP").is_none() {
            let _ = Command::new("docker").args(["rm", "-f", "-v", &self.old, &self.managed, &self.new]).output();
            let _ = Command::new("docker").args(["network", "rm", &self.network]).output();
        }
    }
}
