//! Manifests: YAML documents with `${placeholders}`, which are put in after parsing.
//!
//! A value is put into the parsed scalar, never into the text, so that no value can change a manifest's
//! shape. A scalar that is nothing but one placeholder becomes that value with its type (a number, an
//! object); inside a longer scalar the value becomes text.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_json::{Map, Value};

/// What stands for each placeholder.
pub type Placeholders = BTreeMap<String, Value>;

/// One object to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest(pub Value);

impl Manifest {
    /// All documents of `text`, with their placeholders filled. `null` as a whole value takes its key away;
    /// an object that spreads (`${...name}` as a key) is merged into the one around it.
    pub fn parse(text: &str, placeholders: &Placeholders) -> Result<Vec<Self>, String> {
        let mut manifests = Vec::new();
        for document in serde_yaml_ng::Deserializer::from_str(text) {
            let parsed = Value::deserialize(document).map_err(|why| format!("not YAML: {why}"))?;
            if parsed.is_null() {
                continue;
            }
            let filled = fill(parsed, placeholders)?;
            for needed in ["apiVersion", "kind"] {
                if !filled[needed].is_string() {
                    return Err(format!("a document has no {needed}"));
                }
            }
            if !filled["metadata"]["name"].is_string() {
                return Err(format!("a {} has no metadata.name", filled["kind"].as_str().unwrap_or_default()));
            }
            manifests.push(Self(filled));
        }
        Ok(manifests)
    }

    /// The object's kind.
    pub fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap_or_default()
    }

    /// Whether its content must not be shown.
    pub fn is_secret(&self) -> bool {
        self.kind() == "Secret"
    }
}

fn fill(value: Value, placeholders: &Placeholders) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => scalar(&text, placeholders)?,
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| fill(item, placeholders)).collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let mut filled = Map::new();
            for (key, field) in fields {
                if let Some(name) = key.strip_prefix("${...").and_then(|rest| rest.strip_suffix('}')) {
                    match placeholders.get(name) {
                        Some(Value::Object(more)) => filled.extend(more.clone()),
                        _ => return Err(format!("nothing to spread for ${{...{name}}}")),
                    }
                    continue;
                }
                let field = fill(field, placeholders)?;
                if !field.is_null() {
                    filled.insert(key, field);
                }
            }
            Value::Object(filled)
        }
        other => other,
    })
}

fn scalar(text: &str, placeholders: &Placeholders) -> Result<Value, String> {
    let lookup = |name: &str| placeholders.get(name).ok_or_else(|| format!("nothing is known for ${{{name}}}"));
    if let Some(name) =
        text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).filter(|name| !name.contains('$'))
    {
        return lookup(name).cloned();
    }
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) =
            after.split_once('}').ok_or_else(|| format!("`{text}` has a placeholder without an end"))?;
        filled.push_str(before);
        match lookup(name)? {
            Value::String(value) => filled.push_str(value),
            value @ (Value::Number(_) | Value::Bool(_)) => filled.push_str(&value.to_string()),
            _ => return Err(format!("${{{name}}} is not a plain value and stands inside `{text}`")),
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(Value::String(filled))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn placeholders() -> Placeholders {
        Placeholders::from([
            ("name".into(), json!("shop\nkind: Secret")),
            ("replicas".into(), json!(3)),
            ("none".into(), Value::Null),
            ("labels".into(), json!({"a": "b"})),
        ])
    }

    #[test]
    fn a_value_fills_a_scalar_and_cannot_change_the_shape() {
        let text = "apiVersion: v1\nkind: Thing\nmetadata:\n  name: x-${name}\n  labels:\n    ${...labels}: ''\n    c: d\nspec:\n  replicas: ${replicas}\n  gone: ${none}\n---\n# nothing\n";
        let manifests = Manifest::parse(text, &placeholders()).unwrap();
        let expected = json!({
            "apiVersion": "v1", "kind": "Thing",
            "metadata": {"name": "x-shop\nkind: Secret", "labels": {"a": "b", "c": "d"}},
            "spec": {"replicas": 3},
        });
        assert_eq!(manifests, [Manifest(expected)]);
    }

    #[test]
    fn an_unknown_placeholder_is_an_error_and_not_a_text() {
        let text = "apiVersion: v1\nkind: Thing\nmetadata:\n  name: ${nmae}\n";
        assert!(Manifest::parse(text, &placeholders()).unwrap_err().contains("nmae"));
    }
}
