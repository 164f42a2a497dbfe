//! Everything that an engine has, whoever made it: for those who compare two moments.

use bollard::query_parameters::{ListContainersOptions, ListImagesOptions, ListNetworksOptions, ListVolumesOptions};
use serde_json::{Value, json};

use super::Engine;
use crate::services::Result;

/// A thing of the engine: what it is called, and what is known of it that does not change by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its facts.
    pub facts: Value,
}

/// An image of the engine, intermediate layers of builds included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedImage {
    /// `sha256:...`.
    pub id: String,
    /// The id of the image that it was built on, where the engine knows it.
    pub parent: Option<String>,
    /// Its names: tags, else digests, else none.
    pub references: Vec<String>,
}

impl Engine {
    /// Every container, running or not.
    pub async fn all_containers(&self) -> Result<Vec<Listed>> {
        let options = ListContainersOptions { all: true, ..ListContainersOptions::default() };
        let found = self.docker.list_containers(Some(options)).await.map_err(self.fault("list containers"))?;
        let facts = found.into_iter().map(|container| {
            let name = container.names.unwrap_or_default().into_iter().next();
            let id = container.id.unwrap_or_default();
            let facts = json!({
                "id": id, "image": container.image_id, "command": container.command,
                "labels": container.labels, "state": container.state,
            });
            Listed { name: name.map_or(id, |name| name.trim_start_matches('/').to_owned()), facts }
        });
        Ok(facts.collect())
    }

    /// Every image, with the layers that the builder keeps for its next build.
    pub async fn all_images(&self) -> Result<Vec<ListedImage>> {
        let options = ListImagesOptions { all: true, ..ListImagesOptions::default() };
        let found = self.docker.list_images(Some(options)).await.map_err(self.fault("list images"))?;
        let named = |names: Vec<String>| names.into_iter().filter(|name| !name.contains("<none>")).collect::<Vec<_>>();
        let images = found.into_iter().map(|image| {
            let tags = named(image.repo_tags);
            ListedImage {
                id: image.id,
                parent: Some(image.parent_id).filter(|parent| !parent.is_empty()),
                references: if tags.is_empty() { named(image.repo_digests) } else { tags },
            }
        });
        Ok(images.collect())
    }

    /// Every volume.
    pub async fn all_volumes(&self) -> Result<Vec<Listed>> {
        let found = self.docker.list_volumes(None::<ListVolumesOptions>).await.map_err(self.fault("list volumes"))?;
        let facts = found.volumes.unwrap_or_default().into_iter().map(|volume| Listed {
            facts: json!({
                "driver": volume.driver, "options": volume.options, "labels": volume.labels,
                "created": volume.created_at,
            }),
            name: volume.name,
        });
        Ok(facts.collect())
    }

    /// Every network.
    pub async fn all_networks(&self) -> Result<Vec<Listed>> {
        let found =
            self.docker.list_networks(None::<ListNetworksOptions>).await.map_err(self.fault("list networks"))?;
        let facts = found.into_iter().map(|network| Listed {
            facts: json!({
                "id": network.id, "driver": network.driver, "internal": network.internal, "ipam": network.ipam,
                "options": network.options, "labels": network.labels,
            }),
            name: network.name.unwrap_or_default(),
        });
        Ok(facts.collect())
    }
}
