//! Whose the names are that the steps will take in somebody's own cluster: free, an earlier rehearsal's of this
//! lab, or in use.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::actions::names::Taken;
use crate::cli::Stop;
use crate::domain::Failure;
use crate::lab::own_cluster::OwnCluster;
use crate::services::Result;
use crate::services::kubernetes::{MANAGED_BY, MANAGER, Name, RUN};

/// Refuses names that are in use by anything but earlier rehearsals.
pub(super) async fn free(own: &OwnCluster, taken: &[Taken], runs: &BTreeSet<String>) -> std::result::Result<(), Stop> {
    let mut used = Vec::new();
    for taken in taken {
        if !is_adopted(own, taken).await? {
            used.extend(in_use(own, &taken.names, runs).await?);
        }
    }
    let Some((first, _)) = used.first() else { return Ok(()) };
    let whose: Vec<String> = used.iter().map(|(name, whose)| format!("{name}: {whose}")).collect();
    let failure = Failure::refused(format!(
        "names that the rehearsal takes in the cluster of context `{}` are in use",
        own.context
    ));
    Err(failure
        .because(whose.join("; "))
        .next(format!(
            "see what it is (`kubectl --context {} get {} {} -o yaml`); if it is a leftover, delete it; else rehearse under \
             other names: --set 'namespace=\"...\"', --set 'ingress_namespace=\"...\"', --set 'ingress_class=\"...\"'",
            own.context,
            first.kind.to_lowercase(),
            first.name
        ))
        .into())
}

/// Whether the step will take the controller that is there, and make nothing.
async fn is_adopted(own: &OwnCluster, taken: &Taken) -> Result<bool> {
    let Some((class, controller)) = &taken.adopts else { return Ok(false) };
    let found = own.cluster.get(class).await?;
    Ok(found.is_some_and(|class| !is_labelled(&class) && class["spec"]["controller"] == *controller))
}

/// Namespaces, and names outside of any, that are neither free nor an earlier rehearsal's, and whose they are.
async fn in_use(own: &OwnCluster, names: &[Name], runs: &BTreeSet<String>) -> Result<Vec<(Name, String)>> {
    let mut used = Vec::new();
    for name in names.iter().filter(|name| name.namespace.is_none()) {
        if let Some(whose) = own.cluster.get(name).await?.and_then(|object| holder(&object, runs)) {
            used.push((name.clone(), whose));
        }
    }
    Ok(used)
}

/// Who holds an object; nobody, if a rehearsal of this lab made it.
fn holder(object: &Value, runs: &BTreeSet<String>) -> Option<String> {
    if !is_labelled(object) {
        return Some("somebody else made it".to_owned());
    }
    let run = object["metadata"]["labels"][RUN].as_str().unwrap_or("unnamed");
    (!runs.contains(run)).then(|| format!("it was made by the run `{run}`, which is no rehearsal of this lab"))
}

fn is_labelled(object: &Value) -> bool {
    object["metadata"]["labels"][MANAGED_BY] == MANAGER
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_an_earlier_rehearsal_of_this_lab_gives_way() {
        let runs = BTreeSet::from(["rehearsal-1".to_owned()]);
        let object = |labels: Value| json!({ "metadata": { "name": "shop", "labels": labels } });
        let of = |run: &str| object(json!({ MANAGED_BY: MANAGER, RUN: run }));
        assert_eq!(holder(&of("rehearsal-1"), &runs), None);
        assert!(holder(&of("shop-rev3-1"), &runs).unwrap().contains("shop-rev3-1"));
        assert_eq!(holder(&object(json!({ RUN: "rehearsal-1" })), &runs).unwrap(), "somebody else made it");
        assert_eq!(holder(&object(Value::Null), &runs).unwrap(), "somebody else made it");
    }
}
