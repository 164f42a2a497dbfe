//! Route 53: every zone of the account, and every record set in each.

use serde_json::json;

use super::{Places, Thing};
use crate::domain::Resource;
use crate::services::Result;

/// Every zone and record set.
pub(super) async fn things(places: &Places) -> Result<Option<Vec<Thing>>> {
    let Some(route53) = places.route53().await? else { return Ok(None) };
    let mut things = Vec::new();
    for zone in route53.zones().await? {
        let info = zone.info();
        let facts = json!({ "name": info.name, "private": info.private });
        things.push(Thing { resource: Resource::zone(&info.id), facts, owners: Vec::new() });
        for set in zone.all_sets().await? {
            let identifier = set.set_identifier.as_deref();
            let resource = Resource::record(&info.id, &set.name, &set.kind, identifier);
            things.push(Thing { resource, facts: json!(set), owners: Vec::new() });
        }
    }
    Ok(Some(things))
}
