//! The lab as a whole: its parts brought up in order, looked at, made fresh, taken away.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::try_join_all;

use tokio::sync::Mutex;

use super::{LABEL, NETWORK, Part, Progress, Site, State, approver, files, install, removal, site};
use crate::services::Result;
use crate::services::docker::Engine;
use crate::services::kubernetes::Cluster;

/// Rows of orders and ledger in Rev1's database where nobody asks for another number: about 200 MB.
pub const ROWS: u64 = 700_000;

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
    ///
    /// # Errors
    /// It cannot be made, or its path is a relative one: runbooks name files in it, and stand elsewhere.
    pub fn open(directory: PathBuf) -> Result<Self> {
        if directory.is_relative() {
            return Err(site::fault(&directory, "take it for the lab")
                .because("it is a relative path, which means another place to each runbook")
                .next("give CUTOVER_LAB_DIR as a whole path"));
        }
        std::fs::create_dir_all(&directory).map_err(|why| site::fault(&directory, "make it").because(why))?;
        Ok(Self { directory })
    }

    /// Brings the parts up; what runs as it should stays as it is.
    pub async fn up(&self, options: &UpOptions, news: News<'_>) -> Result<()> {
        let _turn = self.turn(news).await?;
        let engine = install::ready(&self.directory, options.install, news).await?;
        let rows = self.rows(options.rows)?;
        let site = Site { engine, directory: self.directory.clone(), rows, builds: Mutex::default(), news };
        for name in SECRETS {
            site.secret(name).await?;
        }
        approver::ensure(&self.directory.join("secrets"))?;
        site.ensure_network().await?;
        for wave in waves(wanted(&options.only)) {
            try_join_all(wave.into_iter().map(|part| part.up(&site))).await?;
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
        self.reset_parts(Part::ALL, news).await
    }

    /// The same of these parts only.
    pub async fn reset_parts(&self, parts: &[Part], news: News<'_>) -> Result<()> {
        let _turn = self.turn(news).await?;
        let site = self.site(news).await?;
        let mut present = BTreeSet::new();
        for part in parts {
            if part.ready(&site).await? != State::Absent {
                present.insert(*part);
            }
        }
        for wave in waves(present) {
            try_join_all(wave.into_iter().map(|part| {
                site.say(part, "fresh");
                part.reset(&site)
            }))
            .await?;
        }
        Ok(())
    }

    /// The identity of the lab's own cluster, where that is up.
    pub async fn cluster_identity(&self) -> Result<Option<String>> {
        let site = self.site(&|_| ()).await?;
        if Part::Kubernetes.ready(&site).await? != State::Ready {
            return Ok(None);
        }
        let kubeconfig = super::kubernetes::kubeconfig(&site);
        let cluster = Cluster::connect(Some(&kubeconfig), Some(super::kubernetes::CONTEXT)).await?;
        cluster.identity().await.map(Some)
    }

    /// Takes the parts away; with `all`, the lab's images, caches and files too.
    pub async fn down(&self, all: bool, news: News<'_>) -> Result<()> {
        let _turn = self.turn(news).await?;
        let site = self.site(news).await?;
        for part in Part::ALL.iter().rev() {
            site.say(*part, "down");
            part.down(&site).await?;
        }
        // Helpers that an interrupted command left behind.
        for container in site.engine.containers_labelled(&[(LABEL, "1")]).await? {
            site.engine.remove_container(&container).await?;
        }
        site.engine.remove_network(NETWORK).await?;
        if all { removal::everything(&site).await } else { Ok(()) }
    }

    /// Which ingress controller the lab has: `stand-in`, or the original's image.
    pub async fn ingress_controller(&self) -> Result<Option<String>> {
        let site = self.site(&|_| ()).await?;
        Ok(super::kubernetes::ingress::controller(&site).await?.map(|controller| controller.name))
    }

    pub(super) async fn site<'a>(&self, news: News<'a>) -> Result<Site<'a>> {
        let engine = Engine::connect(None).await?;
        let (directory, rows) = (self.directory.clone(), self.rows(None)?);
        let site = Site { engine, directory, rows, builds: Mutex::default(), news };
        site.is_ours().await?;
        Ok(site)
    }

    /// Waits for the turn on this lab directory; it ends with the file, or with the process that has it.
    async fn turn(&self, news: News<'_>) -> Result<File> {
        let path = self.directory.join("lock");
        let fault = |why| site::fault(&path, "lock it").because(why);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(fault)?;
        let mut said = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(why)) => return Err(fault(why)),
                Err(TryLockError::WouldBlock) if said => tokio::time::sleep(Duration::from_millis(200)).await,
                Err(TryLockError::WouldBlock) => {
                    let text = "another command of the lab is at work: waiting for it".to_owned();
                    news(Progress { part: None, text, done: None, eta: None });
                    said = true;
                }
            }
        }
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

/// The parts asked for with all that they need.
fn wanted(only: &[Part]) -> BTreeSet<Part> {
    let mut next: Vec<Part> = if only.is_empty() { Part::ALL.to_vec() } else { only.to_vec() };
    let mut wanted = BTreeSet::new();
    while let Some(part) = next.pop() {
        if wanted.insert(part) {
            next.extend(part.needs());
        }
    }
    wanted
}

/// Parts in waves: those of one wave come up together, and need only parts of earlier ones.
fn waves(mut wanted: BTreeSet<Part>) -> Vec<Vec<Part>> {
    let mut waves = Vec::new();
    while !wanted.is_empty() {
        let free = |part: &Part| !part.needs().iter().any(|need| wanted.contains(need));
        let wave: Vec<Part> = wanted.iter().copied().filter(free).collect();
        // Parts that need each other in a circle: a test forbids it; here it must not become a loop.
        let wave = if wave.is_empty() { wanted.iter().copied().collect() } else { wave };
        wanted.retain(|part| !wave.contains(part));
        waves.push(wave);
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_comes_after_what_it_needs() {
        let order = waves(wanted(&[])).concat();
        assert_eq!(order.len(), Part::ALL.len());
        for (place, part) in order.iter().enumerate() {
            assert!(part.needs().iter().all(|need| order[..place].contains(need)), "{part}");
        }
    }

    #[test]
    fn a_part_alone_brings_what_it_needs() {
        for part in Part::ALL {
            let order = waves(wanted(&[*part])).concat();
            assert_eq!(order.last(), Some(part));
            assert!(part.needs().iter().all(|need| order.contains(need)));
        }
    }
}
