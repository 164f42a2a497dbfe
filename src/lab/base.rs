//! The base of every image, `debian:trixie-slim`: the engine's own copy, else a hub's, else made here.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::progress::Stretch;
use super::site::fault;
use super::{Progress, Site, files, recipe};
use crate::services::{Error, Kind, Result};

/// The base image's name, the same wherever it comes from.
pub const BASE: &str = "debian:trixie-slim";

/// Holds the id of a base image that was made here, below the lab directory.
const RECORD: &str = "base-image";

/// A hub that answers at all answers sooner than this; a whole pull takes longer and is not cut short.
const HUB_PATIENCE: Duration = Duration::from_secs(20);

/// Makes sure of the base image; its name.
pub async fn ensure(site: &Site<'_>) -> Result<&'static str> {
    let _turn = site.builds.lock().await;
    if site.engine.image(BASE).await?.is_some() {
        return Ok(BASE);
    }
    say(site, format!("pulling {BASE}"), None);
    match pull(site, BASE).await {
        Ok(()) => return Ok(BASE),
        Err(why) => {
            let reason = why.why.map(|why| why.to_string()).unwrap_or_default();
            say(site, format!("no hub gives {BASE} ({reason}): making it with mmdebstrap"), None);
        }
    }
    bootstrap(site).await?;
    Ok(BASE)
}

/// Pulls `reference`, unless no hub says a word in time.
pub(super) async fn pull(site: &Site<'_>, reference: &str) -> Result<()> {
    let heard = tokio::sync::Notify::new();
    let pull = site.engine.pull(reference, None, None, |_| heard.notify_one());
    let silence = async {
        // The first word from the hub ends the patience; from then on the pull takes what it takes.
        if tokio::time::timeout(HUB_PATIENCE, heard.notified()).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        pulled = pull => pulled,
        () = silence => Err(Error::new("image hub", reference, "pull it", Kind::Transient)
            .because(format!("no answer within {} s", HUB_PATIENCE.as_secs()))),
    }
}

async fn bootstrap(site: &Site<'_>) -> Result<()> {
    let doing = "make debian:trixie-slim with mmdebstrap";
    let stretch = Stretch::begin(Duration::from_secs(25));
    let script = recipe::embedded("base")?
        .get_file("base/bootstrap.sh")
        .and_then(include_dir::File::contents_utf8)
        .ok_or_else(|| fault(&site.directory, "find base/bootstrap.sh in the program"))?;
    let root = site.directory.join("base.tar");
    tokio::fs::create_dir_all(&site.directory).await.map_err(|why| fault(&site.directory, "make it").because(why))?;
    let mut child = Command::new("sh");
    child.arg("-c").arg(script).arg("bootstrap").arg(&root).stdin(Stdio::null()).kill_on_drop(true);
    say(site, doing.to_owned(), Some(stretch.eta(0.0)));
    let output = child.output().await.map_err(|why| fault(&root, doing).because(why))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).lines().rev().take(5).collect::<Vec<_>>().join("; ");
        return Err(fault(&root, doing).because(said).next(
            "install mmdebstrap (`cutover lab up --install` does it on Debian and Ubuntu), or let Docker reach a hub",
        ));
    }
    site.engine.import(&root, BASE, &["CMD [\"bash\"]".to_owned()]).await?;
    let id = site.engine.image(BASE).await?.map(|image| image.id).unwrap_or_default();
    let record = site.directory.join(RECORD);
    files::write(&record, id.as_bytes(), 0o644).map_err(|why| fault(&record, "keep it").because(why))?;
    tokio::fs::remove_file(&root).await.map_err(|why| fault(&root, "remove it").because(why))
}

/// Takes the base image away if it is the one that was made here. It has no label to tell it by: whatever is
/// built on it would inherit that, other people's images too.
pub async fn forget(site: &Site<'_>) -> Result<()> {
    let record = site.directory.join(RECORD);
    let Ok(made) = tokio::fs::read_to_string(&record).await else { return Ok(()) };
    if site.engine.image(BASE).await?.is_some_and(|image| image.id == made) {
        site.engine.remove_image(BASE).await?;
    }
    tokio::fs::remove_file(&record).await.map_err(|why| fault(&record, "remove it").because(why))
}

fn say(site: &Site<'_>, text: String, eta: Option<Duration>) {
    (site.news)(Progress { part: None, text, done: None, eta });
}
