//! Logging in as registries ask for it: `WWW-Authenticate: Basic`, or `Bearer` with a token server.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use super::Registry;
use crate::services::docker::Credentials;
use crate::services::error::with_causes;
use crate::services::{Kind, Result};

/// An `Authorization` header's value.
#[derive(Debug, Clone)]
pub(super) struct Granted(pub(super) SecretString);

/// What a registry wants.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

impl Registry {
    /// Makes the header that answers the first challenge we know.
    pub(super) async fn answer(&self, challenges: &[String], scope: &str, doing: &str) -> Result<Granted> {
        match challenges.iter().find_map(|challenge| parse(challenge)) {
            Some(Challenge::Bearer { realm, service, scope: asked }) => {
                let scope = asked.unwrap_or_else(|| scope.to_owned());
                self.token(&realm, service.as_deref(), &scope, doing).await
            }
            Some(Challenge::Basic) => self.basic().ok_or_else(|| {
                self.error(doing, crate::services::Kind::Permanent)
                    .because("it asks for a login and there are no credentials for it")
                    .next("name the registry's credentials in the runbook, or docker login")
            }),
            None => Err(self
                .error(doing, Kind::Permanent)
                .because(format!("it asks for a login of an unknown kind: {}", challenges.join(", ")))),
        }
    }

    fn basic(&self) -> Option<Granted> {
        let Some(Credentials::Basic { username, password }) = &self.credentials else { return None };
        let pair = BASE64_STANDARD.encode(format!("{username}:{}", password.expose_secret()));
        Some(Granted(format!("Basic {pair}").into()))
    }

    async fn token(&self, realm: &str, service: Option<&str>, scope: &str, doing: &str) -> Result<Granted> {
        let wrong = |why: String| self.error(doing, Kind::Permanent).because(why);
        let mut url =
            Url::parse(realm).map_err(|why| wrong(format!("its token server's address {realm} is no URL: {why}")))?;
        // A token is asked for where the registry points, so never in clear where the registry is not.
        if url.scheme() != "https" && self.base.starts_with("https") {
            return Err(wrong(format!("its token server {realm} is not HTTPS: credentials are not sent there")));
        }
        let mut fields: Vec<(&str, &str)> = Vec::new();
        fields.extend(service.map(|service| ("service", service)));
        if !scope.is_empty() {
            fields.push(("scope", scope));
        }
        let request = match &self.credentials {
            // An identity token is exchanged by the OAuth flow, everything else by GET.
            Some(Credentials::Token(token)) => {
                fields.extend([
                    ("grant_type", "refresh_token"),
                    ("client_id", "cutover"),
                    ("refresh_token", token.expose_secret()),
                ]);
                let mut form = Url::parse("form:").map_err(|why| wrong(why.to_string()))?;
                form.query_pairs_mut().extend_pairs(&fields);
                let body = form.query().unwrap_or_default().to_owned();
                self.client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body)
            }
            other => {
                url.query_pairs_mut().extend_pairs(&fields);
                let request = self.client.get(url);
                match other {
                    Some(Credentials::Basic { username, password }) => {
                        request.basic_auth(username, Some(password.expose_secret()))
                    }
                    _ => request,
                }
            }
        };
        let response = request.send().await.map_err(|why| {
            self.error(doing, Kind::Transient).because(format!("its token server: {}", with_causes(&why.without_url())))
        })?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refusal(doing, status, "from its token server"));
        }
        let answer: serde_json::Value =
            response.json().await.map_err(|why| self.error(doing, Kind::Transient).because(why.without_url()))?;
        match answer["token"].as_str().or(answer["access_token"].as_str()) {
            Some(token) => Ok(Granted(format!("Bearer {token}").into())),
            None => Err(wrong("its token server answered without a token".to_owned())),
        }
    }
}

fn parse(challenge: &str) -> Option<Challenge> {
    let (kind, rest) = challenge.trim().split_once(' ').unwrap_or((challenge.trim(), ""));
    if kind.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !kind.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let (mut realm, mut service, mut scope) = (None, None, None);
    let mut rest = rest;
    // Values are quoted and a scope holds commas, so splitting at commas would cut it.
    while let Some((key, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        match key.trim_matches([' ', ',']) {
            "realm" => realm = Some(value.to_owned()),
            "service" => service = Some(value.to_owned()),
            "scope" => scope = Some(value.to_owned()),
            _ => {}
        }
        rest = after;
    }
    Some(Challenge::Bearer { realm: realm?, service, scope })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_with_commas_stays_whole() {
        let challenge = r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:shop/backend:pull,push""#;
        assert_eq!(
            parse(challenge),
            Some(Challenge::Bearer {
                realm: "https://auth.example/token".into(),
                service: Some("registry.example".into()),
                scope: Some("repository:shop/backend:pull,push".into()),
            })
        );
        assert_eq!(parse("Basic realm=\"x\""), Some(Challenge::Basic));
        assert_eq!(parse("Negotiate"), None);
    }

    #[test]
    fn what_was_granted_shows_no_secret() {
        let granted = Granted("Bearer hunter2".to_owned().into());
        assert!(!format!("{granted:?}").contains("hunter2"));
    }
}
