//! What requests are signed with, and until when: a session that ended is told before a step needs it.

use std::path::{Path, PathBuf};

use aws_credential_types::credential_feature::AwsCredentialFeature as Feature;
use aws_sdk_route53::config::{ProvideCredentials as _, SharedCredentialsProvider};
use jiff::Timestamp;
use serde::Deserialize;

use super::Route53;
use crate::services::error::causes;
use crate::services::{Error, Kind, Result};

/// Credentials for AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The id of the access key, which is no secret.
    pub key: String,
    /// Where it is from.
    pub by: &'static str,
    /// When it ends; nothing for keys that do not.
    pub ends: Option<Timestamp>,
    /// Whether its provider makes a new one before that.
    pub renewed: bool,
}

impl Route53 {
    /// Asks the provider for credentials, as a request would. Sends nothing to Route 53.
    pub async fn login(&self) -> Result<Login> {
        let error = |kind| Error::new("Route 53", self.address(), "log in at AWS", kind);
        let Some(provider) = &self.credentials else {
            return Err(error(Kind::Permanent).because("no provider of credentials is set up"));
        };
        of(provider, sso_cache().as_deref()).await.map_err(|why| {
            error(Kind::Permanent).because(why).next("log in again (`aws sso login`), in the engine's own environment")
        })
    }
}

async fn of(provider: &SharedCredentialsProvider, sso: Option<&Path>) -> std::result::Result<Login, String> {
    let credentials = provider
        .provide_credentials()
        .await
        .map_err(|why| causes(&why).last().map_or_else(|| why.to_string(), ToString::to_string))?;
    let features = credentials.get_property::<Vec<Feature>>().cloned().unwrap_or_default();
    let has = |wanted: &[Feature]| features.iter().any(|feature| wanted.contains(feature));
    let key = credentials.access_key_id().to_owned();
    // The keys are new every hour; the session that they are made from is what ends, and only a person renews it.
    if has(&[Feature::CredentialsSso, Feature::CredentialsProfileSso])
        && let Some(ends) = sso.and_then(session_ends)
    {
        return Ok(Login { key, by: "an SSO session", ends: Some(ends), renewed: false });
    }
    let by = if has(&[Feature::CredentialsEnvVars]) {
        "the environment"
    } else if has(&[Feature::CredentialsProcess, Feature::CredentialsProfileProcess]) {
        "a program"
    } else if has(&[Feature::CredentialsImds, Feature::CredentialsHttp]) {
        "the machine it runs on"
    } else if has(&[Feature::CredentialsProfile]) {
        "a profile"
    } else {
        "the runbook or a role"
    };
    let ends = credentials.expiry().and_then(|ends| Timestamp::try_from(ends).ok());
    Ok(Login { key, by, ends, renewed: true })
}

/// Where `aws sso login` keeps its tokens.
fn sso_cache() -> Option<PathBuf> {
    Some(PathBuf::from(std::env::var_os("HOME")?).join(".aws/sso/cache"))
}

/// The end of the newest session there that nothing renews by itself.
fn session_ends(cache: &Path) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Kept {
        /// Only a session has one; a registered client has not.
        #[serde(rename = "accessToken")]
        access: Option<String>,
        #[serde(rename = "expiresAt")]
        ends: Timestamp,
        #[serde(rename = "refreshToken")]
        refresh: Option<String>,
    }
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let kept: Kept = serde_json::from_slice(&std::fs::read(entry.ok()?.path()).ok()?).ok()?;
        (kept.access.is_some() && kept.refresh.is_none()).then_some(kept.ends)
    };
    std::fs::read_dir(cache).ok()?.filter_map(read).max()
}

#[cfg(test)]
mod tests {
    use aws_sdk_route53::config::Credentials;

    use super::*;

    fn provider(feature: Feature) -> SharedCredentialsProvider {
        let mut credentials = Credentials::new("AKIA", "secret", None, None, "test");
        credentials.get_property_mut_or_default::<Vec<Feature>>().push(feature);
        SharedCredentialsProvider::new(credentials)
    }

    #[tokio::test]
    async fn of_an_sso_session_its_own_end_counts() {
        let cache = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(cache.path().join(name), text).unwrap();
        put("old.json", r#"{"accessToken":"t","expiresAt":"2026-03-01T08:00:00Z"}"#);
        put("new.json", r#"{"startUrl":"u","accessToken":"t","expiresAt":"2026-03-02T08:00:00Z"}"#);
        put("client.json", r#"{"clientId":"c","clientSecret":"s","expiresAt":"2026-06-01T08:00:00Z"}"#);
        let login = of(&provider(Feature::CredentialsSso), Some(cache.path())).await.unwrap();
        assert_eq!((login.ends, login.renewed), ("2026-03-02T08:00:00Z".parse().ok(), false));
        let login = of(&provider(Feature::CredentialsEnvVars), Some(cache.path())).await.unwrap();
        assert_eq!((login.ends, login.by), (None, "the environment"));
    }
}
