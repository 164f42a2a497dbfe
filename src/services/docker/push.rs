//! Pushing, pulling and importing: streams read to their end, because an error in the middle of one
//! comes with status 200.

use std::fmt;
use std::path::Path;

use bollard::auth::DockerCredentials;
use bollard::query_parameters::{CreateImageOptions, PushImageOptions};
use futures_util::{StreamExt as _, TryStreamExt as _};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::io::ReaderStream;

use super::{Engine, split_reference};
use crate::services::{Error, Kind, Result};

/// Who the engine is to be at a registry.
#[derive(Clone)]
pub enum Credentials {
    /// A user and a password.
    Basic {
        /// The account's name.
        username: String,
        /// Its password.
        password: SecretString,
    },
    /// An identity token, as a credential helper hands out.
    Token(SecretString),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { username, .. } => write!(f, "Basic({username})"),
            Self::Token(_) => write!(f, "Token"),
        }
    }
}

impl Credentials {
    pub(super) fn for_engine(&self, host: &str) -> DockerCredentials {
        let serveraddress = Some(host.to_owned());
        match self {
            Self::Basic { username, password } => DockerCredentials {
                username: Some(username.clone()),
                password: Some(password.expose_secret().to_owned()),
                serveraddress,
                ..DockerCredentials::default()
            },
            Self::Token(token) => DockerCredentials {
                identitytoken: Some(token.expose_secret().to_owned()),
                serveraddress,
                ..DockerCredentials::default()
            },
        }
    }
}

/// How far a push or a pull is, in layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Layers there (moved now, or there before).
    pub done: u64,
    /// Layers known so far.
    pub total: u64,
    /// Bytes of the layer last heard of, as (moved, in all).
    pub bytes: Option<(u64, u64)>,
}

impl Transfer {
    /// The engine names a layer once when it takes it up and once when it is done with it.
    fn hear(&mut self, status: &str, bytes: Option<(u64, u64)>) {
        match status {
            "Preparing" | "Pulling fs layer" => self.total += 1,
            "Pushed" | "Layer already exists" | "Pull complete" => self.done += 1,
            "Already exists" => {
                self.done += 1;
                self.total += 1;
            }
            _ if status.starts_with("Mounted from") => self.done += 1,
            _ => {}
        }
        self.bytes = bytes;
    }
}

/// `12 of 40 bytes`, where the engine says so.
fn bytes(detail: Option<bollard::models::ProgressDetail>) -> Option<(u64, u64)> {
    let detail = detail?;
    Some((u64::try_from(detail.current?).ok()?, u64::try_from(detail.total?).ok()?))
}

impl Engine {
    /// Pushes `reference` (`host/repository:tag`) and returns the digest the engine reports. Resolve it
    /// again from the registry before relying on it.
    pub async fn push(
        &self,
        reference: &str,
        credentials: Option<&Credentials>,
        mut on: impl FnMut(Transfer) + Send,
    ) -> Result<String> {
        let (repository, tag) = split_reference(reference);
        let doing = format!("push {reference}");
        let host = repository.split('/').next().unwrap_or_default();
        let options = PushImageOptions { tag: Some(tag.to_owned()), ..PushImageOptions::default() };
        let mut stream = self.docker.push_image(repository, Some(options), credentials.map(|c| c.for_engine(host)));
        let mut transfer = Transfer::default();
        let mut digest = None;
        while let Some(info) = stream.next().await {
            let info = info.map_err(self.fault(doing.clone()))?;
            let status = info.status.unwrap_or_default();
            if let Some((_, rest)) = status.split_once("digest: ") {
                digest = rest.split_whitespace().next().map(str::to_owned);
            }
            transfer.hear(&status, bytes(info.progress_detail));
            on(transfer);
        }
        digest.ok_or_else(|| {
            Error::new("Docker engine", self.address(), doing, Kind::Unknown)
                .because("the engine's answer ended without a digest")
                .next("look at the registry: resolve the tag before pushing again")
        })
    }

    /// Pulls `reference`.
    pub async fn pull(
        &self,
        reference: &str,
        platform: Option<&str>,
        credentials: Option<&Credentials>,
        mut on: impl FnMut(Transfer) + Send,
    ) -> Result<()> {
        let (repository, tag) = split_reference(reference);
        let host = repository.split('/').next().unwrap_or_default();
        let options = CreateImageOptions {
            from_image: Some(repository.to_owned()),
            tag: Some(tag.to_owned()),
            platform: platform.unwrap_or_default().to_owned(),
            ..CreateImageOptions::default()
        };
        let mut stream = self.docker.create_image(Some(options), None, credentials.map(|c| c.for_engine(host)));
        let mut transfer = Transfer::default();
        while let Some(info) = stream.next().await {
            let info = info.map_err(self.fault(format!("pull {reference}")))?;
            transfer.hear(&info.status.unwrap_or_default(), bytes(info.progress_detail));
            on(transfer);
        }
        Ok(())
    }

    /// Imports a root file system (a tar on disk) as `reference`; `changes` are Dockerfile instructions.
    pub async fn import(&self, root: &Path, reference: &str, changes: &[String]) -> Result<()> {
        let doing = format!("import {} as {reference}", root.display());
        let unreadable = |why| Error::new("Docker engine", self.address(), &doing, Kind::Permanent).because(why);
        let file = tokio::fs::File::open(root).await.map_err(unreadable)?;
        let (repository, tag) = split_reference(reference);
        let options = CreateImageOptions {
            from_src: Some("-".to_owned()),
            repo: Some(repository.to_owned()),
            tag: Some(tag.to_owned()),
            changes: changes.to_vec(),
            ..CreateImageOptions::default()
        };
        let body = bollard::body_try_stream(ReaderStream::with_capacity(file, 256 * 1024));
        let stream = self.docker.create_image(Some(options), Some(body), None);
        stream.try_for_each(|_| async { Ok(()) }).await.map_err(self.fault(doing.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_counted_as_they_come_and_go() {
        let mut transfer = Transfer::default();
        for status in ["Preparing", "Preparing", "Waiting", "Layer already exists", "Pushing", "Pushed"] {
            transfer.hear(status, None);
        }
        assert_eq!((transfer.done, transfer.total), (2, 2));
    }

    #[test]
    fn credentials_show_no_secret_in_debug() {
        let basic = Credentials::Basic { username: "shop".into(), password: "hunter2".into() };
        assert!(!format!("{basic:?}").contains("hunter2"));
    }
}
