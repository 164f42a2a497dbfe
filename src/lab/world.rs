//! The lab as a whole: its parts brought up in order, looked at, made fresh, taken away.

use std::path::{Path, PathBuf};

use super::{LABEL, NETWORK, Part, Progress, Site, State, files, install, site};
use crate::services::Result;
use crate::services::docker::Engine;

/// Rows of orders and ledger in Rev1's database where nobody asks for another number: about 200 MB.
pub const ROWS: u64 = 400_000;

/// Secrets that steps ask for and no part makes.
const SECRETS: &[&str] = &["managed-app", "replication", "replication-back"];

/// Who hears of progress.
pub type News<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// The lab directory: `CUTOVER_LAB_DIR`, or `~/.cache/cutover/lab`.
pub fn directory() -> PathBuf {
    std::env::var_os("CUTOVER_LAB_DIR").map_or_else(
        || std::env::home_dir().unwrap_or_else(|| PathBuf::from("/")).join(".cache/cutover/lab"),
        PathBuf::from,
    )
}

/// What `up` is asked for.
#[derive(Debug, Clone, Default)]
pub struct UpOptions {
    /// Rows in Rev1's database; as before, else [`ROWS`], where it is not given.
    pub rows: Option<u64>,
    /// These parts with what they need; every part where it is empty.
    pub only: Vec<Part>,
    /// Install what is missing on this machine.
    pub install: bool,
}

/// The lab in a directory; nothing is started by opening it.
#[derive(Debug, Clone)]
pub struct Lab {
    directory: PathBuf,
}

impl Lab {
    /// The lab whose state is in `directory`, which is made.
    pub fn open(directory: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&directory).map_err(|why| site::fault(&directory, "make it").because(why))?;
        Ok(Self { directory })
    }

    /// Brings the parts up; what runs as it should stays as it is.
    pub async fn up(&self, options: &UpOptions, news: News<'_>) -> Result<()> {
        let engine = install::ready(&self.directory, options.install, news).await?;
        let rows = self.rows(options.rows)?;
        let site = Site { engine, directory: self.directory.clone(), rows, news };
        for name in SECRETS {
            site.secret(name).await?;
        }
        site.ensure_network().await?;
        for part in wanted(&options.only) {
            part.up(&site).await?;
        }
        Ok(())
    }

    /// How each part is.
    pub async fn status(&self) -> Result<Vec<(Part, State)>> {
        let site = self.site(&|_| ()).await?;
        let mut states = Vec::new();
        for part in Part::ALL {
            states.push((*part, part.ready(&site).await?));
        }
        Ok(states)
    }

    /// A fresh world; parts that are absent stay absent.
    pub async fn reset(&self, news: News<'_>) -> Result<()> {
        let site = self.site(news).await?;
        for part in Part::ALL {
            if part.ready(&site).await? != State::Absent {
                site.say(*part, "fresh");
                part.reset(&site).await?;
            }
        }
        Ok(())
    }

    /// Takes the parts away; with `all`, the lab's images, volumes and directory too.
    pub async fn down(&self, all: bool, news: News<'_>) -> Result<()> {
        let site = self.site(news).await?;
        for part in Part::ALL.iter().rev() {
            site.say(*part, "down");
            part.down(&site).await?;
        }
        site.engine.remove_network(NETWORK).await?;
        if all {
            for volume in site.engine.volumes_labelled(&[(LABEL, "1")]).await? {
                site.engine.remove_volume(&volume).await?;
            }
            for (image, _) in site.engine.images_labelled(&[(LABEL, "1")]).await? {
                site.engine.remove_image(&image).await?;
            }
            std::fs::remove_dir_all(&self.directory)
                .map_err(|why| site::fault(&self.directory, "remove it").because(why))?;
        }
        Ok(())
    }

    async fn site<'a>(&self, news: News<'a>) -> Result<Site<'a>> {
        let engine = Engine::connect(None).await?;
        Ok(Site { engine, directory: self.directory.clone(), rows: self.rows(None)?, news })
    }

    /// The number of rows, kept from one command to the next.
    fn rows(&self, asked: Option<u64>) -> Result<u64> {
        let file = self.directory.join("rows");
        if let Some(rows) = asked {
            files::write(&file, rows.to_string().as_bytes(), 0o644).map_err(|why| keep(&file, why))?;
            return Ok(rows);
        }
        match std::fs::read_to_string(&file) {
            Ok(text) => Ok(text.trim().parse().unwrap_or(ROWS)),
            Err(_) => Ok(ROWS),
        }
    }
}

fn keep(file: &Path, why: std::io::Error) -> crate::services::Error {
    site::fault(file, "keep the number of rows").because(why)
}

/// The parts asked for with what they need, in the order in which they come up.
fn wanted(only: &[Part]) -> Vec<Part> {
    let mut wanted: Vec<Part> = if only.is_empty() { Part::ALL.to_vec() } else { only.to_vec() };
    let mut next = 0;
    while let Some(part) = wanted.get(next).copied() {
        wanted.extend(part.needs().iter().filter(|need| !only.contains(need)));
        next += 1;
    }
    Part::ALL.iter().copied().filter(|part| wanted.contains(part)).collect()
}
