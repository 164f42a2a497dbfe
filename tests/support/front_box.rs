//! A box with Rev1's own NGINX and front, reached by `docker exec` and by ssh; both sides behind it are
//! services of the test's own.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use cutover::services::docker::Engine;
use cutover::services::front::{Front, Transport};

use crate::shop::{Mood, Shop, door};

pub const HOST: &str = "app.lab.example";
const IMAGE: &str = "cutover-test/front:1";
static BUILT: Once = Once::new();
const RECIPE: &str = include_str!("front.Dockerfile");

/// The box, what stands behind it, and the key that opens it.
pub struct FrontBox {
    pub name: String,
    pub address: String,
    pub old: Shop,
    pub new: Shop,
    pub new_https: Shop,
    /// The host's address as the box sees it.
    gateway: String,
    keys: tempfile::TempDir,
}

pub fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn address(container: &str) -> String {
    docker(&["inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container])
}

impl FrontBox {
    pub async fn start(test: &str) -> Self {
        BUILT.call_once(build);
        let keys = tempfile::tempdir().unwrap();
        cutover::services::tls::ready();
        cutover::lab::tls::ensure(keys.path()).unwrap();
        let file = keys.path().join("key");
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status();
        assert!(made.expect("openssh-client is installed").success());

        let anywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let old = Shop::open_at(anywhere, Mood::Well).await;
        let new = Shop::open_at(anywhere, Mood::Moved).await;
        let new_https = Shop::open_https([0, 0, 0, 0], Mood::Moved, door(keys.path())).await;
        let name = format!("x-cutover-test-front-{test}-{}", std::process::id());
        // A network of its own: a fresh engine's default one does not tell its gateway.
        docker(&["network", "create", &name]);
        let gateway = docker(&["network", "inspect", &name, "-f", "{{(index .IPAM.Config 0).Gateway}}"]);
        let side = format!("OLD={gateway}:{}", old.address.port());
        docker(&[
            "create",
            "--name",
            &name,
            "--network",
            &name,
            "--label",
            "dev.cutover.test=front",
            "-e",
            &side,
            IMAGE,
        ]);
        for (from, to) in [("app.crt", "app.crt"), ("app.key", "app.key"), ("key.pub", "authorized_keys")] {
            docker(&["cp", &keys.path().join(from).display().to_string(), &format!("{name}:/opt/{to}")]);
        }
        docker(&["start", &name]);
        let script = "mkdir -p /etc/cutover && cp /opt/app.crt /opt/app.key /etc/cutover/ && \
                      install -D -o driver -m 600 /opt/authorized_keys /home/driver/.ssh/authorized_keys && \
                      chown driver /home/driver/.ssh";
        docker(&["exec", &name, "sh", "-c", script]);
        let address = address(&name);
        let front = Self { name, address, old, new, new_https, gateway, keys };
        front.until_it_answers().await;
        front
    }

    /// By `docker exec`.
    pub async fn inside(&self) -> Front {
        let engine = Engine::connect(None).await.unwrap();
        Front::over(Transport::Container(Box::new(engine), self.name.clone()))
    }

    /// By ssh, as somebody who may run this one program as root.
    pub fn by_ssh(&self) -> Front {
        Front::over(self.ssh())
    }

    pub fn ssh(&self) -> Transport {
        let key = self.keys.path().join("key").display().to_string();
        let who = format!("driver@{}", self.address);
        let mut command: Vec<&str> = vec!["ssh", "-F", "none", "-i", &key];
        for option in ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"] {
            command.extend(["-o", option]);
        }
        command.extend([who.as_str(), "sudo", "front-switch"]);
        Transport::Command(command.into_iter().map(str::to_owned).collect())
    }

    /// Where the new side is, as the box sees it: plain HTTP and HTTPS.
    pub fn new_side(&self) -> (String, String) {
        let at = |shop: &Shop| format!("{}:{}", self.gateway, shop.address.port());
        (at(&self.new), at(&self.new_https))
    }

    /// A client that finds the box under the service's name and trusts its certificate.
    pub fn client(&self) -> reqwest::Client {
        let authority = std::fs::read(self.keys.path().join("ca.crt")).unwrap();
        reqwest::Client::builder()
            .no_proxy()
            .resolve(HOST, SocketAddr::new(self.address.parse().unwrap(), 0))
            .tls_certs_only([reqwest::Certificate::from_pem(&authority).unwrap()])
            .build()
            .unwrap()
    }

    pub fn sh(&self, script: &str) -> String {
        docker(&["exec", &self.name, "sh", "-c", script])
    }

    /// Ends the box and starts it again.
    pub async fn restart(&mut self) {
        docker(&["restart", "-t", "10", &self.name]);
        self.address = address(&self.name);
        self.until_it_answers().await;
    }

    async fn until_it_answers(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.inside().await.status().await.is_err() || self.by_ssh().status().await.is_err() {
            assert!(Instant::now() < deadline, "{}", docker(&["logs", "--tail", "9", &self.name]));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for FrontBox {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "-f", "-v", &self.name]).output();
        let _ = Command::new("docker").args(["network", "rm", &self.name]).output();
    }
}

/// The lab's image of Rev1 with an ssh server in it; kept for the next time.
fn build() {
    let found = docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", "cutover-lab/rev1"]);
    let base = found.lines().next().expect("an image cutover-lab/rev1: `cutover lab up` makes it");
    let base = format!("BASE={base}");
    let mut child = Command::new("docker")
        .args(["build", "-q", "--network", "host", "-t", IMAGE, "--build-arg", &base, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), RECIPE.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "the image of the box is not to be built");
}
