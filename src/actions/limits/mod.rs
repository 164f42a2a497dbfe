//! What can run out between two steps of a week, looked at while an engine lives.
//!
//! A preview blocks on what its own step needs, when it is about to start; this says hours before that it will.
//! It changes nothing and blocks nothing.
//!
//! ```text
//! disk       room where the run is kept           binlogs    how long each side keeps what the other still needs
//! logins     AWS, the registry, the cluster
//! ```

mod binlogs;
mod disk;
mod logins;

use std::time::Duration;

use super::Reading;
use crate::domain::Failure;
use crate::domain::limit::Limit;

/// How long one of them may take to be looked at.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at all of them, side by side.
pub async fn look(cx: &Reading) -> Vec<Limit> {
    let (binlogs, aws, registry, cluster) = tokio::join!(
        within("binlogs", binlogs::look(cx)),
        within("login at AWS", logins::aws(cx)),
        within("login at the registry", logins::registry(cx)),
        within("login at the cluster", logins::cluster(cx)),
    );
    std::iter::once(disk::look(cx)).chain([binlogs, aws, registry, cluster].into_iter().flatten()).collect()
}

/// What does not answer is a limit that does not hold, and holds up nobody.
async fn within(what: &str, looking: impl Future<Output = super::Result<Option<Limit>>>) -> Option<Limit> {
    let failure = match tokio::time::timeout(PATIENCE, Box::pin(looking)).await {
        Ok(Ok(limit)) => return limit,
        Ok(Err(failure)) => failure,
        Err(_) => Failure::transient(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    Some(Limit::refused(what, &failure))
}
