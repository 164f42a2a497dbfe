//! Images: what they are, their names, their end.

use bollard::query_parameters::{ListImagesOptions, RemoveImageOptions, TagImageOptions};
use futures_util::TryStreamExt as _;
use std::path::Path;
use tokio::io::AsyncWriteExt as _;

use super::{Engine, Labels, by_labels};
use crate::services::{Error, Kind, Result};

/// What the engine knows of one image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageInfo {
    /// `sha256:...` of its configuration: the same on every engine.
    pub id: String,
    /// `repository:tag`, each.
    pub tags: Vec<String>,
    /// `repository@sha256:...`, one for each registry that it was pushed to or pulled from.
    pub digests: Vec<String>,
    /// `amd64`, `arm64`.
    pub architecture: String,
    /// Labels.
    pub labels: Labels,
    /// User it runs as; empty is root.
    pub user: String,
    /// `8080/tcp`, each.
    pub ports: Vec<String>,
    /// Whether it declares a health check.
    pub healthcheck: bool,
    /// Entry point and arguments together.
    pub command: Vec<String>,
    /// Bytes on disk, shared layers included.
    pub size: u64,
}

impl Engine {
    /// The image of this name or id, if the engine has it.
    pub async fn image(&self, reference: &str) -> Result<Option<ImageInfo>> {
        let found = match self.docker.inspect_image(reference).await {
            Ok(found) => found,
            Err(why) => {
                let error = self.fault(format!("inspect the image {reference}"))(why);
                return if error.kind == Kind::NotFound { Ok(None) } else { Err(error) };
            }
        };
        let config = found.config.unwrap_or_default();
        let mut command = config.entrypoint.unwrap_or_default();
        command.extend(config.cmd.unwrap_or_default());
        Ok(Some(ImageInfo {
            id: found.id.unwrap_or_default(),
            tags: found.repo_tags.unwrap_or_default(),
            digests: found.repo_digests.unwrap_or_default(),
            architecture: found.architecture.unwrap_or_default(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            user: config.user.unwrap_or_default(),
            ports: config.exposed_ports.unwrap_or_default(),
            healthcheck: config
                .healthcheck
                .and_then(|check| check.test)
                .is_some_and(|test| test.first().is_some_and(|t| t != "NONE")),
            command,
            size: u64::try_from(found.size.unwrap_or_default()).unwrap_or_default(),
        }))
    }

    /// Ids and names of the images with these labels (an empty value: any value).
    pub async fn images_labelled(&self, labels: &[(&str, &str)]) -> Result<Vec<(String, Vec<String>)>> {
        let options = ListImagesOptions { filters: Some(by_labels(labels)), ..ListImagesOptions::default() };
        let found = self.docker.list_images(Some(options)).await.map_err(self.fault("list images"))?;
        Ok(found.into_iter().map(|image| (image.id, image.repo_tags)).collect())
    }

    /// Gives `image` (a name or an id) another name.
    pub async fn tag(&self, image: &str, reference: &str) -> Result<()> {
        let (repository, tag) = split_reference(reference);
        let options = TagImageOptions { repo: Some(repository.to_owned()), tag: Some(tag.to_owned()) };
        self.docker.tag_image(image, Some(options)).await.map_err(self.fault(format!("tag {image} as {reference}")))
    }

    /// Takes away a name; the image goes with its last name. Not there is done already (`false`).
    pub async fn remove_image(&self, reference: &str) -> Result<bool> {
        match self.docker.remove_image(reference, None::<RemoveImageOptions>, None).await {
            Ok(_) => Ok(true),
            Err(why) => {
                let error = self.fault(format!("remove the image {reference}"))(why);
                if error.kind == Kind::NotFound { Ok(false) } else { Err(error) }
            }
        }
    }

    /// Writes the image as `docker save` does.
    pub async fn save(&self, reference: &str, to: &Path) -> Result<()> {
        let doing = format!("save {reference} to {}", to.display());
        let unwritable =
            |why: std::io::Error| Error::new("Docker engine", self.address(), &doing, Kind::Permanent).because(why);
        let mut file = tokio::fs::File::create(to).await.map_err(unwritable)?;
        let mut stream = std::pin::pin!(self.docker.export_image(reference));
        while let Some(piece) = stream.try_next().await.map_err(self.fault(doing.clone()))? {
            file.write_all(&piece).await.map_err(unwritable)?;
        }
        file.sync_all().await.map_err(unwritable)
    }
}

/// `host:port/repository:tag` as repository and tag; a digest counts as a tag, and without either the
/// tag is `latest`.
pub fn split_reference(reference: &str) -> (&str, &str) {
    if let Some(found) = reference.split_once('@') {
        return found;
    }
    match reference.rsplit_once(':') {
        // A colon before the last slash is the port of the host.
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (reference, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::split_reference;

    #[test]
    fn a_port_is_not_a_tag() {
        assert_eq!(split_reference("localhost:5000/a/b"), ("localhost:5000/a/b", "latest"));
        assert_eq!(split_reference("localhost:5000/a/b:v1"), ("localhost:5000/a/b", "v1"));
        assert_eq!(split_reference("debian:trixie-slim"), ("debian", "trixie-slim"));
        assert_eq!(split_reference("a/b@sha256:00"), ("a/b", "sha256:00"));
    }
}
