//! Manifests: their digest, their kind, what they point at.

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use sha2::{Digest as _, Sha256};

/// All kinds of manifest there are: a registry converts, and so changes the digest, for a client that
/// does not say that it takes the kind that was pushed.
pub(super) const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// What a tag stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// `sha256:...`
    pub digest: String,
    /// The manifest's kind.
    pub media_type: String,
    /// The manifest's size in bytes.
    pub size: u64,
}

/// A manifest, read whole and checked against its digest.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Digest, kind and size.
    pub descriptor: Descriptor,
    /// Its content.
    pub content: serde_json::Value,
}

impl Descriptor {
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Some(Self {
            digest: text("docker-content-digest")?,
            media_type: text(CONTENT_TYPE.as_str()).unwrap_or_default(),
            size: text(CONTENT_LENGTH.as_str()).and_then(|size| size.parse().ok()).unwrap_or_default(),
        })
    }
}

impl Manifest {
    /// From an answer's bytes; `asked` is the tag or digest that it answers.
    pub(super) fn of(headers: &HeaderMap, bytes: &[u8], asked: &str) -> Result<Self, String> {
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
        let told = Descriptor::of(headers).map(|told| told.digest);
        let expected = if asked.starts_with("sha256:") { Some(asked.to_owned()) } else { told };
        if let Some(expected) = expected.filter(|expected| *expected != digest) {
            return Err(format!("the manifest's bytes are {digest}, not {expected}"));
        }
        let content = serde_json::from_slice(bytes).map_err(|why| format!("the manifest is not JSON: {why}"))?;
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Ok(Self { descriptor: Descriptor { digest, media_type, size: bytes.len() as u64 }, content })
    }

    /// The digest of the image's configuration, which is the image's id on an engine; `None` for a list.
    pub fn config_digest(&self) -> Option<&str> {
        self.content["config"]["digest"].as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_the_digest_are_refused() {
        let bytes = br#"{"config":{"digest":"sha256:aa"}}"#;
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
        let manifest = Manifest::of(&HeaderMap::new(), bytes, &digest).unwrap();
        assert_eq!(manifest.config_digest(), Some("sha256:aa"));
        let wrong = Manifest::of(&HeaderMap::new(), bytes, "sha256:00").unwrap_err();
        assert!(wrong.contains("not sha256:00"));
    }
}
