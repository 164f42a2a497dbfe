//! `ingress` and `deploy` on the lab's cluster, for a service of a test's own: its namespaces, ingress class,
//! database, account and image, beside nobody else's.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cutover::lab::kubernetes::{CONTEXT, ingress, kubeconfig};
use cutover::lab::{Part, Site};
use cutover::services::docker::{BuildOptions, Context, Credentials, Engine};
use cutover::services::kubernetes::{Cluster, Manifest, Owner, Placeholders};
use cutover::services::mysql::{Endpoint, Session, Tls, identifier};
use cutover::services::registry::Registry;
use tokio::sync::{Mutex, MutexGuard};

use super::drive::Drive;

/// The cluster has one load balancer: one test after the other.
static ALONE: Mutex<()> = Mutex::const_new(());
const REGISTRY: &str = "127.0.0.1:5077";
pub const HOST: &str = "app.lab.example";

/// A backend of a few lines: it lives at once, and is never ready, for want of data.
const BACKEND: &str = r#"
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()
if "dies" in sys.argv:
    sys.exit("no such table: tenants")
ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"#;

pub struct Stage {
    pub drive: Drive,
    pub cluster: Cluster,
    /// The run, the namespace, the schema, and the beginning of every other name.
    pub name: String,
    pub beside: tempfile::TempDir,
    /// The backend by its digest, as the nodes pull it.
    pub image: String,
    pub runbook: PathBuf,
    engine: Engine,
    credentials: Credentials,
    secrets: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Stage {
    /// With `mode` as the backend's argument: `lives`, `dies`.
    pub async fn new(test: &str, mode: &str) -> Self {
        let alone = ALONE.lock().await;
        let home = || std::env::home_dir().unwrap().join(".cache/cutover/lab");
        let directory = std::env::var_os("CUTOVER_LAB_DIR").map_or_else(home, PathBuf::from);
        let engine = Engine::connect(None).await.unwrap();
        let site = Site { engine, directory, rows: 1000, builds: Mutex::default(), news: &|_| () };
        Part::Kubernetes.reset(&site).await.expect("the lab: `cutover lab up` makes it");
        let cluster = Cluster::connect(Some(&kubeconfig(&site)), Some(CONTEXT)).await.unwrap();
        let controller = ingress::controller(&site).await.unwrap().unwrap().image;
        let password = site.secret("registry").await.unwrap();
        let credentials = Credentials::Basic { username: "cutover".into(), password: password.into() };
        let name = format!("x-test-{test}-{}", std::process::id());
        let engine = Engine::connect(None).await.unwrap();
        let image = push(&engine, &credentials, &controller, &name, mode).await;
        let beside = tempfile::tempdir().unwrap();
        std::fs::write(beside.path().join("app"), "Te5t-only!").unwrap();
        let text = runbook(&name, &image, &controller, &site.directory);
        let runbook = beside.path().join("runbook.toml");
        std::fs::write(&runbook, &text).unwrap();
        let drive = Drive::new(&name, &text, beside.path());
        let secrets = site.directory.join("secrets");
        let stage = Self { drive, cluster, name, beside, image, runbook, engine, credentials, secrets, _alone: alone };
        let mut source = stage.session("source").await;
        source.run("make a schema", &format!("CREATE DATABASE {}", identifier(&stage.name))).await.unwrap();
        source.close().await.unwrap();
        stage
    }

    /// A session of the administrator at `source` or `target`.
    pub async fn session(&self, side: &str) -> Session {
        let (host, user, secret) = match side {
            "source" => ("172.30.77.10", "cutover_admin", "rev1-admin"),
            _ => ("172.30.77.20", "admin", "managed-admin"),
        };
        let password = std::fs::read_to_string(self.secrets.join(secret)).unwrap();
        let endpoint = Endpoint {
            label: side.into(),
            host: host.into(),
            port: 3306,
            user: user.into(),
            password: password.trim().into(),
            database: None,
            tls: Tls::Required { ca: None },
            identity: None,
        };
        Session::open(&endpoint).await.unwrap()
    }

    /// Everything that the steps could leave: objects of the cluster, databases and accounts of the target.
    pub async fn world(&self) -> BTreeSet<String> {
        let passing = ["Event", "Lease", "Endpoints", "PodMetrics", "NodeMetrics", "CertificateSigningRequest"];
        let objects = self.cluster.everything(|kind| !passing.contains(&kind)).await.unwrap();
        let mut world: BTreeSet<String> =
            objects.into_iter().map(|object| Manifest(object).name().to_string()).collect();
        let mut target = self.session("target").await;
        for query in ["SHOW DATABASES", "SELECT CONCAT(user, '@', host) FROM mysql.user"] {
            world.extend(target.query::<String>("look", query).await.unwrap());
        }
        target.close().await.unwrap();
        world
    }

    /// Makes an object of somebody else's.
    pub async fn plant(&self, kind: &str, name: &str, spec: &str) {
        let text = format!(
            "apiVersion: {}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {}}}\n{spec}\n",
            if kind == "Ingress" { "networking.k8s.io/v1" } else { "v1" },
            self.name
        );
        for manifest in Manifest::parse(&text, &Placeholders::default()).unwrap() {
            self.cluster.apply(&manifest, &Owner::new("somebody-else")).await.unwrap();
        }
    }

    /// Changes a Service as somebody with another tool does it.
    pub async fn edit(&self, service: &str, change: serde_json::Value) {
        use kube::api::{Patch, PatchParams};
        let file = kube::config::Kubeconfig::read_from(self.secrets.join("../kubeconfig")).unwrap();
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(file, &options).await.unwrap();
        let client = kube::Client::try_from(config).unwrap();
        let api: kube::Api<k8s_openapi::api::core::v1::Service> = kube::Api::namespaced(client, &self.name);
        let by = PatchParams { field_manager: Some("somebodys-tool".to_owned()), ..PatchParams::default() };
        api.patch(service, &by, &Patch::Merge(change)).await.unwrap();
    }

    /// Takes the backend's image out of the registry.
    pub async fn withdraw(&self) {
        let registry = Registry::new(REGISTRY, Some(self.credentials.clone())).unwrap();
        let digest = self.image.rsplit_once('@').unwrap().1;
        registry.delete(&format!("x-test/{}", self.name), digest).await.unwrap();
    }

    /// Puts it back.
    pub async fn push_again(&self) {
        self.engine.push(&self.reference(), Some(&self.credentials), |_| ()).await.unwrap();
    }

    /// The engine's name for it.
    fn reference(&self) -> String {
        format!("{REGISTRY}/x-test/{}:1", self.name)
    }

    /// Takes what the test itself made away.
    pub async fn clean(self) {
        let mut source = self.session("source").await;
        source.run("drop it", &format!("DROP DATABASE IF EXISTS {}", identifier(&self.name))).await.unwrap();
        source.close().await.unwrap();
        self.withdraw().await;
        self.engine.remove_image(&self.reference()).await.unwrap();
    }
}

/// Polls until `look` says yes.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !look().await {
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Puts the backend into the lab's registry; on the controller's image, which the nodes have and which has
/// what a few lines of a program need.
async fn push(engine: &Engine, credentials: &Credentials, controller: &str, name: &str, mode: &str) -> String {
    let base = controller.replace("registry.lab:5000", REGISTRY);
    if engine.image(&base).await.unwrap().is_none() {
        engine.pull(&base, None, Some(credentials), |_| ()).await.unwrap();
    }
    let dockerfile = format!(
        "FROM {base}\nCOPY app.py /app.py\nUSER 101:101\nENTRYPOINT [\"python3\", \"/app.py\", \"{mode}\", \"{name}\"]\n"
    );
    let context = Context::default().with("Dockerfile", dockerfile, false).with("app.py", BACKEND, false);
    let reference = format!("{REGISTRY}/x-test/{name}:1");
    let options = BuildOptions { tag: Some(reference.clone()), ..BuildOptions::default() };
    engine.build(context, &options, |_| ()).await.unwrap();
    let digest = engine.push(&reference, Some(credentials), |_| ()).await.unwrap();
    format!("registry.lab:5000/x-test/{name}@{digest}")
}

fn runbook(name: &str, image: &str, controller: &str, lab: &std::path::Path) -> String {
    let lab = lab.display();
    format!(
        r#"
name = "{name}"
environment = "lab"
[service]
name = "shop"
host = "{HOST}"
[source]
address = "172.30.77.10"
schemas = ["{name}"]
application = {{ user = "shop", password = {{ file = "{lab}/secrets/rev1-app" }} }}
[source.mysql]
host = "172.30.77.10"
user = "cutover_admin"
password = {{ file = "{lab}/secrets/rev1-admin" }}
replication = {{ user = "repl", password = {{ file = "app" }} }}
[target]
application = {{ user = "{name}", password = {{ file = "app" }} }}
[target.mysql]
host = "172.30.77.20"
user = "admin"
password = {{ file = "{lab}/secrets/managed-admin" }}
replication = {{ user = "repl", password = {{ file = "app" }} }}
[registry]
push = "{REGISTRY}"
pull = "registry.lab:5000"
repository = "x-test/{name}"
account = {{ user = "cutover", password = {{ file = "{lab}/secrets/registry" }} }}
[kubernetes]
kubeconfig = "{lab}/kubeconfig"
context = "cutover-lab"
namespace = "{name}"
[dns]
zone = "ZLABEXAMPLE0001"
record = "{HOST}"
resolvers = ["127.0.0.1:10053"]
[probe]
header = "X-App-Build"
read = {{ path = "/" }}
write = {{ method = "POST", path = "/" }}
ca = "{lab}/tls/ca.crt"
[[step]]
id = "ingress"
action = "ingress.install"
owner = "platform"
day = 3
[step.with]
image = "{controller}"
class = "{name}"
namespace = "{name}-ingress"
certificate = {{ file = "{lab}/tls/app.crt" }}
key = {{ file = "{lab}/tls/app.key" }}
[[step]]
id = "deploy"
action = "kubernetes.deploy"
owner = "platform"
day = 3
[step.with]
image = "{image}"
class = "{name}"
port = 8080
live = "/healthz"
ready = "/readyz"
database_env = "DATABASE_URL"
build_env = "APP_BUILD"
jobs_env = {{ RUN_JOBS = "1" }}
replicas = 2
max_replicas = 3
cpu = "20m"
memory = "96Mi"
"#
    )
}
