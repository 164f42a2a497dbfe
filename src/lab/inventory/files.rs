//! Files where a run could leave something: around its state, in the lab directory, beside the runbook, in
//! the clients' own directories, and what carries our name among the temporary ones.
//!
//! Whole disks are not walked: what is looked at are the places that a step, a client library or a child
//! process of ours writes to when it means well, and the one where it writes when it does not think.

use std::fs::{self, DirEntry};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Places, Thing, left_out};
use crate::domain::Resource;
use crate::services::{Error, Kind, Result};

/// Larger files are known by their size and time.
const SMALL: u64 = 1 << 20;

/// A directory that is looked at.
struct Root {
    at: PathBuf,
    /// How far down; what lies deeper is its directory's.
    depth: usize,
    /// Only names that begin so, at its top.
    prefix: &'static str,
}

/// Every file and directory in these places.
pub(super) async fn things(places: &Places) -> Result<Option<Vec<Thing>>> {
    let root = |at: PathBuf, depth| Root { at, depth, prefix: "" };
    let mut roots = vec![
        root(places.lab.clone(), 3),
        root(places.state.clone(), 2),
        root(places.runbooks(), 2),
        Root { at: std::env::temp_dir(), depth: 1, prefix: "cutover" },
    ];
    if let Some(home) = std::env::home_dir() {
        roots.extend([root(home.join(".docker"), 2), root(home.join(".kube"), 1)]);
    }
    let walk = move || {
        let mut things = Vec::new();
        for root in &roots {
            walk(&root.at, root.depth, root.prefix, &mut things).map_err(|why| {
                Error::new("files", root.at.display().to_string(), "look at them", Kind::Permanent).because(why)
            })?;
        }
        Ok(Some(things))
    };
    tokio::task::spawn_blocking(walk)
        .await
        .unwrap_or_else(|why| Err(Error::new("files", "this machine", "look at them", Kind::Permanent).because(why)))
}

fn walk(directory: &Path, depth: usize, prefix: &str, things: &mut Vec<Thing>) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let path = std::path::absolute(entry.path())?;
        let resource = Resource::file(&path);
        if left_out::wholly(&resource) {
            continue;
        }
        // What went while we looked is not there.
        let Ok(facts) = facts(&entry) else { continue };
        things.push(Thing { resource, facts, owners: Vec::new() });
        if depth > 1 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, depth - 1, "", things)?;
        }
    }
    Ok(())
}

fn facts(entry: &DirEntry) -> io::Result<Value> {
    use std::os::unix::fs::PermissionsExt as _;

    let about = entry.metadata()?;
    let mode = about.permissions().mode();
    if about.is_symlink() {
        return Ok(json!({ "link": fs::read_link(entry.path())? }));
    }
    if !about.is_file() {
        return Ok(json!({ "mode": mode }));
    }
    if about.len() > SMALL {
        return Ok(json!({ "mode": mode, "size": about.len(), "time": about.modified()? }));
    }
    let mut content = Vec::new();
    fs::File::open(entry.path())?.take(SMALL).read_to_end(&mut content)?;
    Ok(json!({ "mode": mode, "content": hex::encode(Sha256::digest(content)) }))
}
