//! Any object by its kind and name, whatever the kind.

use std::fmt;

use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, pinned_kind};
use kube::{Api, ResourceExt as _};
use serde_json::Value;

use super::{Cluster, MANAGED_BY, MANAGER, Manifest, RUN};
use crate::services::{Kind, Result};

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// The namespace, where the kind has one.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

impl Name {
    /// A name in the core group (`v1`).
    pub fn core(kind: &str, namespace: Option<&str>, name: &str) -> Self {
        Self::of("v1", kind, namespace, name)
    }

    /// A name in any group.
    pub fn of(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    pub(super) fn gvk(&self) -> GroupVersionKind {
        let (group, version) = self.api_version.split_once('/').unwrap_or(("", &self.api_version));
        GroupVersionKind::gvk(group, version, &self.kind)
    }
}

impl Manifest {
    /// The object's name.
    pub fn name(&self) -> Name {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Name {
            api_version: text(&self.0["apiVersion"]),
            kind: text(&self.0["kind"]),
            namespace: self.0["metadata"]["namespace"].as_str().map(str::to_owned),
            name: text(&self.0["metadata"]["name"]),
        }
    }
}

impl Cluster {
    /// The API for objects like `name`.
    pub(super) async fn api_of(&self, name: &Name) -> Result<Api<DynamicObject>> {
        let (resource, capabilities) =
            pinned_kind(&self.client, &name.gvk()).await.map_err(self.fault(format!("find the API of {name}")))?;
        self.api(&resource, &capabilities.scope, name)
    }

    fn api(&self, resource: &ApiResource, scope: &Scope, name: &Name) -> Result<Api<DynamicObject>> {
        match (scope, &name.namespace) {
            (Scope::Cluster, _) => Ok(Api::all_with(self.client.clone(), resource)),
            (Scope::Namespaced, Some(namespace)) => Ok(Api::namespaced_with(self.client.clone(), namespace, resource)),
            (Scope::Namespaced, None) => Err(self
                .error(format!("find the API of {name}"), Kind::Permanent)
                .because("this kind lives in a namespace, and none is given")),
        }
    }

    /// The object as it stands, if it is there.
    pub async fn get(&self, name: &Name) -> Result<Option<Value>> {
        let found = self.api_of(name).await?.get_opt(&name.name).await.map_err(self.fault(format!("read {name}")))?;
        Ok(found.map(|object| serde_json::to_value(object).unwrap_or_default()))
    }
}

/// Whose an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// Made by this run.
    Ours,
    /// Made by cutover, in another run.
    OtherRun(String),
    /// Made by somebody else.
    Foreign,
}

pub(super) fn whose(object: &DynamicObject, run: &str) -> Whose {
    let labels = object.labels();
    match (labels.get(MANAGED_BY).map(String::as_str), labels.get(RUN)) {
        (Some(MANAGER), Some(made_by)) if made_by == run => Whose::Ours,
        (Some(MANAGER), made_by) => Whose::OtherRun(made_by.cloned().unwrap_or_default()),
        _ => Whose::Foreign,
    }
}
