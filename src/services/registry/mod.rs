//! An image registry over the distribution HTTP API: what a tag stands for, manifests, tags, deletion.
//!
//! Pushing is the engine's work ([`crate::services::docker`]); this module answers by another way whether
//! the push arrived. It logs in as registries ask for it (basic, or a bearer token for a scope), and takes
//! credentials from a given secret or from Docker's own configuration and helpers.

mod auth;
mod credentials;
mod manifest;
mod request;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use tokio::sync::Mutex;

use super::clock::{self, Drift};
use super::docker::Credentials;
use super::{Error, Kind, Result};

pub use credentials::{expires, from_docker_config};
pub use manifest::{Descriptor, Manifest};

/// How long the registry may take for one answer; manifests are small.
const PATIENCE: Duration = Duration::from_secs(30);

/// A registry and who we are there. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Registry {
    host: String,
    base: String,
    client: Client,
    credentials: Option<Credentials>,
    /// `Authorization` headers that worked, by scope.
    granted: Arc<Mutex<HashMap<String, auth::Granted>>>,
}

impl Registry {
    /// The registry at `address` (`host`, `host:port`; `http://` or `https://` in front decides the scheme,
    /// without either it is HTTP on the loopback address and HTTPS elsewhere, as with the Docker engine).
    pub fn new(address: &str, credentials: Option<Credentials>) -> Result<Self> {
        let (scheme, host) = match address.split_once("://") {
            Some((scheme, host)) => (scheme, host),
            None if is_loopback(address) => ("http", address),
            None => ("https", address),
        };
        let host = host.trim_end_matches('/');
        // Docker Hub's API does not live at the name its images carry.
        let api = if host == "docker.io" { "registry-1.docker.io" } else { host };
        let mut client = Client::builder().timeout(PATIENCE).connect_timeout(Duration::from_secs(5));
        if is_loopback(host) {
            client = client.no_proxy();
        }
        let client = client
            .build()
            .map_err(|why| Error::new("registry", address, "prepare an HTTP client", Kind::Permanent).because(why))?;
        Ok(Self {
            host: host.to_owned(),
            base: format!("{scheme}://{api}"),
            client,
            credentials,
            granted: Arc::default(),
        })
    }

    /// The host as images name it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Host and port to connect to.
    pub fn address(&self) -> String {
        let (scheme, host) = self.base.split_once("://").unwrap_or(("https", &self.base));
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if has_port { host.to_owned() } else { format!("{host}:{}", if scheme == "http" { 80 } else { 443 }) }
    }

    /// The registry's clock against ours; `None` where its answers carry no `Date`.
    pub async fn drift(&self) -> Result<Option<Drift>> {
        clock::of_server("registry", &format!("{}/v2/", self.base)).await
    }

    /// Whether a registry answers here and lets us in.
    pub async fn ping(&self) -> Result<()> {
        let response = self.send(Method::GET, "", "", None, "reach the registry's API").await?;
        if response.headers().get("docker-distribution-api-version").is_none() && !response.status().is_success() {
            return Err(self
                .error("reach the registry's API", Kind::Permanent)
                .because(format!("it answered {}", response.status()))
                .next("check the address: this does not look like a registry"));
        }
        Ok(())
    }

    /// What `reference` (a tag or a digest) stands for in `repository`; `None` if it is not there.
    pub async fn resolve(&self, repository: &str, reference: &str) -> Result<Option<Descriptor>> {
        let doing = format!("resolve {}/{repository}:{reference}", self.host);
        let path = format!("{repository}/manifests/{reference}");
        let scope = format!("repository:{repository}:pull");
        let response = match self.send(Method::HEAD, &path, &scope, Some(manifest::ACCEPTED), &doing).await {
            Err(error) if error.kind == Kind::NotFound => return Ok(None),
            other => other?,
        };
        match Descriptor::of(response.headers()) {
            Some(descriptor) => Ok(Some(descriptor)),
            // Some registries leave the digest out of HEAD: then the manifest itself is hashed.
            None => Ok(self.manifest(repository, reference).await?.map(|manifest| manifest.descriptor)),
        }
    }

