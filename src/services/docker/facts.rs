//! What an engine is like, beyond who it is: for a look ahead of the first build.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::services::Result;
use crate::services::clock::Drift;

/// Facts of an engine.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its version, `20.10.24`.
    pub version: String,
    /// In Docker's image words: `amd64`, `arm64`.
    pub architecture: String,
    /// Where it keeps images and containers, on its own machine.
    pub data_root: PathBuf,
    /// Its clock against ours, where it tells.
    pub drift: Option<Drift>,
}

impl Engine {
    /// Reads them.
    pub async fn facts(&self) -> Result<Facts> {
        let before = Timestamp::now();
        let info = self.docker.info().await.map_err(self.fault("read the engine's facts"))?;
        let after = Timestamp::now();
        let theirs = info.system_time.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
        Ok(Facts {
            version: info.server_version.unwrap_or_default(),
            architecture: super::docker_architecture(&info.architecture.unwrap_or_default()),
            data_root: info.docker_root_dir.unwrap_or_default().into(),
            drift: theirs.map(|theirs| Drift::between(before, theirs, SignedDuration::ZERO, after)),
        })
    }
}
