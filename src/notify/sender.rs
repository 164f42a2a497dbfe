//! Sends notices to one receiver, in order, each again and again until it is taken or has become old.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::mpsc;

use super::body;
use super::notice::Notice;
use crate::domain::runbook::Webhook;
use crate::services::secrets;
use crate::services::stderr;

/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between the first two tries; twice as long each time after.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest time between two tries.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A notice that is so old is news no more.
const OLD: Duration = Duration::from_mins(15);

/// Why a notice was not taken.
enum Refusal {
    /// It may be taken the next time, after that pause where the receiver names one.
    Again(String, Option<Duration>),
    /// It never will be.
    Never(String),
}

/// Sends everything that comes; what cannot be sent is named in the engine's log, the address never.
pub(super) async fn send_all(
    (number, webhook): (usize, Webhook),
    directory: PathBuf,
    mut notices: mpsc::Receiver<Notice>,
) {
    // A redirect would carry the notice to whoever the receiver names.
    let client = match Client::builder().timeout(PATIENCE).redirect(Policy::none()).build() {
        Ok(client) => client,
        Err(why) => {
            stderr::line(&format!("webhook {number} is told nothing: {}", why.without_url()));
            return;
        }
    };
    while let Some(notice) = notices.recv().await {
        if let Err(why) = send(&client, &directory, &notice, &webhook).await {
            stderr::line(&format!("webhook {number}: not told: {}: {why}", notice.text));
        }
    }
}

async fn send(client: &Client, directory: &Path, notice: &Notice, webhook: &Webhook) -> Result<(), String> {
    let mut pause = FIRST_PAUSE;
    let body = body::of(notice, webhook.format);
    loop {
        // Followed each time: it may not be there yet, or be another one by now.
        let tried = match secrets::fetch(&webhook.url, directory).await {
            Ok(url) => once(client, &url, &body).await,
            Err(why) => Err(Refusal::Again(why.to_string(), None)),
        };
        let (why, named) = match tried {
            Ok(()) => return Ok(()),
            Err(Refusal::Never(why)) => return Err(why),
            Err(Refusal::Again(why, named)) => (why, named),
        };
        let wait = named.map_or(pause, |named| named.max(pause)).min(LONGEST_PAUSE);
        if notice.queued.elapsed() + wait > OLD {
            return Err(why);
        }
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn once(client: &Client, url: &SecretString, body: &serde_json::Value) -> Result<(), Refusal> {
    let answer = match client.post(url.expose_secret()).json(body).send().await {
        Ok(answer) => answer,
        // An address that is none is so the next time as well.
        Err(why) if why.is_builder() => return Err(Refusal::Never("the reference holds no address".to_owned())),
        Err(why) => return Err(Refusal::Again(innermost(&why.without_url()), None)),
    };
    let status = answer.status();
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
    let why = format!("it answered {status}");
    if status.is_success() {
        Ok(())
    } else if status.is_server_error() || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status)
    {
        Err(Refusal::Again(why, seconds.map(Duration::from_secs)))
    } else {
        Err(Refusal::Never(why))
    }
}

/// What lies below an error: the outer ones say only that something was sent.
fn innermost(why: &dyn std::error::Error) -> String {
    let mut why = why;
    while let Some(below) = why.source() {
        why = below;
    }
    why.to_string()
}
