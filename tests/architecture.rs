//! The way of the data is visible in the imports: a module may use only what its layer may.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Layer, and what it may import besides itself. `cli` wires, so it may import everything.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("loader", &["domain"]),
    ("journal", &["domain"]),
    ("services", &["domain"]),
    ("actions", &["domain", "services"]),
    ("engine", &["domain", "journal", "actions"]),
    ("protocol", &["domain"]),
    ("server", &["domain", "protocol", "engine"]),
    ("tui", &["domain", "protocol"]),
    ("notify", &["domain", "protocol", "services"]),
    ("share", &["domain", "protocol"]),
    ("lab", &["domain", "services"]),
];

/// Files may be this long, tests beside them included.
const LONGEST: usize = 300;

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The layers that a file names: `crate::LAYER`, in a `use` or in the text.
fn named(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1).map(str::to_owned).collect::<Vec<_>>())
        .map(|rest| rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect())
        .collect()
}

#[test]
fn every_layer_imports_only_what_it_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut forbidden = Vec::new();
    let mut checked = 0;
    for (layer, may) in &allowed {
        for file in sources(&root.join(layer)) {
            checked += 1;
            for import in named(&fs::read_to_string(&file).unwrap()) {
                let is_layer = import == "cli" || allowed.contains_key(import.as_str());
                if is_layer && import != *layer && !may.contains(&import.as_str()) {
                    forbidden.push(format!("{}: {layer} may not import {import}", file.display()));
                }
            }
        }
    }
    assert!(checked > 20, "only {checked} files were looked at");
    assert!(forbidden.is_empty(), "{}", forbidden.join("\n"));
}

#[test]
fn every_layer_is_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let known =
            MAY_IMPORT.iter().any(|(layer, _)| *layer == name) || ["main", "lib", "cli"].contains(&name.as_str());
        assert!(known, "{name} is in no layer");
    }
}

#[test]
fn every_file_does_one_thing_and_says_what() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&root) {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().count();
        let is_test = file.file_stem().is_some_and(|stem| stem == "tests");
        assert!(is_test || lines <= LONGEST, "{} has {lines} lines", file.display());
        assert!(is_test || text.starts_with("//!"), "{} does not say what it is", file.display());
    }
}
