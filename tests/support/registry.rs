//! A real registry of a test's own (distribution 2.8, a password), built from Debian's packages.
//!
//! Its password holds the characters that break naive encodings of credentials.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::time::{Duration, Instant};

use cutover::services::Kind;
use cutover::services::docker::{BuildOptions, ContainerSpec, Context, Credentials, Engine, Labels, Port};
use cutover::services::registry::Registry;

pub const BASE: &str = "debian:trixie-slim";
pub const PASSWORD: &str = "pa~ss>wo?rd";
const IMAGE: &str = "cutover-test/registry:1";
/// bcrypt of the password, which guards nothing but a test's own container.
const HTPASSWD: &str = "tester:$2y$05$mQx9SOchW.YsFuU6NrnBwe6toY.a8UG78S0dKNqXIiojjxZQ5utbO\n";

/// A running registry.
pub struct Own {
    pub engine: Engine,
    pub container: String,
    /// Where it is on the loopback.
    pub port: u16,
}

pub fn credentials() -> Credentials {
    Credentials::Basic { username: "tester".into(), password: PASSWORD.into() }
}

impl Own {
    /// Starts one in the container `name`; `settings` are environment of distribution's, `KEY=value`. It lets
    /// tags be deleted unless they say otherwise.
    pub async fn start(name: &str, settings: &[&str]) -> Self {
        let engine = Engine::connect(None).await.unwrap();
        build(&engine).await;
        let mut own = Self { engine, container: name.to_owned(), port: 0 };
        own.restart(settings).await;
        own
    }

    /// The same, empty, at the same address, with other settings.
    pub async fn restart(&mut self, settings: &[&str]) {
        let spec = ContainerSpec {
            ports: vec![Port::loopback(5000, self.port)],
            env: settings.iter().map(|&setting| setting.to_owned()).collect(),
            ..ContainerSpec::new(&self.container, IMAGE)
        };
        self.engine.remove_container(&self.container).await.unwrap();
        self.engine.run(&spec).await.unwrap();
        self.port = self.engine.container(&self.container).await.unwrap().unwrap().ports[0].1;
        self.answering().await;
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The adapter, logged in.
    pub fn client(&self) -> Registry {
        Registry::new(&self.address(), Some(credentials())).unwrap()
    }

    /// Makes a small image and pushes it as `repository:tag`; its id and its digest. The engine keeps no name
    /// for it.
    pub async fn push(&self, repository: &str, tag: &str, content: &str) -> (String, String) {
        let dockerfile = "FROM scratch\nCOPY note /note\n";
        let context = Context::default().with("Dockerfile", dockerfile, false).with("note", content, false);
        let labels = Labels::from([("made-by".into(), "a test".into())]);
        let options = BuildOptions { labels, ..BuildOptions::default() };
        let id = self.engine.build(context, &options, |_| ()).await.unwrap();
        let reference = format!("{}/{repository}:{tag}", self.address());
        self.engine.tag(&id, &reference).await.unwrap();
        let digest = self.engine.push(&reference, Some(&credentials()), |_| ()).await.unwrap();
        self.engine.remove_image(&reference).await.unwrap();
        (id, digest)
    }

    async fn answering(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let client = self.client();
        loop {
            match client.ping().await {
                Ok(()) => return,
                Err(error) => assert!(
                    error.kind == Kind::Transient && Instant::now() < deadline,
                    "the registry did not come up: {error:?}"
                ),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn remove(self) {
        self.engine.remove_container(&self.container).await.unwrap();
    }
}

async fn build(engine: &Engine) {
    let dockerfile = format!(
        "FROM {BASE}\nRUN apt-get update && apt-get install -y --no-install-recommends docker-registry && rm -rf /var/lib/apt/lists/*\n\
         COPY htpasswd /etc/docker/registry/htpasswd\n\
         ENV REGISTRY_AUTH=htpasswd REGISTRY_AUTH_HTPASSWD_REALM=test REGISTRY_AUTH_HTPASSWD_PATH=/etc/docker/registry/htpasswd\n\
         EXPOSE 5000\nCMD [\"docker-registry\", \"serve\", \"/etc/docker/registry/config.yml\"]\n"
    );
    let context = Context::default().with("Dockerfile", dockerfile, false).with("htpasswd", HTPASSWD, false);
    let options = BuildOptions { tag: Some(IMAGE.to_owned()), ..BuildOptions::default() };
    engine.build(context, &options, |_| ()).await.unwrap();
}
