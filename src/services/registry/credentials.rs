//! Credentials as Docker keeps them: its configuration file and its helpers.

use docker_credential::{CredentialRetrievalError, DockerCredential};

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
