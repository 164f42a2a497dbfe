//! What tenants wait for when a switch, or its way back, is given up: one server opened and the front passing to it.
//!
//! It asks nothing of any other service, so that one that is down keeps no fence shut; and it is tried again until
//! it is done, because there is nothing better to do meanwhile.

use std::time::Duration;

use tokio::time::sleep;

use super::world::World;
use crate::actions::{Result, Working};
use crate::domain::{Failure, FailureKind};

const SOON: Duration = Duration::from_millis(250);
const LATER: Duration = Duration::from_secs(5);

/// Tries until it is done. What keeps it from that is in the journal, once for each reason.
///
/// # Errors
/// Where the journal cannot be written: then nothing may be changed.
pub(super) async fn until_done<T, F>(cx: &Working, what: &str, mut act: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let (mut wait, mut said) = (SOON, String::new());
    loop {
        let failure = match act().await {
            Ok(done) => return Ok(done),
            Err(failure) => failure,
        };
        let why = failure.in_full();
        if why != said {
            cx.log(format!("tenants wait: {what} does not go yet, and is tried again: {why}"))?;
            said = why;
        }
        sleep(wait).await;
        wait = (wait * 2).min(LATER);
    }
}

/// Everything else, once tenants are served: what fails now waits for the driver.
pub(super) async fn the_rest(cx: &Working, served: &str) -> Result<World> {
    Box::pin(World::open_when_up(cx)).await.map_err(|failure| unfinished(failure, served))
}

/// Tenants are served; what is left of putting things back is not done.
pub(super) fn unfinished(failure: Failure, served: &str) -> Failure {
    let next = format!("{served}; mend what is named, then do the same again: it finishes that first");
    Failure { kind: FailureKind::Permanent, next: Some(next), ..failure }
}
