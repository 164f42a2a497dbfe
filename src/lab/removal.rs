//! What `lab down --all` takes beside the parts: caches, images and what the lab keeps in its directory.
//!
//! By label and by record only. An image that the lab pulled was somebody's before and stays; the base
//! image that it made goes, and so do images that a rehearsal pushed to the lab's own registry.

use std::io::ErrorKind;
use std::path::Path;

use super::site::fault;
use super::{LABEL, Site, base, registry};
use crate::services::{Kind, Result};

/// The label of an image that a run has built, with the run's id.
const RUN_LABEL: &str = "cutover.dev/run";

/// What the lab keeps below its directory. Anything else there is somebody's.
const KEPT: &[&str] =
    &["secrets", "tls", "route53", "rehearsals", "kubeconfig", "rows", "ingress-image", "base.tar", "dockerd.log"];

/// Takes volumes, images and files away. The parts and their network are gone already.
pub async fn everything(site: &Site<'_>) -> Result<()> {
    for volume in site.engine.volumes_labelled(&[(LABEL, "1")]).await? {
        site.engine.remove_volume(&volume).await?;
    }
    rehearsed_images(site).await?;
    own_images(site).await?;
    base::forget(site).await?;
    files(&site.directory)
}

/// Every name of an image that a rehearsal pushed: nobody else has a registry at that address.
async fn rehearsed_images(site: &Site<'_>) -> Result<()> {
    let pushed = format!("{}/", registry::PUSH_ADDRESS);
    for (_, names) in site.engine.images_labelled(&[(RUN_LABEL, "")]).await? {
        if names.iter().any(|name| name.starts_with(&pushed)) {
            for name in names {
                site.engine.remove_image(&name).await?;
            }
        }
    }
    Ok(())
}

/// The lab's images, those of older recipes included, which have lost their names. One goes only after what
/// stands on it: so round by round, as long as a round takes any.
async fn own_images(site: &Site<'_>) -> Result<()> {
    loop {
        let images = site.engine.images_labelled(&[(LABEL, "1")]).await?;
        let (mut took, mut stuck) = (false, None);
        for (id, names) in images {
            let names: Vec<String> = names.into_iter().filter(|name| !name.starts_with("<none>")).collect();
            for name in if names.is_empty() { vec![id] } else { names } {
                match site.engine.remove_image(&name).await {
                    Ok(removed) => took |= removed,
                    Err(why) if why.kind == Kind::Conflict => stuck = Some(why),
                    Err(why) => return Err(why),
                }
            }
        }
        match stuck {
            None => return Ok(()),
            Some(why) if !took => {
                return Err(why.next("a container or an image that is not the lab's stands on it: remove that first"));
            }
            Some(_) => {}
        }
    }
}

/// The lab's own files; the directory too, unless somebody else has put something there.
fn files(directory: &Path) -> Result<()> {
    for name in KEPT {
        let path = directory.join(name);
        let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        gone(removed).map_err(|why| fault(&path, "remove it").because(why))?;
    }
    // The lock last: whoever waits for it finds the work done.
    let lock = directory.join("lock");
    gone(std::fs::remove_file(&lock)).map_err(|why| fault(&lock, "remove it").because(why))?;
    match std::fs::remove_dir(directory) {
        Err(why) if why.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => gone(removed).map_err(|why| fault(directory, "remove it").because(why)),
    }
}

fn gone(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn the_labs_files_go_and_a_strangers_stays() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("lab");
        fs::create_dir_all(directory.join("secrets")).unwrap();
        fs::write(directory.join("secrets/registry"), "x").unwrap();
        fs::write(directory.join("lock"), "").unwrap();
        fs::write(directory.join("notes.txt"), "mine").unwrap();
        super::files(&directory).unwrap();
        let left: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["notes.txt"]);
        fs::remove_file(directory.join("notes.txt")).unwrap();
        super::files(&directory).unwrap();
        assert!(!directory.exists());
    }
}
