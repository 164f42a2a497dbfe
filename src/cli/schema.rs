//! `cutover schema`: the JSON Schema of runbooks, for editors.

use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, schema_for};
use serde_json::json;

use super::{Stop, present};
use crate::domain::Failure;
use crate::domain::runbook::Runbook;

/// Prints the schema.
pub(super) fn schema() -> Result<(), Stop> {
    let text = serde_json::to_string_pretty(&for_editors())
        .map_err(|why| Failure::permanent("write the schema").because(why.to_string()))?;
    present::line(&text);
    Ok(())
}

/// The schema of the domain's types, with what a file may have besides: `[values]`, references to them in
/// the place of anything, and `extends`.
fn for_editors() -> Schema {
    let mut schema = schema_for!(Runbook);
    RecursiveTransform(or_reference).transform(&mut schema);
    if let Some(properties) = schema.get_mut("properties").and_then(|properties| properties.as_object_mut()) {
        properties.insert("values".to_owned(), json!({ "type": "object", "description": "Names that stand for what differs from one migration to the next: `${name}`." }));
        properties.insert(
            "extends".to_owned(),
            json!({ "type": "string", "description": "Another runbook, whose values this one replaces." }),
        );
    }
    if let Some(required) = schema.remove("required") {
        schema.insert("anyOf".to_owned(), json!([{ "required": ["extends"] }, { "required": required }]));
    }
    schema
}

/// Lets `"${name}"` stand where a number, a table or one of a few words is expected.
fn or_reference(schema: &mut Schema) {
    let Some(properties) = schema.get_mut("properties").and_then(|properties| properties.as_object_mut()) else {
        return;
    };
    for property in properties.values_mut() {
        if property.get("type").is_some_and(|kind| kind == "string") {
            continue;
        }
        let mut own = property.take();
        let description = own.as_object_mut().and_then(|own| own.remove("description"));
        *property = json!({ "anyOf": [own, { "type": "string", "pattern": r"^\$\{[^}]+\}$" }] });
        if let (Some(description), Some(property)) = (description, property.as_object_mut()) {
            property.insert("description".to_owned(), description);
        }
    }
}
