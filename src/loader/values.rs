//! The `[values]` of a runbook: names that stand for what differs from one migration to the next.
//!
//! `"${name}"` alone takes the value's own kind (a number, a table); inside a text its text is put in.
//! `${steps.ID.NAME}` is left for the engine. A value `{ fill_in = "what it is" }` is one that an engineer
//! still has to give; `{ unset = "what holds then" }` leaves out the key that it would be put under;
//! `{ from_env = "NAME", otherwise = "..." }` is the text of an environment variable: for places that differ
//! from one machine to the next, never for secrets, which are references followed at the moment of use.

use super::document::{Node, Value};
use super::fault::Fault;

/// Where the variables of [`put_in`] are looked up: the process's own environment, or a test's.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Puts an extending runbook's values over those of the one it extends. A name of its own, which that one
/// does not have, is for its own values: they have to use it, or it is a word mistyped.
pub fn overlay(tree: &mut Node, over: &Node, faults: &mut Vec<Fault>) {
    let known: Vec<String> = names(tree.get("values"));
    let Value::Table(top) = &mut tree.value else { return };
    let Some((_, base)) = top.iter_mut().find(|(key, _)| key.word == "values") else { return };
    let Value::Table(base) = &mut base.value else { return };
    for (key, node) in over.entries() {
        match base.iter_mut().find(|(known, _)| known.word == key.word) {
            Some((_, value)) => *value = node.clone(),
            None if names_value(over, &key.word) => base.push((key.clone(), node.clone())),
            None => faults.push(
                Fault::at(&key.place, format!("there is no value `{}` in the runbook that is extended", key.word))
                    .among(&key.word, known.iter().map(String::as_str)),
            ),
        }
    }
}

/// The tree with every reference to a value replaced, and without its `[values]`.
pub fn put_in(mut tree: Node, environment: Environment<'_>, faults: &mut Vec<Fault>) -> Node {
    let values = tree.take("values");
    Putting { values: values.as_ref(), environment, faults }.node(&tree, 0)
}

/// Whether a text anywhere in `node` refers to the value `name`.
fn names_value(node: &Node, name: &str) -> bool {
    match &node.value {
        Value::Text(text) => text.contains(&format!("${{{name}}}")),
        Value::List(items) => items.iter().any(|item| names_value(item, name)),
        Value::Table(entries) => entries.iter().any(|(_, node)| names_value(node, name)),
        _ => false,
    }
}

fn names(values: Option<&Node>) -> Vec<String> {
    values.map(Node::entries).unwrap_or_default().iter().map(|(key, _)| key.word.clone()).collect()
}

struct Putting<'a> {
    values: Option<&'a Node>,
    environment: Environment<'a>,
    faults: &'a mut Vec<Fault>,
}

impl Putting<'_> {
    /// A value may name other values; a circle ends at a depth that no honest runbook reaches.
    const DEPTH: usize = 16;

    fn node(&mut self, node: &Node, depth: usize) -> Node {
        if depth > Self::DEPTH {
            self.faults.push(Fault::at(&node.place, "this value names itself, by way of others"));
            return node.clone();
        }
        let value = match &node.value {
            Value::Text(text) => return self.text(node, text, depth),
            Value::List(items) => Value::List(items.iter().map(|item| self.node(item, depth)).collect()),
            Value::Table(entries) => {
                let put = entries.iter().map(|(key, node)| (key.clone(), self.node(node, depth)));
                Value::Table(put.filter(|(_, node)| node.get("unset").is_none()).collect())
            }
            other => other.clone(),
        };
        Node { place: node.place.clone(), value }
    }

    fn text(&mut self, node: &Node, text: &str, depth: usize) -> Node {
        if let Some(name) = whole_reference(text) {
            return match self.value(node, name) {
                Some(value) => self.node(&value, depth + 1),
                None => node.clone(),
            };
        }
        let mut rest = text;
        let mut filled = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            filled.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                self.faults.push(Fault::at(&node.place, format!("`${{` without its `}}` in `{text}`")));
                return node.clone();
            };
            rest = after;
            if name.starts_with("steps.") {
                filled.push_str("${");
                filled.push_str(name);
                filled.push('}');
            } else if let Some(value) = self.value(node, name) {
                let value = self.node(&value, depth + 1);
                match &value.value {
                    Value::Text(text) => filled.push_str(text),
                    Value::Whole(whole) => filled.push_str(&whole.to_string()),
                    _ => self.faults.push(
                        Fault::at(&node.place, format!("`{name}` is {} and cannot stand inside a text", value.kind()))
                            .expected("text or a whole number"),
                    ),
                }
            }
        }
        filled.push_str(rest);
        Node { place: node.place.clone(), value: Value::Text(filled) }
    }

    fn value(&mut self, node: &Node, name: &str) -> Option<Node> {
        let values = self.values;
        let Some(value) = values.and_then(|values| values.get(name)) else {
            let known = names(values);
            let fault = Fault::at(&node.place, format!("there is no value `{name}` in [values]"));
            self.faults.push(fault.among(name, known.iter().map(String::as_str)));
            return None;
        };
        if let Some(wanted) = value.get("fill_in") {
            let fault = Fault::at(&value.place, format!("value `{name}` is not filled in"));
            self.faults.push(fault.expected(wanted.text().unwrap_or("a value")));
            return None;
        }
        match value.get("from_env") {
            Some(variable) => self.variable(name, value, variable),
            None => Some(value.clone()),
        }
    }

    /// The text of an environment variable; an empty one counts as not set.
    fn variable(&mut self, name: &str, value: &Node, variable: &Node) -> Option<Node> {
        let Some(word) = variable.text() else {
            let fault = Fault::at(&variable.place, "`from_env` names an environment variable");
            self.faults.push(fault.expected("text"));
            return None;
        };
        let text = (self.environment)(word).filter(|text| !text.is_empty());
        match (text, value.get("otherwise")) {
            (Some(text), _) => Some(Node { place: value.place.clone(), value: Value::Text(text) }),
            (None, Some(otherwise)) => Some(otherwise.clone()),
            (None, None) => {
                let fault = Fault::at(&value.place, format!("value `{name}`: {word} is not set in the environment"));
                self.faults.push(fault.expected("the variable, or an `otherwise` beside it"));
                None
            }
        }
    }
}

/// The name, where the whole text is one reference to a value.
fn whole_reference(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    (!name.contains(['{', '}']) && !name.starts_with("steps.")).then_some(name)
}

/// Whether a text is a reference that could not be put in, so that its kind is not to be judged.
pub fn is_unresolved(text: &str) -> bool {
    whole_reference(text).is_some()
}
