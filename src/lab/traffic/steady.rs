//! A steady writer: a write every tenth of a second, so that no pause of the service falls between two.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::attempt::Kind;
use super::seat::Seat;

/// Writes until the traffic ends. One write at a time: while one is refused the next one waits.
pub(super) async fn write_on(mut seat: Seat) {
    let mut beat = interval(Duration::from_millis(seat.street.options.steady_ms.max(1)));
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let stop = seat.street.stop.clone();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = beat.tick() => seat.until_acknowledged(Kind::Write).await,
        }
    }
}
