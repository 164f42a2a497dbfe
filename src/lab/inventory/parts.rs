//! What is known of a thing, cut into parts and hashed: enough to say which part changed, and no content.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// How far down parts are told apart: `metadata.labels.app`.
const DEPTH: usize = 3;

/// So much of a hash tells two values apart: 64 bits.
const SHORT: usize = 8;

/// A hash of each part, by its path. Parts that are null or empty are as good as absent: servers differ in
/// whether they show them.
pub(super) fn of(facts: &Value) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    cut(facts, String::new(), DEPTH, &mut parts);
    parts
}

fn cut(value: &Value, path: String, depth: usize, parts: &mut BTreeMap<String, String>) {
    match value {
        Value::Null => {}
        Value::Array(values) if values.is_empty() => {}
        Value::Object(fields) if depth > 0 => {
            for (name, inner) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                cut(inner, path, depth - 1, parts);
            }
        }
        Value::Object(fields) if fields.is_empty() => {}
        whole => {
            let mut whole = whole.clone();
            whole.sort_all_objects();
            let digest = Sha256::digest(whole.to_string());
            parts.insert(path, hex::encode(&digest[..SHORT]));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of;

    #[test]
    fn a_change_far_down_shows_in_the_part_that_it_is_in() {
        let one = of(&json!({"spec": {"template": {"spec": {"a": 1, "b": [1, 2]}}, "replicas": 2}, "none": null}));
        let two = of(&json!({"spec": {"replicas": 2, "template": {"spec": {"b": [1, 3], "a": 1}}}, "list": []}));
        let paths: Vec<&str> = one.keys().map(String::as_str).collect();
        assert_eq!(paths, ["spec.replicas", "spec.template.spec"]);
        assert_eq!(one["spec.replicas"], two["spec.replicas"]);
        assert_ne!(one["spec.template.spec"], two["spec.template.spec"]);
    }

    #[test]
    fn the_order_of_fields_is_no_part_of_a_thing() {
        let deep = |text: &str| of(&serde_json::from_str(text).unwrap());
        let (one, two) = (r#"{"a":{"b":{"c":{"d":1,"e":2}}}}"#, r#"{"a":{"b":{"c":{"e":2,"d":1}}}}"#);
        assert_eq!(deep(one), deep(two));
    }
}
