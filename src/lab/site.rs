//! Where the lab stands: the Docker engine, the lab directory with its secrets, and who hears of progress.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{GATEWAY, LABEL, NETWORK, Part, Progress, SUBNET};
use crate::services::docker::{ContainerSpec, Context, Engine, Labels};
use crate::services::{Error, Kind, Result};

/// What every part is handed.
pub struct Site<'a> {
    /// The local Docker engine.
    pub engine: Engine,
    /// `~/.cache/cutover/lab`, or where `CUTOVER_LAB_DIR` points.
    pub directory: PathBuf,
    /// How many rows of orders and ledger Rev1 has.
    pub rows: u64,
    /// One image is built at a time: two parts that stand on the same one do not build it twice.
    pub builds: tokio::sync::Mutex<()>,
    /// Who hears of progress.
    pub news: &'a (dyn Fn(Progress) + Send + Sync),
}

impl Site<'_> {
    /// Says what is going on in `part`.
    pub fn say(&self, part: Part, text: impl Into<String>) {
        (self.news)(Progress { part: Some(part), text: text.into(), done: None, eta: None });
    }

    /// Says how far a long stage is (`done` from 0 to 1) and how long it still takes.
    pub fn say_far(&self, part: Option<Part>, text: impl Into<String>, done: f64, eta: Duration) {
        (self.news)(Progress { part, text: text.into(), done: Some(done), eta: Some(eta) });
    }

    /// The labels of everything that belongs to the lab as a whole.
    pub fn labels() -> Labels {
        Labels::from([(LABEL.to_owned(), "1".to_owned())])
    }

    /// The labels of what belongs to `part`: by these it is found and taken away.
    pub fn labels_of(part: Part) -> Labels {
        let mut labels = Self::labels();
        labels.insert(format!("{LABEL}.part"), part.name().to_owned());
        labels
    }

    /// The network that all parts share. It says which lab directory it was made for.
    pub async fn ensure_network(&self) -> Result<()> {
        self.is_ours().await?;
        let mut labels = Self::labels();
        labels.insert(format!("{LABEL}.directory"), self.directory.display().to_string());
        self.engine.ensure_network(NETWORK, Some((SUBNET, GATEWAY)), &labels).await
    }

    /// Names and addresses are fixed: a lab of another directory on this engine has other secrets and
    /// another zone, and is neither used nor taken away from here.
    pub async fn is_ours(&self) -> Result<()> {
        let Some(labels) = self.engine.network_labels(NETWORK).await? else { return Ok(()) };
        let taken = || {
            let doing = format!("have the lab of {} on it", self.directory.display());
            Error::new("Docker engine", self.engine.address(), doing, Kind::Conflict)
        };
        if labels.get(LABEL).is_none_or(|value| value != "1") {
            return Err(taken()
                .because(format!("somebody else's network is named {NETWORK}"))
                .next("remove or rename it"));
        }
        match labels.get(&format!("{LABEL}.directory")) {
            Some(other) if *other != self.directory.display().to_string() => Err(taken()
                .because(format!("the lab of {other} is up on it"))
                .next(format!("`CUTOVER_LAB_DIR={other} cutover lab down` first, or use that one"))),
            _ => Ok(()),
        }
    }

    /// Removes every container of `part`, and with `volumes` its named volumes too.
    pub async fn remove_all(&self, part: Part, volumes: bool) -> Result<()> {
        let key = format!("{LABEL}.part");
        let labels = [(LABEL, "1"), (key.as_str(), part.name())];
        for container in self.engine.containers_labelled(&labels).await? {
            self.engine.remove_container(&container).await?;
        }
        if volumes {
            for volume in self.engine.volumes_labelled(&labels).await? {
                self.engine.remove_volume(&volume).await?;
            }
        }
        Ok(())
    }

    /// The secret `name`, made (24 random letters and digits, mode 0600) when it is asked for first.
    pub async fn secret(&self, name: &str) -> Result<String> {
        super::secrets::ensure(&self.directory.join("secrets"), name).await
    }

    /// Where the certificate authority, certificate and key of the service stand: `ca.crt`, `app.crt`,
    /// `app.key`. Made when asked for first.
    pub fn tls(&self) -> Result<PathBuf> {
        let directory = self.directory.join("tls");
        super::tls::ensure(&directory)?;
        Ok(directory)
    }

    /// A container of `part` as all of the lab's are: labelled, on the network at `address`, started again
    /// by the engine whenever it ends.
    pub fn spec(&self, part: Part, name: &str, image: &str, address: &str) -> ContainerSpec {
        ContainerSpec {
            labels: Self::labels_of(part),
            network: Some(NETWORK.to_owned()),
            address: Some(address.to_owned()),
            restart: true,
            ..ContainerSpec::new(name, image)
        }
    }

    /// Whether `container` runs, made from `image` as it is now and not from an older recipe.
    pub async fn runs(&self, container: &str, image: &str) -> Result<bool> {
        let wanted = self.engine.image(image).await?.map(|image| image.id);
        let found = self.engine.container(container).await?;
        Ok(found.is_some_and(|found| found.running && Some(found.image_id) == wanted))
    }

    /// Puts the secrets named into a container that was made and not started yet, as `/etc/cutover/NAME`.
    pub async fn give_secrets(&self, container: &str, names: &[&str]) -> Result<()> {
        let mut files = Context::default();
        for name in names {
            files = files.with(format!("etc/cutover/{name}"), self.secret(name).await?, false);
        }
        self.engine.copy_in(container, "/", files).await
    }

    /// A file of the lab directory, as bytes.
    pub async fn read(&self, path: &Path) -> Result<Vec<u8>> {
        tokio::fs::read(path).await.map_err(|why| fault(path, "read it").because(why))
    }
}

/// A fault of the lab directory.
pub(super) fn fault(path: &Path, doing: &str) -> Error {
    Error::new("lab directory", path.display().to_string(), doing, Kind::Permanent)
}
