//! The cluster: every object of every kind that can be listed, with what it belongs to; of a cluster that is
//! somebody else's, only what is in our namespaces, by our names or with our label.

use serde_json::Value;

use super::{Places, Thing, left_out};
use crate::domain::Resource;
use crate::services::Result;
use crate::services::kubernetes::{Cluster, MANAGED_BY, MANAGER, Name};

/// Everything that the API server lists.
pub(super) async fn things(places: &Places) -> Result<Option<Vec<Thing>>> {
    let Some(cluster) = places.cluster().await? else { return Ok(None) };
    let wanted = |kind: &str| !left_out::kind("kubernetes", kind);
    let objects = match &places.ours {
        None => cluster.everything(wanted).await?,
        Some(names) => ours(&cluster, names, wanted).await?,
    };
    Ok(Some(objects.into_iter().map(thing).collect()))
}

/// What is ours to look at in a cluster of others. The same object may come twice, by its label and by name.
async fn ours(cluster: &Cluster, names: &[Name], wanted: impl Fn(&str) -> bool) -> Result<Vec<Value>> {
    let mut namespaces = Vec::new();
    let mut objects = Vec::new();
    for name in names.iter().filter(|name| name.namespace.is_none()) {
        let Some(object) = cluster.get(name).await? else { continue };
        if name.kind == "Namespace" {
            namespaces.push(name.name.clone());
        }
        objects.push(object);
    }
    objects.extend(cluster.everything_of(&namespaces, &format!("{MANAGED_BY}={MANAGER}"), wanted).await?);
    Ok(objects)
}

fn thing(object: Value) -> Thing {
    let metadata = &object["metadata"];
    let resource = Resource::object(
        text(&object["apiVersion"]),
        text(&object["kind"]),
        metadata["namespace"].as_str(),
        text(&metadata["name"]),
    );
    let owners = owners(&object);
    Thing { resource, facts: object, owners }
}

/// What an object comes and goes with: what its metadata says, and what Kubernetes makes for others without
/// saying so.
fn owners(object: &Value) -> Vec<Resource> {
    let metadata = &object["metadata"];
    let namespace = metadata["namespace"].as_str();
    let mut owners: Vec<Resource> = metadata["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|owner| {
            // A Node is in no namespace, whatever it owns.
            let within = namespace.filter(|_| owner["kind"] != "Node");
            Resource::object(text(&owner["apiVersion"]), text(&owner["kind"]), within, text(&owner["name"]))
        })
        .collect();
    let core = |kind: &str, namespace: Option<&str>, name: &str| Resource::object("v1", kind, namespace, name);
    match (text(&object["kind"]), text(&metadata["name"])) {
        // Every namespace is given these two.
        ("ServiceAccount", "default") | ("ConfigMap", "kube-root-ca.crt") => {
            owners.extend(namespace.map(|namespace| core("Namespace", None, namespace)));
        }
        // Written for the Service of the same name, unless somebody keeps them by hand.
        ("Endpoints", name) if !metadata["labels"]["endpoints.kubernetes.io/managed-by"].is_null() => {
            owners.push(core("Service", namespace, name));
        }
        // An address of the cluster's range that a Service holds.
        ("IPAddress", _) => {
            let parent = &object["spec"]["parentRef"];
            owners.push(core("Service", parent["namespace"].as_str(), text(&parent["name"])));
        }
        // A volume that a claim was given.
        ("PersistentVolume", _) => {
            let claim = &object["spec"]["claimRef"];
            owners.push(core("PersistentVolumeClaim", claim["namespace"].as_str(), text(&claim["name"])));
        }
        _ => {}
    }
    owners
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_kubernetes_makes_for_others_comes_with_them() {
        let owner = |object: Value| thing(object).owners.first().map(ToString::to_string);
        let metadata = json!({"namespace": "shop", "name": "web-1", "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web"}]});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata});
        assert_eq!(owner(pod).as_deref(), Some("kubernetes/ReplicaSet/shop/web"));
        let account = json!({"kind": "ServiceAccount", "metadata": {"namespace": "shop", "name": "default"}});
        assert_eq!(owner(account).as_deref(), Some("kubernetes/Namespace/shop"));
        let planted = json!({"kind": "ConfigMap", "metadata": {"namespace": "shop", "name": "planted"}});
        assert_eq!(owner(planted), None);
        let address = json!({"kind": "IPAddress", "metadata": {"name": "10.96.0.1"},
            "spec": {"parentRef": {"namespace": "shop", "name": "web"}}});
        assert_eq!(owner(address).as_deref(), Some("kubernetes/Service/shop/web"));
    }
}
