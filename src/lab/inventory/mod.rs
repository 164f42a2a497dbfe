//! Everything that can be asked of the outside world, at one moment, as names and hashes.
//!
//! Taken before a run and after it, and compared: what changed and no journalled effect explains is a
//! leftover. It asks for everything and looks at nobody's labels, our own least of all: an object that a
//! step forgot to record would carry them too. What is not looked at stands in [`left_out`], each with the
//! reason. One file a service; each gives [`Thing`]s.
//!
//! ```text
//! Places::of(plan)  ->  take  ->  Difference::between(before, after)  ->  leftovers(touched)
//! ```

mod difference;
mod docker;
mod files;
mod front;
mod kubernetes;
mod left_out;
mod mysql;
mod parts;
mod places;
mod registry;
mod route53;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::resource::{Resource, Side};
use crate::services::Result;

pub use difference::{Change, Changed, Difference};
pub use left_out::{LEFT_OUT, LeftOut};
pub use places::Places;

/// One thing in the outside world, as its service shows it.
struct Thing {
    resource: Resource,
    /// What is known of it.
    facts: Value,
    /// What it comes and goes with: the Deployment of a ReplicaSet, the image of a layer.
    owners: Vec<Resource>,
}

/// The world at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// Everything that was found.
    pub things: BTreeMap<Resource, Known>,
    /// Services that gave no answer, and what they said instead.
    pub unanswered: BTreeMap<String, String>,
}

/// What an inventory keeps of a thing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// A hash of each part, by the part's path: `spec.replicas`. Contents are in no inventory.
    pub parts: BTreeMap<String, String>,
    /// What it comes and goes with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Resource>,
}

/// Asks every service, all at the same time; one that gives no answer is noted as such.
pub async fn take(places: &Places) -> Inventory {
    let (docker, cluster, source, target, registry, zones, front, files) = tokio::join!(
        Box::pin(docker::things(places)),
        Box::pin(kubernetes::things(places)),
        Box::pin(mysql::things(places, Side::Source)),
        Box::pin(mysql::things(places, Side::Target)),
        Box::pin(registry::things(places)),
        Box::pin(route53::things(places)),
        Box::pin(front::things(places)),
        Box::pin(files::things(places)),
    );
    let mut inventory = Inventory::default();
    inventory.add("docker", docker);
    inventory.add("kubernetes", cluster);
    inventory.add(Side::Source.service(), source);
    inventory.add(Side::Target.service(), target);
    inventory.add("registry", registry);
    inventory.add("route53", zones);
    inventory.add("front", front);
    inventory.add("file", files);
    inventory
}

impl Inventory {
    /// Takes in what a service answered: everything, nothing because the runbook has no such service, a fault.
    fn add(&mut self, service: &str, answer: Result<Option<Vec<Thing>>>) {
        match answer {
            Ok(None) => {}
            Ok(Some(things)) => {
                let itself = Known { parts: parts::of(&Value::Bool(true)), owners: Vec::new() };
                self.things.insert(Resource::whole(service), itself);
                for thing in things {
                    if !left_out::wholly(&thing.resource) {
                        let parts = left_out::without(&thing.resource, parts::of(&thing.facts));
                        self.things.insert(thing.resource, Known { parts, owners: thing.owners });
                    }
                }
            }
            Err(error) => {
                let why = error.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                self.unanswered.insert(service.to_owned(), format!("{error}{why}"));
            }
        }
    }
}
