//! From a runbook file to a plan, or to a list of every fault in it at once, each pointing at its line.
//!
//! ```text
//! text -> document (a tree that knows its places) -> values put in -> shape checked -> meaning checked -> Plan
//! ```
//!
//! The shape is checked against the JSON Schema derived from the domain's types, so that `cutover check`,
//! `cutover schema` and the program itself cannot disagree. Loading reads files, and the environment variables that a
//! value names, and nothing else.

mod bounds;
mod clear;
pub mod document;
pub mod fault;
pub mod meaning;
mod people;
pub mod shape;
pub mod values;

use std::path::Path;

use crate::domain::Plan;
use crate::domain::runbook::Runbook;
use document::{Document, Node};
pub use fault::{Fault, Faults};
use schemars::schema_for;
use values::Environment;

/// Reads a runbook, with what it extends.
///
/// # Errors
/// Every fault in it.
pub fn load(file: &Path) -> Result<Plan, Faults> {
    load_with(file, &[])
}

/// The same, with these values (`NAME = TOML`, each) put over the runbook's own.
///
/// # Errors
/// Every fault in it, and in them.
pub fn load_with(file: &Path, set: &[String]) -> Result<Plan, Faults> {
    load_in(file, set, &|name| std::env::var(name).ok())
}

fn load_in(file: &Path, set: &[String], environment: Environment<'_>) -> Result<Plan, Faults> {
    let mut faults = Vec::new();
    let mut tree = read(file, &mut faults)?;
    for text in set {
        values::overlay(&mut tree, &Document::parse(Path::new("--set"), text)?.root, &mut faults);
    }
    let tree = values::put_in(tree, environment, &mut faults);
    let schema = schema_for!(Runbook);
    shape::check(&tree, schema.as_value(), &mut faults);
    meaning::check(&tree, &mut faults);
    if !faults.is_empty() {
        return Err(Faults::new(faults));
    }
    let runbook = serde_json::from_value(tree.to_json()).map_err(|why| {
        // The shape was checked: what serde still finds wrong is a fault of the schema, shown as it is.
        Faults::new(vec![Fault::at(&tree.place, why.to_string())])
    })?;
    Ok(Plan::new(runbook, file.to_path_buf()))
}

/// The tree of a file; where it extends another one, that one's tree with this one's values.
fn read(file: &Path, faults: &mut Vec<Fault>) -> Result<Node, Faults> {
    let mut top = Document::read(file)?.root;
    let Some(base) = top.take("extends") else { return Ok(top) };
    let Some(name) = base.text() else {
        return Err(Faults::new(vec![Fault::at(&base.place, "`extends` names a file, as text")]));
    };
    let base_file = file.parent().unwrap_or_else(|| Path::new("")).join(name);
    let mut tree = Document::read(&base_file).map_err(|inner| inner.reached_from(&base.place))?.root;
    if let Some(again) = tree.get("extends") {
        faults.push(Fault::at(&again.place, "a runbook that is extended cannot itself extend another"));
        tree.take("extends");
    }
    for (key, node) in top.entries() {
        if key.word == "values" {
            values::overlay(&mut tree, node, faults);
        } else {
            let what = format!("`{}` in a runbook that extends another", key.word);
            faults.push(Fault::at(&key.place, what).expected("`extends` and `[values]` only"));
        }
    }
    Ok(tree)
}

#[cfg(test)]
mod tests;
