//! The shape of a runbook, checked against the JSON Schema of its types: every fault, each at its place.
//!
//! This reads the part of JSON Schema that `schemars` writes for our types, and knows what a person needs
//! to hear; a general validator says "not valid under any of the schemas" where one key is misspelt.

use serde_json::Value as Json;

use super::document::{Node, Value};
use super::fault::Fault;
use super::values::is_unresolved;
use crate::domain::Period;

/// What the whole tree is called.
const TOP: &str = "the runbook";

/// Checks a tree against a schema.
pub fn check(tree: &Node, schema: &Json, faults: &mut Vec<Fault>) {
    let mut checking = Checking { root: schema, faults };
    checking.node(tree, schema, TOP);
}

struct Checking<'a> {
    root: &'a Json,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Checking<'a> {
    fn node(&mut self, node: &Node, schema: &'a Json, name: &str) {
        let schema = self.resolved(schema);
        if node.text().is_some_and(is_unresolved) {
            return; // The missing value is a fault of its own.
        }
        if let Some(variants) = schema["oneOf"].as_array() {
            if schema["properties"].is_object() {
                return self.tagged(node, schema, variants, name);
            }
            return self.one_of(node, variants, name);
        }
        let expected = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
        match (expected, &node.value) {
            (Some("object"), Value::Table(_)) => self.table(node, &[schema], name),
            (Some("array"), Value::List(items)) => {
                for item in items {
                    self.node(item, &schema["items"], name);
                }
            }
            (Some("string"), Value::Text(text)) => self.text(node, text, schema, name),
            (Some("integer" | "number"), Value::Whole(whole)) => self.range(node, *whole, schema, name),
            (Some("number"), Value::Real(_)) | (Some("boolean"), Value::Flag(_)) | (None, _) => {}
            (Some(kind), _) => {
                let what = format!("{name} is {}", node.kind());
                self.faults.push(Fault::at(&node.place, what).expected(in_words(kind)));
            }
        }
    }

    /// Follows references, and looks through "this or nothing".
    fn resolved(&self, mut schema: &'a Json) -> &'a Json {
        loop {
            if let Some(reference) = schema["$ref"].as_str() {
                schema = self.root.pointer(reference.trim_start_matches('#')).unwrap_or(&Json::Null);
            } else if let Some(any) = schema["anyOf"].as_array() {
                schema = any.iter().find(|one| one["type"] != "null").unwrap_or(&Json::Null);
            } else {
                return schema;
            }
        }
    }

    /// A table of which one key (`action`) says what else belongs into it.
    fn tagged(&mut self, node: &Node, schema: &'a Json, variants: &'a [Json], name: &str) {
        let Value::Table(_) = node.value else {
            self.faults.push(Fault::at(&node.place, format!("{name} is {}", node.kind())).expected("a table"));
            return;
        };
        let tag = variants
            .iter()
            .find_map(|variant| variant["properties"].as_object()?.iter().find(|(_, one)| one["const"].is_string()))
            .map_or("action", |(tag, _)| tag.as_str());
        let known = || variants.iter().filter_map(|variant| variant["properties"][tag]["const"].as_str());
        let label = node.get("id").and_then(Node::text).map_or_else(|| name.to_owned(), |id| format!("step `{id}`"));
        let chosen = node.get(tag).map(|value| (value, value.text().unwrap_or_default()));
        let variant = chosen.and_then(|(_, word)| {
            variants.iter().find(|variant| variant["properties"][tag]["const"].as_str() == Some(word))
        });
        match (variant, chosen) {
            (Some(variant), _) => self.table(node, &[schema, variant], &label),
            (None, Some((value, word))) => {
                self.faults.push(Fault::at(&value.place, format!("unknown {tag} `{word}`")).among(word, known()));
            }
            (None, None) => {
                let fault = Fault::at(&node.place, format!("{label} has no `{tag}`"));
                self.faults.push(fault.among("", known()));
            }
        }
    }

    /// One word of several, or a table with one key of several.
    fn one_of(&mut self, node: &Node, variants: &'a [Json], name: &str) {
        let words: Vec<&str> = variants.iter().filter_map(|variant| variant["const"].as_str()).collect();
        let keys = || variants.iter().filter_map(|variant| variant["required"][0].as_str());
        if !words.is_empty() {
            let word = node.text().unwrap_or_default();
            if !words.contains(&word) {
                let what =
                    format!("{name} is {}", node.text().map_or(node.kind().to_owned(), |word| format!("`{word}`")));
                self.faults.push(Fault::at(&node.place, what).among(word, words));
            }
            return;
        }
        let is_secret = keys().any(|key| key == "env");
        match node.entries() {
            [(key, _)] => {
                if let Some(variant) = variants.iter().find(|variant| variant["required"][0] == key.word.as_str()) {
                    self.table(node, &[variant], name);
                } else {
                    let fault = Fault::at(&key.place, format!("unknown key `{}` in {name}", key.word));
                    self.faults.push(fault.among(&key.word, keys()));
                }
            }
            _ if is_secret && node.text().is_some() => {
                let fault = Fault::at(&node.place, format!("{name}: a secret is written in clear"));
                let expected =
                    "a reference: { env = \"NAME\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", ...] }";
                self.faults.push(fault.expected(expected));
            }
            _ => {
                let fault = Fault::at(&node.place, format!("{name} is {}", node.kind()));
                let keys: Vec<String> = keys().map(|key| format!("`{key}`")).collect();
                self.faults.push(fault.expected(format!("a table with one key: {}", keys.join(" or "))));
            }
        }
    }

    fn table(&mut self, node: &Node, schemas: &[&'a Json], name: &str) {
        let property = |word: &str| {
            schemas.iter().find_map(|schema| {
                schema["properties"]
                    .get(word)
                    .or_else(|| schema["additionalProperties"].as_object().map(|_| &schema["additionalProperties"]))
            })
        };
        for (key, value) in node.entries() {
            if let Some(schema) = property(&key.word) {
                self.node(value, schema, &inside(&key.word, name));
            } else {
                let known = schemas.iter().filter_map(|schema| schema["properties"].as_object());
                let known = known.flat_map(|known| known.keys().map(String::as_str));
                let fault = Fault::at(&key.place, format!("unknown key `{}` in {name}", key.word));
                self.faults.push(fault.among(&key.word, known));
            }
        }
        for required in schemas.iter().filter_map(|schema| schema["required"].as_array()).flatten() {
            let Some(required) = required.as_str() else { continue };
            if node.get(required).is_none() {
                let said = property(required).and_then(|schema| {
                    schema["description"].as_str().or_else(|| self.resolved(schema)["description"].as_str())
                });
                let said = said.map(first_sentence).unwrap_or_default();
                self.faults.push(Fault::at(&node.place, format!("{name} has no `{required}`{said}")));
            }
        }
    }

    fn text(&mut self, node: &Node, text: &str, schema: &Json, name: &str) {
        let fault = match schema["format"].as_str() {
            Some("period") => text.parse::<Period>().err().map(|why| (why, "`10s`, `5m` or `2h 30m`")),
            Some("date-time") => text
                .parse::<jiff::Timestamp>()
                .err()
                .map(|_| (format!("`{text}` is not a moment"), "`2026-11-26T02:00:00Z`")),
            Some("date") => {
                text.parse::<jiff::civil::Date>().err().map(|_| (format!("`{text}` is not a day"), "`2026-11-23`"))
            }
            Some("short-name") if !is_short_name(text) => {
                Some((format!("`{text}` is not a short name"), "lower-case letters, digits and dashes between them"))
            }
            _ => None,
        };
        if let Some((what, expected)) = fault {
            self.faults.push(Fault::at(&node.place, format!("{name}: {what}")).expected(expected));
        }
    }

    fn range(&mut self, node: &Node, whole: i64, schema: &Json, name: &str) {
        let (least, most) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
        let most = most.or_else(|| match schema["format"].as_str()? {
            "uint8" => Some(255),
            "uint16" => Some(65_535),
            _ => None,
        });
        if least.is_some_and(|least| whole < least) || most.is_some_and(|most| whole > most) {
            let bounds = match (least, most) {
                (Some(least), Some(most)) => format!("{least} to {most}"),
                (Some(least), None) => format!("{least} or more"),
                (_, most) => format!("at most {}", most.unwrap_or(i64::MAX)),
            };
            self.faults.push(Fault::at(&node.place, format!("{name} is {whole}")).expected(bounds));
        }
    }
}

fn inside(key: &str, name: &str) -> String {
    if name == TOP { format!("`{key}`") } else { format!("`{key}` in {name}") }
}

/// The first line of a description, in brackets.
fn first_sentence(description: &str) -> String {
    let line = description.lines().next().unwrap_or_default().trim_end_matches('.');
    let mut letters = line.chars();
    letters.next().map(|first| format!(" ({}{})", first.to_lowercase(), letters.as_str())).unwrap_or_default()
}

fn is_short_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.bytes().all(|byte| inner(byte) || byte == b'-')
        && text.bytes().next().is_some_and(inner)
        && text.bytes().last().is_some_and(inner)
}

fn in_words(kind: &str) -> &str {
    match kind {
        "object" => "a table",
        "array" => "a list",
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        other => other,
    }
}
