//! A world is a server's data directory. A pristine one is made once; every fresh world is a copy of it,
//! so that a reset takes seconds and a server keeps its UUID (`auto.cnf` is copied with the rest).

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::progress::Stretch;
use super::{Part, Progress, Site};
use crate::services::docker::{ContainerSpec, Mount, Output};
use crate::services::{Error, Kind, Result};

/// The file that says what a pristine directory was made of; written last, so a half-made one has none.
const MARK: &str = "world-complete";
/// The copier's exit code for "there is no pristine directory of this key".
const NOT_THERE: i64 = 3;

/// How one server's data directory is made and copied.
#[derive(Debug, Clone)]
pub struct DataDirectory {
    /// Whose it is.
    pub part: Part,
    /// Image with the server and the program that makes the directory.
    pub image: String,
    /// That program and its arguments; it fills `/var/lib/mysql` and ends.
    pub maker: Vec<String>,
    /// What the maker needs, by name.
    pub secrets: &'static [&'static str],
    /// What the directory is made of: another key is another world.
    pub key: String,
    /// How long making it takes on an ordinary machine.
    pub usual: Duration,
}

impl DataDirectory {
    /// The volume that the server runs on.
    pub fn live(&self) -> String {
        format!("cutover-lab-{}-data", self.part)
    }

    fn pristine(&self) -> String {
        format!("cutover-lab-{}-pristine", self.part)
    }

    /// Replaces the live directory by a copy of the pristine one, which is made first if need be. The
    /// server must not run.
    pub async fn refresh(&self, site: &Site<'_>) -> Result<()> {
        let labels = Site::labels_of(self.part);
        for volume in [self.live(), self.pristine()] {
            site.engine.ensure_volume(&volume, &labels).await?;
        }
        let copied = self.copy(site).await?;
        if copied.exit_code != NOT_THERE {
            return self.judge("copy the data directory", copied).map(drop);
        }
        self.make(site).await?;
        let copied = self.copy(site).await?;
        self.judge("copy the data directory", copied).map(drop)
    }

    async fn make(&self, site: &Site<'_>) -> Result<()> {
        let stretch = Stretch::begin(self.usual);
        (site.news)(Progress {
            part: Some(self.part),
            text: "making the pristine data directory".to_owned(),
            done: Some(0.0),
            eta: Some(self.usual),
        });
        let name = format!("cutover-lab-{}-maker", self.part);
        let (entrypoint, command) = self.maker.split_at(1.min(self.maker.len()));
        let spec = ContainerSpec {
            labels: Site::labels_of(self.part),
            entrypoint: Some(entrypoint.to_vec()),
            command: Some(command.to_vec()),
            mounts: vec![Mount::Volume { name: self.pristine(), at: "/var/lib/mysql".to_owned() }],
            ..ContainerSpec::new(&name, &self.image)
        };
        // One that an interrupted `up` left behind.
        site.engine.remove_container(&name).await?;
        let id = site.engine.create(&spec).await?;
        site.give_secrets(&id, self.secrets).await?;
        site.engine.start(&id).await?;
        let ended = site.engine.ended(&id);
        let mut ended = std::pin::pin!(ended);
        let exit_code = loop {
            tokio::select! {
                ended = &mut ended => break ended?,
                () = tokio::time::sleep(Duration::from_secs(5)) => {
                    let done = (stretch.elapsed().as_secs_f64() / self.usual.as_secs_f64()).min(0.95);
                    site.say_far(Some(self.part), "making the pristine data directory", done, stretch.eta(0.0));
                }
            }
        };
        let (stdout, stderr) = site.engine.logs(&id, Some(30)).await?;
        site.engine.remove_container(&id).await?;
        self.judge("make the data directory", Output { exit_code, stdout, stderr })?;
        let script = format!("printf '%s\\n' '{}' > /to/{MARK} && sync -f /to", self.key);
        let marked = self.helper(site, &script, &[(self.pristine(), "/to")]).await?;
        self.judge("mark the data directory as complete", marked)?;
        site.say(self.part, format!("data directory made in {:.0} s", stretch.elapsed().as_secs_f64()));
        Ok(())
    }

    async fn copy(&self, site: &Site<'_>) -> Result<Output> {
        let script = format!(
            "grep -qsxF '{}' /from/{MARK} || exit {NOT_THERE}; find /to -mindepth 1 -delete && cp -a --reflink=auto /from/. /to/",
            self.key
        );
        self.helper(site, &script, &[(self.pristine(), "/from"), (self.live(), "/to")]).await
    }

    async fn helper(&self, site: &Site<'_>, script: &str, volumes: &[(String, &str)]) -> Result<Output> {
        let name = format!("cutover-lab-{}-copier", self.part);
        site.engine.remove_container(&name).await?;
        let mounts = volumes.iter().map(|(name, at)| Mount::Volume { name: name.clone(), at: (*at).to_owned() });
        let spec = ContainerSpec {
            labels: Site::labels_of(self.part),
            entrypoint: Some(vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()]),
            mounts: mounts.collect(),
            ..ContainerSpec::new(name, &self.image)
        };
        site.engine.run_to_end(&spec).await
    }

    fn judge(&self, doing: &str, output: Output) -> Result<Output> {
        if output.success() {
            return Ok(output);
        }
        Err(Error::new("lab", self.part.name(), doing, Kind::Permanent)
            .because(format!("exit code {}; its last lines:\n{}{}", output.exit_code, output.stdout, output.stderr)))
    }
}

/// A key over everything that a directory is made of, secrets included (of which nothing can be read from it).
pub fn key(pieces: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update((piece.len() as u64).to_be_bytes());
        hash.update(piece);
    }
    hex::encode(hash.finalize())[..24].to_owned()
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn pieces_do_not_run_into_each_other() {
        assert_ne!(key(&[b"ab", b"c"]), key(&[b"a", b"bc"]));
    }
}
