//! The front at the old address: which way it passes requests.

use serde_json::json;

use super::{Places, Thing};
use crate::domain::Resource;
use crate::services::Result;

/// The way in force; where the staged relay would lead matters only once it is in force.
pub(super) async fn things(places: &Places) -> Result<Option<Vec<Thing>>> {
    let Some(front) = places.front().await? else { return Ok(None) };
    let status = front.status().await?;
    Ok(Some(vec![Thing { resource: Resource::front(), facts: json!({ "mode": status.mode }), owners: Vec::new() }]))
}
