//! A recipe is an image's Dockerfile and what it copies, embedded in the program.
//!
//! The image is tagged by the hash of its recipe and of what it stands on, so an unchanged recipe is
//! never built again and a changed one always is.

use std::time::{Duration, Instant};

use include_dir::{Dir, include_dir};

use super::progress::Stretch;
use super::{LABEL, Part, Progress, Site};
use crate::services::docker::{BuildEvent, BuildOptions, Context};
use crate::services::{Error, Kind, Result};

/// Steps that follow each other quicker than this are not news.
const QUIET: Duration = Duration::from_secs(2);

/// Everything under `assets/lab`, as the program was built with it.
pub static ASSETS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/lab");

/// How to make one image.
#[derive(Debug, Clone)]
pub struct Recipe {
    name: &'static str,
    context: Context,
    base: String,
    usual: Duration,
}

impl Recipe {
    /// The recipe of `assets/lab/NAME`, for the image `cutover-lab/NAME` on top of `base` (an image
    /// reference, the Dockerfile's `ARG BASE`). Building takes about `usual` on an ordinary machine.
    pub fn embedded(name: &'static str, base: impl Into<String>, usual: Duration) -> Result<Self> {
        let files = embedded(name)?;
        Ok(Self { name, context: Context::default().with_embedded(files), base: base.into(), usual })
    }

    /// With the files of `assets/lab/OTHER` under `at/` in the context.
    pub fn with_files_of(mut self, other: &str, at: &str) -> Result<Self> {
        let mut rest = vec![embedded(other)?];
        while let Some(directory) = rest.pop() {
            for file in directory.files() {
                let path = file.path().strip_prefix(other).unwrap_or(file.path());
                let script = file.contents().starts_with(b"#!");
                self.context = self.context.with(format!("{at}/{}", path.display()), file.contents(), script);
            }
            rest.extend(directory.dirs());
        }
        Ok(self)
    }

    /// The image's name with its tag: the first 12 digits of the hash.
    pub fn reference(&self) -> Result<String> {
        let context = self.context.clone().with("\u{0}base", self.base.as_bytes(), false);
        let digest = context.digest().map_err(|why| fault(self.name, "hash it").because(why))?;
        let digits = digest.trim_start_matches("sha256:").chars().take(12).collect::<String>();
        Ok(format!("cutover-lab/{}:{digits}", self.name))
    }

    /// Builds the image unless it is there; its reference.
    pub async fn ensure(&self, site: &Site<'_>, part: Part) -> Result<String> {
        let reference = self.reference()?;
        let _turn = site.builds.lock().await;
        if site.engine.image(&reference).await?.is_some() {
            return Ok(reference);
        }
        let stretch = Stretch::begin(self.usual);
        let mut labels = Site::labels();
        labels.insert(format!("{LABEL}.recipe"), self.name.to_owned());
        let options = BuildOptions {
            tag: Some(reference.clone()),
            args: [("BASE".to_owned(), self.base.clone())].into(),
            labels,
            // The host's resolver and routes: a build needs Debian's archive, and nothing of the lab's network.
            network: Some("host".to_owned()),
            ..BuildOptions::default()
        };
        let news = |text: String| Progress {
            part: Some(part),
            text,
            done: Some(share(stretch, self.usual)),
            eta: Some(stretch.eta(0.0)),
        };
        (site.news)(news(format!("building {reference}")));
        let mut last = Instant::now();
        let built = site.engine.build(self.context.clone(), &options, |event| {
            if let BuildEvent::Step { number, total, .. } = event
                && last.elapsed() > QUIET
            {
                last = Instant::now();
                (site.news)(news(format!("building {} (step {number} of {total})", self.name)));
            }
        });
        built.await?;
        let took = stretch.elapsed().as_secs_f64();
        site.say(part, format!("built {reference} in {took:.0} s"));
        Ok(reference)
    }
}

fn share(stretch: Stretch, usual: Duration) -> f64 {
    (stretch.elapsed().as_secs_f64() / usual.as_secs_f64().max(1.0)).min(0.99)
}

/// One embedded recipe's files.
pub fn embedded(name: &str) -> Result<&'static Dir<'static>> {
    ASSETS.get_dir(name).ok_or_else(|| fault(name, "find its files in the program"))
}

fn fault(name: &str, doing: &str) -> Error {
    Error::new("lab recipe", name, doing, Kind::Permanent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_on_another_base_is_another_image() {
        let on = |base: &str| Recipe::embedded("registry", base, Duration::from_secs(1)).unwrap().reference().unwrap();
        assert_eq!(on("debian:trixie-slim"), on("debian:trixie-slim"));
        assert_ne!(on("debian:trixie-slim"), on("debian:sid-slim"));
    }
}
