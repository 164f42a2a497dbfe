//! Waiting until nobody comes by an address any more: no request within one TTL of the answer that led there.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use super::{Result, Working};
use crate::domain::Failure;

/// How many TTLs may go by, at the least, until the driver is asked about whoever still comes.
const PATIENCE: i64 = 10;
/// A wait is no shorter than this.
const SHORTEST: SignedDuration = SignedDuration::from_mins(5);

/// Waits until `look` counts no request in the last TTL. What it saw last goes to `in_vain`, which says whom to ask.
pub(super) async fn wait<T, F>(
    cx: &Working,
    label: &str,
    ttl: SignedDuration,
    mut look: impl FnMut() -> F,
    in_vain: impl FnOnce(T) -> Failure,
) -> Result<()>
where
    F: Future<Output = Result<(u64, T)>>,
{
    let began = Timestamp::now();
    loop {
        let (count, seen) = look().await?;
        if count == 0 {
            return Ok(());
        }
        if Timestamp::now().duration_since(began) > patience(ttl) {
            return Err(in_vain(seen));
        }
        cx.check_cancelled()?;
        cx.progress(label, count, None, "requests in the last TTL");
        sleep(pause(ttl)).await;
    }
}

/// Between two looks.
pub(super) fn pause(ttl: SignedDuration) -> Duration {
    (ttl.unsigned_abs() / 10).clamp(Duration::from_millis(500), Duration::from_secs(10))
}

fn patience(ttl: SignedDuration) -> SignedDuration {
    SHORTEST.max(SignedDuration::from_secs(ttl.as_secs().saturating_mul(PATIENCE)))
}
