//! Whom a migration talks to. A step needs only its own part: the rest may be filled in later in the week.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::secret::SecretRef;

/// Every outside service of a runbook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Connections {
    /// The service that moves.
    pub service: Service,
    /// Where it runs today.
    pub source: Option<Source>,
    /// Where its data goes.
    pub target: Option<Target>,
    /// The Docker engine that builds the image.
    #[serde(default)]
    pub docker: Docker,
    /// Where the image is kept.
    pub registry: Option<Registry>,
    /// The cluster that will run it.
    pub kubernetes: Option<Kubernetes>,
    /// The name by which tenants find it.
    pub dns: Option<Dns>,
    /// What stands at the old address and can hold, relay or pass requests.
    pub front: Option<Front>,
    /// A read and a write that prove that the service works.
    pub probe: Option<Probe>,
}

/// The service that moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its short name: labels and object names are made of it.
    #[schemars(extend("format" = "short-name", "pattern" = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub name: String,
    /// The host name that tenants use.
    pub host: String,
}

/// Where the service runs today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its public address, where the old DNS answer leads: an IP address.
    pub address: String,
    /// The version of the program that runs there, to be compared with what is imaged.
    pub build: Option<String>,
    /// Its database server.
    pub mysql: MySql,
    /// The databases that move.
    pub schemas: Vec<String>,
    /// The account that the application uses there; the proof of the fence logs in with it.
    pub application: Account,
}

/// Where the data goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The managed database server.
    pub mysql: MySql,
    /// The account that the application will use: another name than at the source, because
    /// replication carries accounts.
    pub application: Account,
}

/// A MySQL server and the account that the migration works with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MySql {
    /// Host name or address, as seen from here.
    pub host: String,
    /// Port, as seen from here.
    #[serde(default = "mysql_port")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// The migration's account.
    pub user: String,
    /// Its password.
    pub password: SecretRef,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: Tls,
    /// The certificate authority to check the server with (`tls = "verify"`), in PEM.
    pub ca: Option<PathBuf>,
    /// Host name or address as the other server sees it, where that differs.
    pub replication_host: Option<String>,
    /// Port as the other server sees it, where that differs: here a tunnel or a forwarded port may end.
    pub replication_port: Option<u16>,
    /// The account with which the other server follows this one; made by `prepare`.
    pub replication: Account,
}

impl MySql {
    /// Host and port as the other server sees them.
    pub fn as_the_other_sees_it(&self) -> (&str, u16) {
        (self.replication_host.as_deref().unwrap_or(&self.host), self.replication_port.unwrap_or(self.port))
    }
}

/// How a connection to MySQL is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Encrypted; the server's certificate is not checked.
    #[default]
    Required,
    /// Encrypted, and the certificate and name are checked.
    Verify,
    /// In clear: only for a connection that is protected otherwise.
    Off,
}

/// A name and where its password is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Account name, without a host part.
    pub user: String,
    /// Its password.
    pub password: SecretRef,
}

/// The Docker engine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Docker {
    /// `unix:///...` or `tcp://...`; `DOCKER_HOST`, then the local socket, where it is not given.
    pub host: Option<String>,
}

/// A container registry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// Host and port to which the Docker engine pushes.
    pub push: String,
    /// Host and port from which the nodes pull; the same where it is not given.
    pub pull: Option<String>,
    /// The repository: `shop/backend`.
    pub repository: String,
    /// Account; from Docker's configuration and helpers where it is not given.
    pub account: Option<Account>,
}

/// The cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// The kubeconfig file; `KUBECONFIG`, then `~/.kube/config`, where it is not given.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it.
    pub context: String,
    /// The namespace for the service.
    pub namespace: String,
}

/// The hosted zone and the record in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// The hosted zone's id.
    pub zone: String,
    /// The record's name: the service's host name.
    pub record: String,
    /// Another endpoint of the Route 53 API.
    pub endpoint: Option<String>,
    /// Access key id and secret key; the AWS default chain where it is not given.
    pub credentials: Option<AwsKey>,
    /// The zone's name servers, host and port; asked from the zone where it is not given.
    #[serde(default)]
    pub servers: Vec<String>,
    /// Resolvers as tenants use them, host and port.
    #[serde(default)]
    pub resolvers: Vec<String>,
}

/// An AWS key pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsKey {
    /// The access key id.
    pub id: SecretRef,
    /// The secret access key.
    pub secret: SecretRef,
}

/// How to reach the program that switches what stands at the old address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Front {
    /// Run `front-switch` in this container of the Docker engine.
    Container(String),
    /// Run this command with the action appended: `["ssh", "rev1", "sudo", "front-switch"]`.
    Command(Vec<String>),
}

/// A read and a write that prove that the service works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// A request that changes nothing.
    pub read: Request,
    /// A request that writes: counted, and listed as kept. `{id}` in its body becomes a fresh id.
    pub write: Request,
    /// The response header that names the build which answered.
    pub header: String,
    /// The certificate authority to check HTTPS with, in PEM; the system's where it is not given.
    pub ca: Option<PathBuf>,
}

/// One HTTP request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The method; `GET` where it is not given.
    #[serde(default = "get")]
    pub method: String,
    /// Path and query.
    pub path: String,
    /// A JSON body, as text.
    pub body: Option<String>,
    /// The status that says it worked; 200 where it is not given.
    #[serde(default = "ok")]
    pub expect: u16,
}

const fn mysql_port() -> u16 {
    3306
}

fn get() -> String {
    "GET".to_owned()
}

const fn ok() -> u16 {
    200
}
