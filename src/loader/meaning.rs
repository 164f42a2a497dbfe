//! What a schema cannot say: ids given twice, outputs of later steps, sections that a step needs.

use super::document::{Node, Value};
use super::fault::Fault;
use super::{bounds, clear, people};
use crate::domain::runbook::ActionSpec;

/// Checks what the steps mean together.
pub fn check(tree: &Node, faults: &mut Vec<Fault>) {
    let steps = tree.get("step").map(Node::items).unwrap_or_default();
    if steps.is_empty() && tree.get("step").is_none_or(|node| matches!(node.value, Value::List(_))) {
        faults.push(Fault::at(&tree.place, "the runbook has no steps").expected("a [[step]] for each"));
    }
    let mut earlier: Vec<(&str, Option<ActionSpec>)> = Vec::new();
    let mut phrases: Vec<&str> = Vec::new();
    let ids: Vec<&str> = steps.iter().filter_map(|step| step.get("id").and_then(Node::text)).collect();
    for step in steps {
        let action = spec(step);
        references(step, &earlier, &ids, faults);
        bounds::check(step, action.as_ref(), faults);
        if let Some(action) = &action {
            sections(tree, step, action, faults);
        }
        phrase(step, &mut phrases, faults);
        let Some(node) = step.get("id") else { continue };
        let Some(id) = node.text() else { continue };
        if let Some(first) = earlier.iter().position(|(known, _)| *known == id) {
            let what = format!("step id `{id}` is given twice; the first is step {}", first + 1);
            faults.push(Fault::at(&node.place, what).expected("an id of its own"));
        }
        earlier.push((id, action));
    }
    people::check(tree, faults);
    bounds::programs(tree, faults);
    clear::check(tree, faults);
}

/// A phrase makes people think of what is hit: it is not what one types without thinking, nor that of another step.
fn phrase<'a>(step: &'a Node, known: &mut Vec<&'a str>, faults: &mut Vec<Fault>) {
    let Some(node) = step.get("gate").and_then(|gate| gate.get("phrase")) else { return };
    let Some(text) = node.text() else { return };
    let expected = "words of its own that name what is hit, as in \"switch shop.example.com\"";
    if text.trim().len() < 4 {
        faults.push(Fault::at(&node.place, format!("`{text}` is too short for a phrase")).expected(expected));
    } else if known.contains(&text) {
        faults
            .push(Fault::at(&node.place, format!("the phrase `{text}` is another step's already")).expected(expected));
    }
    known.push(text);
}

/// The step's action, where its shape is right.
fn spec(step: &Node) -> Option<ActionSpec> {
    let action = step.get("action")?;
    let with = step.get("with").map_or_else(|| serde_json::json!({}), Node::to_json);
    serde_json::from_value(serde_json::json!({ "action": action.text()?, "with": with })).ok()
}

/// Every `${steps.ID.NAME}` names an output of an earlier step.
fn references(node: &Node, earlier: &[(&str, Option<ActionSpec>)], ids: &[&str], faults: &mut Vec<Fault>) {
    node.for_each_text(&mut |place, text| {
        for reference in text.split("${steps.").skip(1).filter_map(|rest| rest.split_once('}')).map(|(inner, _)| inner)
        {
            let Some((id, name)) = reference.split_once('.') else {
                faults.push(
                    Fault::at(place, format!("`${{steps.{reference}}}` names no output")).expected("${steps.ID.NAME}"),
                );
                continue;
            };
            match earlier.iter().find(|(known, _)| *known == id) {
                Some((_, Some(action))) if !action.outputs().contains(&name) => {
                    let fault = Fault::at(place, format!("step `{id}` ({}) has no output `{name}`", action.name()));
                    faults.push(fault.among(name, action.outputs().iter().copied()));
                }
                Some(_) => {}
                None if ids.contains(&id) => {
                    let what =
                        format!("`${{steps.{reference}}}` uses the output of `{id}`, which is not an earlier step");
                    faults.push(Fault::at(place, what).expected("the id of an earlier step"));
                }
                None => {
                    let fault = Fault::at(place, format!("`${{steps.{reference}}}`: there is no step `{id}`"));
                    faults.push(fault.among(id, earlier.iter().map(|(known, _)| *known)));
                }
            }
        }
    });
}

/// A step without the sections that its action talks to cannot be driven.
fn sections(tree: &Node, step: &Node, action: &ActionSpec, faults: &mut Vec<Fault>) {
    for section in action.needs() {
        if tree.get(section).is_none() {
            let place = step.get("action").map_or(&step.place, |node| &node.place);
            let what = format!("action `{}` needs a section [{section}], and there is none", action.name());
            faults.push(Fault::at(place, what));
        }
    }
}
