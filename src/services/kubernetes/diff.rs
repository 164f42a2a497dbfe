//! What applying would change: a server-side dry run compared with what stands.

use kube::api::PatchParams;
use serde_json::Value;

use super::{Cluster, MANAGER, Manifest, Name, Owner};
use crate::services::{Kind, Result};

/// How many changed fields are named one by one.
const SHOWN: usize = 20;

/// What applying one object would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The object.
    pub name: Name,
    /// What would happen to it.
    pub what: What,
}

/// What would happen to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It is not there yet.
    Created,
    /// It is there and would be different: a line for each field (`spec.replicas: 2 -> 3`); none for a Secret.
    Changed(Vec<String>),
    /// It is there as wanted.
    Unchanged,
}

impl Cluster {
    /// What [`Cluster::apply`] would do with each of `manifests`; changes nothing. A foreign object is a
    /// conflict here already.
    pub async fn diff(&self, manifests: &[Manifest], owner: &Owner) -> Result<Vec<Difference>> {
        let mut differences = Vec::with_capacity(manifests.len());
        for manifest in manifests {
            let name = manifest.name();
            let api = self.api_of(&name).await?;
            let what = match self.current(&api, &name, owner).await? {
                None => {
                    let dry = self.patch(&api, manifest, owner, PatchParams::apply(MANAGER).force().dry_run()).await;
                    match dry {
                        Ok(_) => What::Created,
                        // Its namespace is another of these objects, and not there yet either.
                        Err(error) if error.kind == Kind::NotFound => What::Created,
                        Err(error) => return Err(error),
                    }
                }
                Some(current) => {
                    let after =
                        self.patch(&api, manifest, owner, PatchParams::apply(MANAGER).force().dry_run()).await?;
                    let (before, after) = (settled(&current), settled(&after));
                    if before == after {
                        What::Unchanged
                    } else if manifest.is_secret() {
                        What::Changed(Vec::new())
                    } else {
                        What::Changed(lines(&before, &after))
                    }
                }
            };
            differences.push(Difference { name, what });
        }
        Ok(differences)
    }
}

/// The part of an object that somebody decided, without what the server keeps about it.
fn settled(object: &impl serde::Serialize) -> Value {
    let mut object = serde_json::to_value(object).unwrap_or_default();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for kept in ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"] {
            metadata.remove(kept);
        }
    }
    object
}

fn lines(before: &Value, after: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    compare("", before, after, &mut lines);
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(format!("and {more} more"));
    }
    lines
}

fn compare(path: &str, before: &Value, after: &Value, lines: &mut Vec<String>) {
    if before == after {
        return;
    }
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                compare(&below(key), old.get(key).unwrap_or(&Value::Null), value, lines);
            }
            for (key, value) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
                compare(&below(key), value, &Value::Null, lines);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&format!("{path}[{at}]"), old, new, lines);
            }
        }
        (Value::Null, new) => lines.push(format!("{path}: + {new}")),
        (old, Value::Null) => lines.push(format!("{path}: - {old}")),
        (old, new) => lines.push(format!("{path}: {old} -> {new}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_changed_field_has_a_line() {
        let before = json!({"spec": {"replicas": 2, "old": true, "args": ["a", "b"]}});
        let after = json!({"spec": {"replicas": 3, "args": ["a", "c"], "new": 1}});
        assert_eq!(
            lines(&before, &after),
            ["spec.replicas: 2 -> 3", "spec.args[1]: \"b\" -> \"c\"", "spec.new: + 1", "spec.old: - true"]
        );
    }
}
