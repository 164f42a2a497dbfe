//! Files into and out of a container, whether it runs or not.

use bollard::query_parameters::{DownloadFromContainerOptions, UploadToContainerOptions};
use futures_util::TryStreamExt as _;
use std::io::Read as _;

use super::{Context, Engine};
use crate::services::{Error, Kind, Result};

impl Engine {
    /// Puts the files into `container`, below `at` (which must exist).
    pub async fn copy_in(&self, container: &str, at: &str, files: Context) -> Result<()> {
        let options = UploadToContainerOptions { path: at.to_owned(), ..UploadToContainerOptions::default() };
        let body = bollard::body_try_stream(files.into_stream());
        let sent = self.docker.upload_to_container(container, Some(options), body).await;
        sent.map_err(self.fault(format!("copy files into {container}:{at}")))
    }

    /// Reads one file out of `container`.
    pub async fn read_file(&self, container: &str, path: &str) -> Result<Vec<u8>> {
        let doing = format!("read {container}:{path}");
        let options = DownloadFromContainerOptions { path: path.to_owned() };
        let stream = self.docker.download_from_container(container, Some(options));
        let packed = stream.try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        });
        let packed = packed.await.map_err(self.fault(doing.clone()))?;
        let unpack = || -> std::io::Result<Option<Vec<u8>>> {
            for entry in tar::Archive::new(packed.as_slice()).entries()? {
                let mut entry = entry?;
                if entry.header().entry_type().is_file() {
                    let mut content = Vec::new();
                    entry.read_to_end(&mut content)?;
                    return Ok(Some(content));
                }
            }
            Ok(None)
        };
        let broken =
            |why: std::io::Error| Error::new("Docker engine", self.address(), &doing, Kind::Unknown).because(why);
        unpack().map_err(broken)?.ok_or_else(|| {
            Error::new("Docker engine", self.address(), &doing, Kind::NotFound).because("it is not a file")
        })
    }
}
