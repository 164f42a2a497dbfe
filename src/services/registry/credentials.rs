//! Credentials as Docker keeps them: its configuration file and its helpers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::services::docker::Credentials;
use crate::services::{Error, Kind, Result};

/// What `docker login` (or a helper such as ECR's) has for `host`; `None` if it has nothing.
pub async fn from_docker_config(host: &str) -> Result<Option<Credentials>> {
    // The hub is kept under the address of its first API.
    let server = if host == "docker.io" { "https://index.docker.io/v1/" } else { host }.to_owned();
    let found = tokio::task::spawn_blocking(move || docker_credential::get_credential(&server)).await;
    let error = || Error::new("registry", host, "read Docker's credentials", Kind::Permanent);
    let found = found.map_err(|why| error().because(why))?;
    match found {
        Ok(DockerCredential::UsernamePassword(username, password)) => {
            Ok(Some(Credentials::Basic { username, password: password.into() }))
        }
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credentials::Token(token.into()))),
        Err(CredentialRetrievalError::NoCredentialConfigured | CredentialRetrievalError::ConfigNotFound) => Ok(None),
        // What a helper prints may hold a secret: only its name is passed on.
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => Err(error()
            .because(format!("the credential helper {helper} failed"))
            .next(format!("run docker-credential-{helper} list by hand, or docker login {host}"))),
        Err(why) => Err(error().because(why.to_string()).next(format!("docker login {host}"))),
    }
}

/// When a password ends, where it says so itself: ECR's are JSON in base64.
pub fn expires(password: &SecretString) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Token {
        /// Seconds since the epoch.
        expiration: i64,
    }
    let text = STANDARD.decode(password.expose_secret().trim()).ok()?;
    let token: Token = serde_json::from_slice(&text).ok()?;
    Timestamp::from_second(token.expiration).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_says_when_it_ends_is_heard() {
        let token = STANDARD.encode(r#"{"payload":"x","datakey":"y","version":"2","expiration":1772700000}"#);
        assert_eq!(expires(&token.into()), Timestamp::from_second(1_772_700_000).ok());
        assert_eq!(expires(&"a password".to_owned().into()), None);
    }
}
