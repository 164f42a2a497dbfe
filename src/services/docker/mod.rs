//! The Docker engine over its API: images built, pushed and pulled, containers, networks, volumes.
//!
//! [`Engine`] is a cheap handle; the modules here each add one kind of thing to it. The API version is
//! negotiated, so that an Engine 20.10 (1.41) is served as well as a new one. Everything made here can be
//! labelled, and is found and removed again by its labels only.

mod archive;
mod build;
mod container;
mod context;
mod exec;
mod facts;
mod fault;
mod ignore;
mod image;
mod listing;
mod network;
mod push;
mod spec;
mod volume;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};

use super::{Error, Kind, Result};

pub use build::{BuildEvent, BuildOptions};
pub use container::{ContainerInfo, Health};
pub use context::Context;
pub use exec::{ExecOptions, Output};
pub use facts::Facts;
pub use image::{ImageInfo, split_reference};
pub use listing::{Listed, ListedImage};
pub use push::{Credentials, Transfer};
pub use spec::{ContainerSpec, Mount, Port};

/// Labels on an image, container, network or volume.
pub type Labels = BTreeMap<String, String>;

/// How long the engine may take to begin its answer: an import or a `stop` answers only when it is done.
const PATIENCE: Duration = Duration::from_mins(10);

/// A connection to one Docker engine.
#[derive(Debug, Clone)]
pub struct Engine {
    docker: Docker,
    address: String,
}

/// Who answered: recorded at first contact, compared on every later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The engine's own id, which survives restarts.
    pub id: String,
    /// The host's name.
    pub name: String,
    /// The engine's version, `20.10.24`.
    pub version: String,
    /// In Docker's image words: `amd64`, `arm64`.
    pub architecture: String,
}

impl Engine {
    /// The engine at `address` (`unix:///var/run/docker.sock`, `tcp://host:2375`), or else where
    /// `DOCKER_HOST` points, or else the local socket.
    pub async fn connect(address: Option<&str>) -> Result<Self> {
        let address = match address {
            Some(given) => given.to_owned(),
            None => std::env::var("DOCKER_HOST")
                .ok()
                .filter(|host| !host.is_empty())
                .unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned()),
        };
        let doing = "connect to the Docker engine";
        let connected = if address.starts_with("tcp://") || address.starts_with("http://") {
            Docker::connect_with_http(&address, PATIENCE.as_secs(), API_DEFAULT_VERSION)
        } else if address.starts_with("unix://") || address.starts_with('/') {
            Docker::connect_with_unix(&address, PATIENCE.as_secs(), API_DEFAULT_VERSION)
        } else {
            return Err(Error::new("Docker engine", &address, doing, Kind::Permanent)
                .because("only unix:// and tcp:// addresses are understood")
                .next("for a remote engine, forward its socket (ssh -L /tmp/docker.sock:/var/run/docker.sock HOST) and give unix:///tmp/docker.sock"));
        };
        let docker = connected.map_err(|why| fault::of(&address, doing, why))?;
        let docker = docker.with_request_modifier(url_safe_credentials);
        let docker = docker.negotiate_version().await.map_err(|why| fault::of(&address, doing, why))?;
        Ok(Self { docker, address })
    }

    /// Where this engine was reached.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Who answers at this address.
    pub async fn identity(&self) -> Result<Identity> {
        let info = self.docker.info().await.map_err(self.fault("read the engine's identity"))?;
        Ok(Identity {
            id: info.id.unwrap_or_default(),
            name: info.name.unwrap_or_default(),
            version: info.server_version.unwrap_or_default(),
            architecture: docker_architecture(&info.architecture.unwrap_or_default()),
        })
    }

    /// Whether the engine answers at all.
    pub async fn ping(&self) -> Result<()> {
        self.docker.ping().await.map(drop).map_err(self.fault("ping the engine"))
    }

    /// Turns bollard's fault into ours, for `map_err`.
    fn fault<D: Into<String>>(&self, doing: D) -> impl FnOnce(bollard::errors::Error) -> Error + use<D> {
        let (address, doing) = (self.address.clone(), doing.into());
        move |why| fault::of(&address, doing, why)
    }
}

/// The kernel's name of an architecture (`x86_64`) in the words of images and nodes (`amd64`).
fn docker_architecture(kernel: &str) -> String {
    match kernel {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "armv7l" => "arm",
        other => other,
    }
    .to_owned()
}

/// bollard encodes credentials with the standard base64 alphabet, while the engine decodes the URL-safe
/// one and takes what it cannot decode for "no credentials" without a word: a password with `~`, `?` or
/// `>` in the wrong place would be an anonymous push.
fn url_safe_credentials(mut request: bollard::BollardRequest) -> bollard::BollardRequest {
    for name in ["x-registry-auth", "x-registry-config"] {
        if let Some(value) = request.headers_mut().get_mut(name) {
            let safe = value.to_str().unwrap_or_default().replace('+', "-").replace('/', "_");
            if let Ok(mut header) = reqwest::header::HeaderValue::from_str(&safe) {
                header.set_sensitive(true);
                *value = header;
            }
        }
    }
    request
}

/// A filter by labels, as the list calls take it.
fn by_labels(labels: &[(&str, &str)]) -> HashMap<String, Vec<String>> {
    let wanted =
        labels.iter().map(|(key, value)| if value.is_empty() { (*key).to_owned() } else { format!("{key}={value}") });
    HashMap::from([("label".to_owned(), wanted.collect())])
}
