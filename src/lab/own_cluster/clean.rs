//! Taking away what rehearsals of this lab left in somebody's own cluster.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::OwnCluster;
use crate::services::kubernetes::{MANAGED_BY, MANAGER, Manifest, Name, Owner, RUN};
use crate::services::{Error, Kind, Result};

/// How long one object may take to go: a namespace goes when its last pod has.
const GONE: Duration = Duration::from_mins(3);

impl OwnCluster {
    /// Removes the namespaces that these runs made, with what they hold, and their objects outside of any
    /// namespace; what it was. A namespace that holds something of others is a conflict, and nothing is removed.
    pub async fn clean(&self, runs: &BTreeSet<String>) -> Result<Vec<Name>> {
        let labels = format!("{MANAGED_BY}={MANAGER}");
        let labelled = self.cluster.everything_of(&[], &labels, |_| true).await?;
        let mut made: Vec<(Name, Owner)> = labelled.into_iter().filter_map(|object| made_by(object, runs)).collect();
        // Namespaces first: what is outside of them lets those inside do their work until they end.
        made.sort_by_key(|(name, _)| (name.kind != "Namespace", name.clone()));
        for (name, owner) in made.iter().filter(|(name, _)| name.kind == "Namespace") {
            self.refuse_others(&name.name, owner).await?;
        }
        let mut removed = Vec::new();
        for (name, owner) in made {
            if self.cluster.delete(&name, &owner, GONE).await? {
                removed.push(name);
            }
        }
        Ok(removed)
    }

    /// Refuses a namespace in which others have put something, since it would go with the namespace.
    async fn refuse_others(&self, namespace: &str, owner: &Owner) -> Result<()> {
        let foreign = self.cluster.foreign_in(namespace, owner).await?;
        if foreign.is_empty() {
            return Ok(());
        }
        let named: Vec<String> = foreign.iter().map(ToString::to_string).collect();
        let doing = format!("remove the namespace {namespace}, which an earlier rehearsal made");
        Err(Error::new(format!("cluster `{}`", self.context), self.cluster.address(), doing, Kind::Conflict)
            .because(format!("others have put something into it: {}", named.join(", ")))
            .next("move it away, or delete it; then again"))
    }
}

/// The object's name and owner, where one of these runs made it.
fn made_by(object: Value, runs: &BTreeSet<String>) -> Option<(Name, Owner)> {
    let run = object["metadata"]["labels"][RUN].as_str().filter(|run| runs.contains(*run))?.to_owned();
    Some((Manifest(object).name(), Owner::new(run)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_a_rehearsal_of_this_lab_made_is_taken_away() {
        let runs = BTreeSet::from(["rehearsal-1".to_owned()]);
        let object = |run: &str| {
            json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": "shop", "labels": {MANAGED_BY: MANAGER, RUN: run}}})
        };
        let (name, owner) = made_by(object("rehearsal-1"), &runs).unwrap();
        assert_eq!((name.to_string().as_str(), owner.run.as_str()), ("Namespace shop", "rehearsal-1"));
        // A real migration carries the same label, and another run.
        assert_eq!(made_by(object("shop-rev3-1"), &runs), None);
        assert_eq!(made_by(json!({"kind": "Namespace", "metadata": {"name": "shop"}}), &runs), None);
    }
}
