//! Others told without being asked: what happened between two views of a run goes to the runbook's webhooks.
//!
//! [`notice`] is pure: two views make what is to be told; [`body`] puts it into a receiver's words. [`sender`] sends,
//! again and again where it has to. Nothing waits for it: the engine does not know that it is there.

mod body;
mod notice;
mod sender;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::domain::runbook::Webhook;
use crate::protocol::view::View;
use crate::services::stderr;
use notice::Notice;

/// So many notices wait for one receiver; what comes when it is full is not sent, and that is said.
const WAITING: usize = 100;

/// How long what is still to be sent may take at the end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Webhooks being told.
pub struct Notifier {
    over: CancellationToken,
    tasks: JoinSet<()>,
}

/// Tells those webhooks about the run from now on. Relative paths of secrets start from `directory`.
pub fn start(webhooks: &[Webhook], directory: &Path, views: watch::Receiver<Option<Arc<View>>>) -> Notifier {
    let (over, mut tasks) = (CancellationToken::new(), JoinSet::new());
    let mut receivers = Vec::new();
    for (number, webhook) in (1..).zip(webhooks) {
        let (notices, waiting) = mpsc::channel(WAITING);
        tasks.spawn(sender::send_all((number, webhook.clone()), directory.to_path_buf(), waiting));
        receivers.push((webhook.on.clone(), notices));
    }
    if !receivers.is_empty() {
        tasks.spawn(follow(views, over.clone(), move |notice| {
            for (number, (on, notices)) in (1..).zip(&receivers) {
                if on.contains(&notice.occasion) && notices.try_send(notice.clone()).is_err() {
                    stderr::line(&format!("webhook {number}: not told: {}", notice.text));
                }
            }
        }));
    }
    Notifier { over, tasks }
}

impl Notifier {
    /// Sends what is still to be sent, as far as that goes soon.
    pub async fn stop(mut self) {
        self.over.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_WORDS, all).await.is_err() {
            stderr::line("a webhook was not told everything: it did not answer in time");
        }
    }
}

/// Compares each view with the one before it. Where views come faster than they are looked at, what happened in
/// those that were missed is in the next one.
async fn follow(mut views: watch::Receiver<Option<Arc<View>>>, over: CancellationToken, tell: impl Fn(&Notice) + Send) {
    let mut before: Option<Arc<View>> = None;
    loop {
        let ends = over.is_cancelled();
        let view = views.borrow_and_update().clone();
        if let Some(view) = view {
            notice::between(before.as_deref(), &view).iter().for_each(&tell);
            before = Some(view);
        }
        if ends {
            return;
        }
        tokio::select! {
            () = over.cancelled() => {}
            changed = views.changed() => if changed.is_err() { return },
        }
    }
}
