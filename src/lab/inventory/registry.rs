//! The registry: what every tag of every repository stands for, as far as its API tells.

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;

use super::{Places, Thing};
use crate::domain::Resource;
use crate::services::{Kind, Result};

/// Tags asked for at the same time.
const ABREAST: usize = 8;

/// Every tag. A registry that does not list its repositories is asked for the runbook's own.
pub(super) async fn things(places: &Places) -> Result<Option<Vec<Thing>>> {
    let Some((registry, own)) = places.registry().await? else { return Ok(None) };
    let repositories = match registry.repositories().await {
        Err(error) if error.kind == Kind::Permanent || error.kind == Kind::NotFound => vec![own],
        listed => listed?,
    };
    let mut wanted = Vec::new();
    for repository in repositories {
        wanted.extend(registry.tags(&repository).await?.into_iter().map(|tag| (repository.clone(), tag)));
    }
    let resolved = futures_util::stream::iter(wanted).map(|(repository, tag)| {
        let registry = &registry;
        async move {
            let found = registry.resolve(&repository, &tag).await?;
            let resource = Resource::tag(&repository, &tag);
            let thing = |digest| Thing { resource, facts: json!({ "digest": digest }), owners: Vec::new() };
            Ok(found.map(|found| thing(found.digest)))
        }
    });
    // A tag whose manifest is gone is in the list and stands for nothing.
    let things: Vec<Option<Thing>> = resolved.buffer_unordered(ABREAST).try_collect().await?;
    Ok(Some(things.into_iter().flatten().collect()))
}
