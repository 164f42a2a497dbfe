//! One request to the registry: sent as whoever we are, sent again once the registry has said how to log in.

use reqwest::{Method, Response, StatusCode, header};
use secrecy::ExposeSecret as _;

use super::{Registry, auth};
use crate::services::error::with_causes;
use crate::services::{Kind, Result};

impl Registry {
    /// Sends a request below `/v2/` and follows one challenge. An answer other than success is an error.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        scope: &str,
        accept: Option<&str>,
        doing: &str,
    ) -> Result<Response> {
        let known = self.granted.lock().await.get(scope).cloned();
        let response = self.once(&method, path, accept, known.as_ref(), doing).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return self.judged(response, doing).await;
        }
        let challenges: Vec<String> = response
            .headers()
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect();
        let granted = self.answer(&challenges, scope, doing).await?;
        let response = self.once(&method, path, accept, Some(&granted), doing).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            self.granted.lock().await.insert(scope.to_owned(), granted);
        }
        self.judged(response, doing).await
    }

    async fn once(
        &self,
        method: &Method,
        path: &str,
        accept: Option<&str>,
        granted: Option<&auth::Granted>,
        doing: &str,
    ) -> Result<Response> {
        let mut request = self.client.request(method.clone(), format!("{}/v2/{path}", self.base));
        if let Some(accept) = accept {
            request = request.header(header::ACCEPT, accept);
        }
        if let Some(granted) = granted {
            let mut value = header::HeaderValue::from_str(granted.0.expose_secret()).map_err(|_| {
                self.error(doing, Kind::Permanent).because("the credentials hold a character that no header can carry")
            })?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        request.send().await.map_err(|why| {
            // A deletion whose answer was lost may have happened; everything else only reads.
            let kind = if why.is_connect() || *method != Method::DELETE { Kind::Transient } else { Kind::Unknown };
            let error = self.error(doing, kind).because(with_causes(&why.without_url()));
            error.next(format!("check that {} is reachable from here", self.base))
        })
    }

    async fn judged(&self, response: Response, doing: &str) -> Result<Response> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.text().await.unwrap_or_default();
        Err(self.refusal(doing, status, &spoken(&body)))
    }
}

/// The registry's own words, from `{"errors":[{"code","message"}]}`.
fn spoken(body: &str) -> String {
    let parsed: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let errors = parsed["errors"].as_array().into_iter().flatten();
    let words: Vec<String> = errors
        .map(|e| format!("{}: {}", e["code"].as_str().unwrap_or_default(), e["message"].as_str().unwrap_or_default()))
        .collect();
    words.join("; ")
}

/// `</v2/NAME/tags/list?n=..&last=..>; rel="next"` as the path below `/v2/`.
pub(super) fn next_page(link: &str) -> Option<String> {
    let (target, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    let at = target.find("/v2/")?;
    rest.contains("next").then(|| target[at + 4..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_in_its_link() {
        let link = r#"</v2/shop/backend/tags/list?last=v1&n=1>; rel="next""#;
        assert_eq!(next_page(link).as_deref(), Some("shop/backend/tags/list?last=v1&n=1"));
    }

    #[test]
    fn the_registrys_words_are_taken_out_of_its_json() {
        assert_eq!(spoken(r#"{"errors":[{"code":"DENIED","message":"no"}]}"#), "DENIED: no");
        assert_eq!(spoken("<html>"), "");
    }
}
