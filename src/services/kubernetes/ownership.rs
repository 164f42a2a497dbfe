//! Whose an object is by now, and what else lies in a namespace: asked before anything is taken away.
//!
//! The labels say who made an object. The API server's own record of field managers says who changed it
//! since, whatever the labels say.

use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::Value;

use super::object::{Whose, whose};
use super::{Cluster, MANAGED_BY, MANAGER, Name, Owner, RUN};
use crate::services::{Kind, Result};

/// Kinds that lie in a namespace without anybody's having put them there for their own sake, and why.
const KEPT_BY_THE_CLUSTER: [(&str, &str); 4] = [
    ("Endpoints", "derived from Services"),
    ("Event", "what happened, for an hour"),
    ("Lease", "which of several processes leads"),
    ("PodMetrics", "measured, not stored"),
];
/// What every namespace has.
const IN_EVERY_NAMESPACE: [(&str, &str); 2] = [("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")];

/// How an object stands with a run that once made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// It is not there.
    Gone,
    /// It carries the run's labels.
    Ours {
        /// Its uid: another one is another object of that name.
        uid: String,
        /// Who else changed what it is, and since when: `kubectl-edit at 2026-07-01T09:00:00Z`.
        changed_by: Vec<String>,
    },
    /// It does not carry them.
    Theirs,
}

impl Cluster {
    /// How an object stands with `owner`.
    pub async fn stands(&self, name: &Name, owner: &Owner) -> Result<Stands> {
        let api = match self.api_of(name).await {
            Err(error) if error.kind == Kind::NotFound => return Ok(Stands::Gone),
            other => other?,
        };
        let found = api.get_opt(&name.name).await.map_err(self.fault(format!("read {name}")))?;
        Ok(found.map_or(Stands::Gone, |object| match whose(&object, &owner.run) {
            Whose::Ours => Stands::Ours { uid: object.uid().unwrap_or_default(), changed_by: changed_by(&object) },
            Whose::OtherRun(_) | Whose::Foreign => Stands::Theirs,
        }))
    }

    /// What lies in a namespace that `owner` did not put there, and that goes with nothing else: `ConfigMap
    /// shop/settings`. What another object owns goes, or stays, with that one.
    pub async fn foreign_in(&self, namespace: &str, owner: &Owner) -> Result<Vec<Name>> {
        let wanted = |kind: &str| KEPT_BY_THE_CLUSTER.iter().all(|(kept, _)| *kept != kind);
        let found = self.everything_in(namespace, wanted).await?;
        let mut foreign: Vec<Name> = found.iter().filter(|object| is_foreign(object, owner)).map(named).collect();
        foreign.sort();
        Ok(foreign)
    }

    /// Every Ingress of an ingress class that `owner` did not make.
    pub async fn ingresses_of_others(&self, class: &str, owner: &Owner) -> Result<Vec<Name>> {
        let found = self.everything(|kind| kind == "Ingress").await?;
        let of_class = |object: &&Value| object["spec"]["ingressClassName"].as_str() == Some(class);
        Ok(found.iter().filter(of_class).filter(|object| is_foreign(object, owner)).map(named).collect())
    }
}

fn is_foreign(object: &Value, owner: &Owner) -> bool {
    let metadata = &object["metadata"];
    let labels = &metadata["labels"];
    let ours = labels[MANAGED_BY] == MANAGER && labels[RUN] == owner.run.as_str();
    let owned = metadata["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty());
    let name = named(object);
    let usual = IN_EVERY_NAMESPACE.contains(&(name.kind.as_str(), name.name.as_str()));
    !ours && !owned && !usual
}

fn named(object: &Value) -> Name {
    super::Manifest(object.clone()).name()
}

/// Who besides us changed what an object is: not its status or scale, and not its labels and annotations
/// alone, which controllers write too.
fn changed_by(object: &DynamicObject) -> Vec<String> {
    let entries = object.managed_fields().iter();
    let others =
        entries.filter(|entry| {
            entry.manager.as_deref() != Some(MANAGER)
                && entry.subresource.as_deref().unwrap_or_default().is_empty()
                && entry.fields_v1.as_ref().and_then(|fields| fields.0.as_object()).is_some_and(|fields| {
                    fields.keys().any(|field| !matches!(field.as_str(), "f:metadata" | "f:status"))
                })
        });
    others
        .map(|entry| {
            let who = entry.manager.clone().unwrap_or_else(|| "somebody".to_owned());
            entry.time.as_ref().map_or_else(|| who.clone(), |time| format!("{who} at {}", time.0))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn status_scale_and_labels_are_nobodys_change_and_a_field_is() {
        let entry = |manager: &str, subresource: &str, field: &str| {
            json!({"manager": manager, "operation": "Update", "subresource": subresource, "fieldsV1": {field: {}},
                   "time": "2026-07-01T09:00:00Z"})
        };
        let object = |entries: Vec<Value>| -> DynamicObject {
            serde_json::from_value(json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "a", "managedFields": entries},
            }))
            .unwrap()
        };
        let quiet = vec![
            entry(MANAGER, "", "f:data"),
            entry("kube-controller-manager", "scale", "f:spec"),
            entry("kube-controller-manager", "status", "f:status"),
            entry("kubectl-label", "", "f:metadata"),
        ];
        assert_eq!(changed_by(&object(quiet)), Vec::<String>::new());
        let edited = changed_by(&object(vec![entry("kubectl-edit", "", "f:data")]));
        assert_eq!(edited, ["kubectl-edit at 2026-07-01T09:00:00Z"]);
    }

    #[test]
    fn what_is_owned_or_in_every_namespace_is_not_foreign() {
        let owner = Owner::new("run");
        let object = |kind: &str, name: &str, more: Value| {
            let mut metadata = json!({"name": name, "namespace": "shop"});
            metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"apiVersion": "v1", "kind": kind, "metadata": metadata})
        };
        assert!(is_foreign(&object("ConfigMap", "planted", json!({})), &owner));
        assert!(is_foreign(&object("ConfigMap", "a", json!({"labels": {MANAGED_BY: MANAGER, RUN: "other"}})), &owner));
        assert!(!is_foreign(&object("ConfigMap", "a", json!({"labels": {MANAGED_BY: MANAGER, RUN: "run"}})), &owner));
        assert!(!is_foreign(&object("Pod", "a", json!({"ownerReferences": [{"uid": "1"}]})), &owner));
        assert!(!is_foreign(&object("ConfigMap", "kube-root-ca.crt", json!({})), &owner));
    }
}