    /// The manifest behind `reference`, its bytes checked against their digest; `None` if it is not there.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Result<Option<Manifest>> {
        let doing = format!("read the manifest of {}/{repository}:{reference}", self.host);
        let path = format!("{repository}/manifests/{reference}");
        let scope = format!("repository:{repository}:pull");
        let response = match self.send(Method::GET, &path, &scope, Some(manifest::ACCEPTED), &doing).await {
            Err(error) if error.kind == Kind::NotFound => return Ok(None),
            other => other?,
        };
        let headers = response.headers().clone();
        let bytes =
            response.bytes().await.map_err(|why| self.error(&doing, Kind::Transient).because(why.without_url()))?;
        let wrong = |why: String| self.error(&doing, Kind::Permanent).because(why);
        Manifest::of(&headers, &bytes, reference).map(Some).map_err(wrong)
    }

    /// An image's configuration: architecture, labels, user. `manifest` must be of one image, not a list.
    pub async fn image_config(&self, repository: &str, manifest: &Manifest) -> Result<serde_json::Value> {
        let doing = format!("read the configuration of {}/{repository}", self.host);
        let Some(digest) = manifest.config_digest() else {
            return Err(self.error(&doing, Kind::Permanent).because("the manifest is a list of images, not one image"));
        };
        let scope = format!("repository:{repository}:pull");
        let response = self.send(Method::GET, &format!("{repository}/blobs/{digest}"), &scope, None, &doing).await?;
        response.json().await.map_err(|why| self.error(&doing, Kind::Transient).because(why.without_url()))
    }

    /// All tags of `repository`; none if the repository is not there.
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>> {
        let doing = format!("list the tags of {}/{repository}", self.host);
        let scope = format!("repository:{repository}:pull");
        match self.names(format!("{repository}/tags/list"), "tags", &scope, &doing).await {
            Err(error) if error.kind == Kind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    /// All repositories, emptied ones too. Many registries of others refuse to say.
    pub async fn repositories(&self) -> Result<Vec<String>> {
        self.names("_catalog".to_owned(), "repositories", "registry:catalog:*", "list the repositories").await
    }

    /// A list of names, page by page.
    async fn names(&self, mut path: String, field: &str, scope: &str, doing: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        loop {
            let response = self.send(Method::GET, &path, scope, None, doing).await?;
            let next = response.headers().get("link").and_then(|link| request::next_page(link.to_str().ok()?));
            let page: serde_json::Value =
                response.json().await.map_err(|why| self.error(doing, Kind::Transient).because(why.without_url()))?;
            let listed = page[field].as_array().into_iter().flatten();
            names.extend(listed.filter_map(|name| name.as_str().map(str::to_owned)));
            match next {
                Some(next) => path = next,
                None => return Ok(names),
            }
        }
    }

    /// The other tags of `repository` that share `digest` with `tag`.
    pub async fn tags_sharing(&self, repository: &str, tag: &str, digest: &str) -> Result<Vec<String>> {
        let mut sharing = Vec::new();
        for other in self.tags(repository).await? {
            if other != tag && self.resolve(repository, &other).await?.is_some_and(|found| found.digest == digest) {
                sharing.push(other);
            }
        }
        Ok(sharing)
    }

    /// Takes the tag away and leaves what it stands for. Not every registry does this: distribution refuses it
    /// before its version 3, or says that there is no such thing. So look afterwards.
    pub async fn untag(&self, repository: &str, tag: &str) -> Result<()> {
        let doing = format!("take away the tag {}/{repository}:{tag}", self.host);
        self.remove(repository, tag, &doing).await.map(drop)
    }

    /// Deletes the manifest `digest` and with it every tag that stands for it; `false` if it was not there.
    pub async fn delete(&self, repository: &str, digest: &str) -> Result<bool> {
        let doing = format!("delete {}/{repository}@{digest}", self.host);
        self.remove(repository, digest, &doing).await
    }

    async fn remove(&self, repository: &str, reference: &str, doing: &str) -> Result<bool> {
        let scope = format!("repository:{repository}:delete");
        match self.send(Method::DELETE, &format!("{repository}/manifests/{reference}"), &scope, None, doing).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == Kind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn error(&self, doing: impl Into<String>, kind: Kind) -> Error {
        Error::new("registry", &self.host, doing, kind)
    }

    /// What an answer other than success means.
    fn refusal(&self, doing: &str, status: StatusCode, said: &str) -> Error {
        let kind = match status {
            StatusCode::NOT_FOUND => Kind::NotFound,
            StatusCode::CONFLICT => Kind::Conflict,
            StatusCode::TOO_MANY_REQUESTS => Kind::Transient,
            status if status.is_server_error() => Kind::Transient,
            _ => Kind::Permanent,
        };
        let error = self.error(doing, kind).because(format!("it answered {status} {said}").trim_end().to_owned());
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                error.next("check the runbook's registry credentials, or docker login; ECR's tokens last 12 hours")
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                error.next("this registry does not allow deletion (distribution: storage.delete.enabled)")
            }
            _ => error,
        }
    }
}

/// Whether an address stays on this machine.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_follows_the_address_unless_it_is_given() {
        let base = |address: &str| Registry::new(address, None).unwrap().base;
        assert_eq!(base("127.0.0.1:5000"), "http://127.0.0.1:5000");
        assert_eq!(base("localhost:5000"), "http://localhost:5000");
        assert_eq!(base("registry.example:5000"), "https://registry.example:5000");
        assert_eq!(base("http://registry.example:5000/"), "http://registry.example:5000");
    }
}
