//! How many writes have been told to come again, counted while tenants wait.
//!
//! For the screen alone: it is asked beside the switch, never in its way, and a front that cannot say it is asked no more.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::freeze::FROZEN_AT;
use super::world::front;
use crate::actions::{Reading, Result};
use crate::domain::state::FREEZE_SECONDS;

/// What is counted, as it is shown: `137 writes told to come again`.
const LABEL: &str = "told to come again";
const UNIT: &str = "writes";
/// How often.
const TICK: Duration = Duration::from_millis(250);

/// Does the work of a switch, and counts beside it.
pub(super) async fn counted_beside<T>(cx: &Reading, work: impl Future<Output = T>) -> T {
    let count = async {
        // The figure is missing then, and nothing else.
        let _ = count(cx).await;
        std::future::pending().await
    };
    tokio::select! {
        biased;
        done = work => done,
        never = count => never,
    }
}

async fn count(cx: &Reading) -> Result<()> {
    let Some(front) = front(cx).await? else { return Ok(()) };
    loop {
        sleep(TICK).await;
        if let Some(since) = waiting_since(cx)? {
            cx.progress(LABEL, front.held_since(since).await?, None, UNIT);
        }
    }
}

/// Since when tenants wait, while they do: from the fence on, until the new side was seen to take a write.
fn waiting_since(cx: &Reading) -> Result<Option<Timestamp>> {
    let waiting = !cx.state().fences.is_empty() && cx.checkpointed::<f64>(FREEZE_SECONDS)?.is_none();
    if waiting { cx.checkpointed(FROZEN_AT) } else { Ok(None) }
}
