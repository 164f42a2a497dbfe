//! What changed between two inventories, and what of it nobody explains.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Inventory, Known};
use crate::domain::resource::Resource;

/// What happened to a thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Parts of it are not as they were.
    Changed {
        /// Which: `spec.replicas`.
        parts: Vec<String>,
    },
}

/// A thing that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// What it is.
    pub resource: Resource,
    /// What happened to it.
    #[serde(flatten)]
    pub change: Change,
}

/// Everything that changed from one moment to another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Difference {
    /// In the order of names.
    pub changed: Vec<Changed>,
    /// What each thing comes and goes with, directly.
    owners: BTreeMap<Resource, BTreeSet<Resource>>,
}

impl Difference {
    /// What changed. Of a service that answered at one of the two moments only, nothing is compared: that it
    /// came or went is the change.
    pub fn between(before: &Inventory, after: &Inventory) -> Self {
        let mut difference = Self::default();
        let silent = |resource: &Resource| {
            [before, after].iter().any(|moment| moment.unanswered.contains_key(resource.service()))
        };
        let names: BTreeSet<&Resource> = before.things.keys().chain(after.things.keys()).collect();
        for resource in names {
            if silent(resource) && *resource != Resource::whole(resource.service()) {
                continue;
            }
            let (was, is) = (before.things.get(resource), after.things.get(resource));
            for known in [was, is].into_iter().flatten() {
                difference.owners.entry(resource.clone()).or_default().extend(known.owners.iter().cloned());
            }
            let change = match (was, is) {
                (None, _) => Change::Added,
                (_, None) => Change::Removed,
                (Some(was), Some(is)) if was.parts == is.parts => continue,
                (Some(was), Some(is)) => Change::Changed { parts: differing(was, is) },
            };
            difference.changed.push(Changed { resource: resource.clone(), change });
        }
        difference
    }

    /// What changed and is neither touched, nor within something touched, nor owned by it.
    pub fn leftovers(&self, touched: &BTreeSet<Resource>) -> Vec<Changed> {
        let unexplained = |changed: &&Changed| !self.is_explained(&changed.resource, touched);
        self.changed.iter().filter(unexplained).cloned().collect()
    }

    fn is_explained(&self, resource: &Resource, touched: &BTreeSet<Resource>) -> bool {
        let (mut next, mut seen) = (vec![resource], BTreeSet::new());
        while let Some(resource) = next.pop() {
            if touched.iter().any(|touched| touched.explains(resource)) {
                return true;
            }
            // Owners in a circle are no reason to run in one.
            if seen.insert(resource) {
                next.extend(self.owners.get(resource).into_iter().flatten());
            }
        }
        false
    }
}

fn differing(was: &Known, is: &Known) -> Vec<String> {
    let paths: BTreeSet<&String> = was.parts.keys().chain(is.parts.keys()).collect();
    paths.into_iter().filter(|path| was.parts.get(*path) != is.parts.get(*path)).cloned().collect()
}

impl std::fmt::Display for Changed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.change {
            Change::Added => write!(f, "{} is new", self.resource),
            Change::Removed => write!(f, "{} is gone", self.resource),
            Change::Changed { parts } => write!(f, "{} changed ({})", self.resource, parts.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Thing, parts};
    use super::*;

    fn deployment() -> Resource {
        Resource::object("apps/v1", "Deployment", Some("shop"), "web")
    }

    fn inventory(things: &[(Resource, &str, Option<Resource>)]) -> Inventory {
        let mut inventory = Inventory::default();
        for (resource, content, owner) in things {
            let known =
                Known { parts: parts::of(&json!({"content": content})), owners: owner.iter().cloned().collect() };
            inventory.things.insert(resource.clone(), known);
        }
        inventory
    }

    #[test]
    fn an_owner_that_was_touched_explains_what_it_owns_and_nobody_else_does() {
        let set = Resource::object("apps/v1", "ReplicaSet", Some("shop"), "web-1");
        let pod = Resource::object("v1", "Pod", Some("shop"), "web-1-a");
        let planted = Resource::object("v1", "ConfigMap", Some("shop"), "planted");
        let before = inventory(&[(Resource::volume("v"), "a", None), (Resource::volume("w"), "a", None)]);
        let after = inventory(&[
            (deployment(), "", None),
            (set.clone(), "", Some(deployment())),
            (pod, "", Some(set)),
            (planted, "", None),
            (Resource::volume("v"), "b", None),
        ]);
        let difference = Difference::between(&before, &after);
        assert_eq!(difference.changed.len(), 6);
        let touched = BTreeSet::from([deployment(), Resource::object("v1", "Namespace", None, "shop")]);
        let said: Vec<String> = difference.leftovers(&touched).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "docker/volume/v changed (content)",
                "docker/volume/w is gone",
                "kubernetes/ConfigMap/shop/planted is new"
            ]
        );
    }

    #[test]
    fn a_service_that_went_silent_is_one_change() {
        let mut before = Inventory::default();
        let volume = Thing { resource: Resource::volume("v"), facts: json!({}), owners: Vec::new() };
        before.add("docker", Ok(Some(vec![volume])));
        let mut after = Inventory::default();
        after.unanswered.insert("docker".to_owned(), "connection refused".to_owned());
        let difference = Difference::between(&before, &after);
        assert_eq!(difference.leftovers(&BTreeSet::new()).len(), 1);
        assert!(difference.leftovers(&BTreeSet::from([Resource::whole("docker")])).is_empty());
    }
}
