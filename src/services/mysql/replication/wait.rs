//! Waiting until a server has applied a set, without waiting on a channel that is broken.

use std::time::Duration;

use tokio::time::Instant;

use crate::services::Result;
use crate::services::mysql::gtid::GtidSet;
use crate::services::mysql::{Session, literal};

use super::status;

/// The server waits this long at a time; in between it is seen whether the channel still works.
const SLICE: Duration = Duration::from_millis(500);

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Everything is applied.
    All,
    /// The deadline came first.
    NotInTime,
}

/// Waits until everything in `set` is executed here. A channel that will not bring them ends it at once.
pub async fn wait_applied(session: &mut Session, set: &GtidSet, deadline: Instant) -> Result<Applied> {
    let doing = "wait until a GTID set is applied";
    let set_literal = literal(&set.to_string());
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // A timeout of 0 would wait for ever.
        let slice = left.min(SLICE).max(Duration::from_millis(1)).as_secs_f64();
        let query = format!("SELECT WAIT_FOR_EXECUTED_GTID_SET({set_literal}, {slice:.3})");
        if session.first::<i64>(doing, &query).await? == Some(0) {
            return Ok(Applied::All);
        }
        if let Some(channel) = status(session).await?
            && channel.ends_short_of(set)
        {
            return Err(session.refuse(doing, channel.to_string()).next(channel.way_out()));
        }
        if Instant::now() >= deadline {
            return Ok(Applied::NotInTime);
        }
    }
}
