//! Foreign objects, one kind a service, put there and taken away with other programs than ours wherever there
//! is one. `names` is what an inventory has to say of each.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::path::{Path, PathBuf};
use std::process::Command;

use cutover::domain::resource::Side;
use cutover::domain::{Plan, Resource};
use cutover::lab;
use cutover::services::route53::{Access, RecordKind, RecordSet, Route53, Zone};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::{Api, DeleteParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use secrecy::SecretString;

const NAME: &str = "x-cutover-test-planted";
const REGISTRY: &str = "127.0.0.1:5077";

/// Runs a program that has to succeed.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn secret(name: &str) -> String {
    std::fs::read_to_string(lab::directory().join("secrets").join(name)).unwrap()
}

fn texts(resources: &[Resource]) -> Vec<String> {
    resources.iter().map(ToString::to_string).collect()
}

/// A container, an image, a volume and a network.
pub struct Docker {
    image: String,
}

impl Docker {
    pub fn plant() -> Self {
        let image = format!("{REGISTRY}/planted/thing:1");
        // An archive of nothing: two blocks of zeros.
        let archive = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(archive.path(), [0; 1024]).unwrap();
        run("docker", &["import", "--change", "CMD [\"x\"]", &archive.path().display().to_string(), &image]);
        run("docker", &["volume", "create", NAME]);
        run("docker", &["network", "create", NAME]);
        run("docker", &["create", "--name", NAME, &image]);
        Self { image }
    }

    pub fn names(&self) -> Vec<String> {
        texts(&[
            Resource::container(NAME),
            Resource::image(&self.image),
            Resource::volume(NAME),
            Resource::network(NAME),
        ])
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        for what in
            [vec!["rm", "-f", NAME], vec!["rmi", &self.image], vec!["volume", "rm", NAME], vec!["network", "rm", NAME]]
        {
            let _ = Command::new("docker").args(what).output();
        }
    }
}

/// A tag in the registry, pushed by the Docker client.
pub struct Tag;

impl Tag {
    pub fn plant(docker: &Docker) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().display().to_string();
        run("docker", &["--config", &config, "login", "-u", "cutover", "-p", &secret("registry"), REGISTRY]);
        run("docker", &["--config", &config, "push", &docker.image]);
        Self
    }

    #[expect(clippy::unused_self, reason = "each planted thing is asked for its names")]
    pub fn names(&self) -> Vec<String> {
        texts(&[Resource::tag("planted/thing", "1")])
    }

    pub async fn remove(self) {
        let client = reqwest::Client::new();
        let of = |method, what: &str| {
            let url = format!("http://{REGISTRY}/v2/planted/thing/manifests/{what}");
            let any =
                "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json";
            client.request(method, url).basic_auth("cutover", Some(secret("registry"))).header("Accept", any)
        };
        let found = of(reqwest::Method::HEAD, "1").send().await.unwrap();
        let digest = found.headers()["docker-content-digest"].to_str().unwrap().to_owned();
        assert!(of(reqwest::Method::DELETE, &digest).send().await.unwrap().status().is_success());
    }
}

/// An object in a namespace, and one of the whole cluster.
pub struct Cluster {
    settings: Api<ConfigMap>,
    roles: Api<ClusterRole>,
}

impl Cluster {
    pub async fn plant() -> Self {
        cutover::services::tls::ready();
        let file = Kubeconfig::read_from(lab::directory().join("kubeconfig")).unwrap();
        let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
        let client = kube::Client::try_from(config).unwrap();
        let here = Self { settings: Api::namespaced(client.clone(), "kube-system"), roles: Api::all(client) };
        // What an earlier test left that could not go on: `lab reset` leaves foreign objects alone.
        let _ = here.settings.delete(NAME, &DeleteParams::default()).await;
        let _ = here.roles.delete(NAME, &DeleteParams::default()).await;
        let mut settings = ConfigMap::default();
        settings.metadata.name = Some(NAME.to_owned());
        here.settings.create(&PostParams::default(), &settings).await.unwrap();
        let mut role = ClusterRole::default();
        role.metadata.name = Some(NAME.to_owned());
        here.roles.create(&PostParams::default(), &role).await.unwrap();
        here
    }

    #[expect(clippy::unused_self, reason = "each planted thing is asked for its names")]
    pub fn names(&self) -> Vec<String> {
        texts(&[
            Resource::object("v1", "ConfigMap", Some("kube-system"), NAME),
            Resource::object("rbac.authorization.k8s.io/v1", "ClusterRole", None, NAME),
        ])
    }

    pub async fn remove(self) {
        self.settings.delete(NAME, &DeleteParams::default()).await.unwrap();
        self.roles.delete(NAME, &DeleteParams::default()).await.unwrap();
    }
}

/// A database with a table, a user and a grant, by the server's own client.
pub struct Mysql(Side);

impl Mysql {
    pub fn plant(side: Side) -> Self {
        let here = Self(side);
        here.sql(
            "CREATE DATABASE planted; CREATE TABLE planted.thing (id INT PRIMARY KEY); \
             CREATE USER 'planted'@'%' IDENTIFIED BY 'Planted.1' REQUIRE SSL; GRANT SELECT ON planted.* TO 'planted'@'%'",
        );
        here
    }

    fn sql(&self, statements: &str) {
        let (container, user, word) = match self.0 {
            Side::Source => ("cutover-rev1", "cutover_admin", secret("rev1-admin")),
            Side::Target => ("cutover-managed-mysql", "admin", secret("managed-admin")),
        };
        let word = format!("MYSQL_PWD={word}");
        run("docker", &["exec", "-e", &word, container, "mysql", "-h127.0.0.1", "-u", user, "-e", statements]);
    }

    pub fn names(&self) -> Vec<String> {
        let side = self.0;
        let account = "'planted'@'%'";
        texts(&[
            side.database("planted"),
            side.table("planted", "thing"),
            side.user(account),
            side.grant_in(account, "planted"),
        ])
    }

    pub fn remove(self) {
        self.sql("DROP DATABASE planted; DROP USER 'planted'@'%'");
    }
}

/// A record set of another name in the zone.
pub struct Record {
    zone: Zone,
    id: String,
    set: RecordSet,
}

impl Record {
    pub async fn plant(plan: &Plan) -> Self {
        let dns = plan.runbook.connections.dns.as_ref().unwrap();
        let keys = Some((secret("aws-id"), SecretString::from(secret("aws-secret"))));
        let access = Access { endpoint: dns.endpoint.clone(), region: None, keys };
        let zone = Route53::connect(access).await.zone(&dns.zone, &dns.record).await.unwrap();
        let set = RecordSet::simple("planted.lab.example", RecordKind::A, 60, ["192.0.2.1"]);
        zone.compare_and_swap("planted.lab.example", &[], std::slice::from_ref(&set), "planted").await.unwrap();
        Self { zone, id: dns.zone.clone(), set }
    }

    pub fn names(&self) -> Vec<String> {
        texts(&[Resource::record(&self.id, "planted.lab.example", "A", None)])
    }

    pub async fn remove(self) {
        self.zone.compare_and_swap("planted.lab.example", &[self.set], &[], "planted").await.unwrap();
    }
}

/// A file where the run keeps its own.
pub struct File(PathBuf);

impl File {
    pub fn plant(directory: &Path) -> Self {
        let path = directory.join("planted.txt");
        std::fs::write(&path, "planted").unwrap();
        Self(path)
    }

    pub fn names(&self) -> Vec<String> {
        texts(&[Resource::file(&self.0)])
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
