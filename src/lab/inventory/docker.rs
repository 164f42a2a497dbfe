//! The Docker engine: containers, images with the builder's layers, volumes, networks.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Places, Thing};
use crate::domain::Resource;
use crate::services::Result;
use crate::services::docker::{Listed, ListedImage};

/// Everything that the engine lists.
pub(super) async fn things(places: &Places) -> Result<Option<Vec<Thing>>> {
    let engine = places.engine().await?;
    let (containers, images, volumes, networks) =
        tokio::try_join!(engine.all_containers(), engine.all_images(), engine.all_volumes(), engine.all_networks())?;
    let mut things = of_images(&images);
    let plain = |name: fn(&str) -> Resource, listed: Vec<Listed>| {
        listed.into_iter().map(move |Listed { name: its, facts }| Thing {
            resource: name(&its),
            facts,
            owners: Vec::new(),
        })
    };
    things.extend(plain(Resource::container, containers));
    things.extend(plain(Resource::volume, volumes));
    things.extend(plain(Resource::network, networks));
    Ok(Some(things))
}

/// Each name of an image is a thing of its own. A layer without a name comes with the images that were
/// built on it, and goes with the last of them.
fn of_images(images: &[ListedImage]) -> Vec<Thing> {
    let mut built_on: BTreeMap<&str, Vec<Resource>> = BTreeMap::new();
    for image in images {
        if let Some(parent) = &image.parent {
            built_on.entry(parent).or_default().extend(names(image));
        }
    }
    let mut things = Vec::new();
    for image in images {
        let owners = if image.references.is_empty() {
            built_on.get(image.id.as_str()).cloned().unwrap_or_default()
        } else {
            Vec::new()
        };
        let of = |resource| Thing { resource, facts: json!({ "id": image.id }), owners: owners.clone() };
        things.extend(names(image).into_iter().map(of));
    }
    things
}

fn names(image: &ListedImage) -> Vec<Resource> {
    if image.references.is_empty() {
        return vec![Resource::image(&image.id)];
    }
    image.references.iter().map(|reference| Resource::image(reference)).collect()
}
