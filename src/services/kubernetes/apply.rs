//! Applying objects: server-side, by our field manager, with our labels, and never over somebody else's.

use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::object::{Whose, whose};
use super::{Cluster, MANAGED_BY, MANAGER, Manifest, Name, RUN};
use crate::services::{Error, Kind, Result};

/// For whom objects are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The run's id; a label's value, so at most 63 letters, digits and dashes.
    pub run: String,
}

impl Owner {
    /// The owner `run`.
    pub fn new(run: impl Into<String>) -> Self {
        Self { run: run.into() }
    }

    /// The label selector of everything of this run.
    pub fn selector(&self) -> String {
        format!("{MANAGED_BY}={MANAGER},{RUN}={}", self.run)
    }

    /// The object with our labels on it, on its pods too.
    pub(super) fn labelled(&self, manifest: &Manifest) -> Value {
        let mut object = manifest.0.clone();
        let ours = json!({MANAGED_BY: MANAGER, RUN: self.run});
        label(&mut object["metadata"], &ours);
        if object["spec"]["template"]["metadata"].is_object() {
            label(&mut object["spec"]["template"]["metadata"], &ours);
        }
        object
    }
}

fn label(metadata: &mut Value, more: &Value) {
    if !metadata["labels"].is_object() {
        metadata["labels"] = json!({});
    }
    if let (Some(labels), Some(more)) = (metadata["labels"].as_object_mut(), more.as_object()) {
        labels.extend(more.clone());
    }
}

impl Cluster {
    /// Applies `manifest` for `owner` and returns the object as it stands then. An object of that name
    /// that is not the owner's is a conflict, and stays as it is.
    pub async fn apply(&self, manifest: &Manifest, owner: &Owner) -> Result<Value> {
        let name = manifest.name();
        let api = self.api_of(&name).await?;
        self.current(&api, &name, owner).await?;
        let applied = self.patch(&api, manifest, owner, PatchParams::apply(MANAGER).force()).await?;
        Ok(serde_json::to_value(applied).unwrap_or_default())
    }

    /// The object of this name, if there is one; one that is not the owner's is a conflict.
    pub(super) async fn current(
        &self,
        api: &Api<DynamicObject>,
        name: &Name,
        owner: &Owner,
    ) -> Result<Option<DynamicObject>> {
        let found = api.get_opt(&name.name).await.map_err(self.fault(format!("read {name}")))?;
        if let Some(object) = &found {
            self.refuse_foreign(name, &whose(object, &owner.run))?;
        }
        Ok(found)
    }

    fn refuse_foreign(&self, name: &Name, whose: &Whose) -> Result<()> {
        let why = match whose {
            Whose::Ours => return Ok(()),
            Whose::OtherRun(run) => format!("it was made by the run `{run}`"),
            Whose::Foreign => "somebody else made it".to_owned(),
        };
        Err(self.error(format!("take {name} for this run"), Kind::Conflict).because(why).next(format!(
            "look at it (kubectl get {} {}{}); delete it if it is a leftover, or give the runbook another name or namespace",
            name.kind.to_lowercase(),
            name.name,
            name.namespace.as_ref().map(|namespace| format!(" -n {namespace}")).unwrap_or_default(),
        )))
    }

    pub(super) async fn patch(
        &self,
        api: &Api<DynamicObject>,
        manifest: &Manifest,
        owner: &Owner,
        params: PatchParams,
    ) -> Result<DynamicObject> {
        let name = manifest.name();
        let patched = api.patch(&name.name, &params, &Patch::Apply(owner.labelled(manifest))).await;
        patched.map_err(|why| {
            let error = self.fault(format!("apply {name}"))(why);
            if manifest.is_secret() { without_values(error) } else { error }
        })
    }
}

/// The server quotes what it refuses: not for a Secret.
fn without_values(mut error: Error) -> Error {
    error.why = None;
    error.because("the server refused the Secret (its words are kept back, they may quote it)")
}
