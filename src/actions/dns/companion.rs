//! The way back after the switch: the channel from the target to the source, watched until `settle` ends it.
//!
//! A restart of the source forgets the channel's filter, and because `skip_replica_start` is persisted the
//! channel stands then. So the filter is set, read back, and only then the channel is started. A receiver that gave
//! up is started again at each look, since its reason may have passed: but for binary logs that the target has purged.

use std::time::Duration;

use tokio::time::Instant;

use super::before::NO_WAY_BACK;
use crate::actions::servers::source;
use crate::actions::{Health, Reading, Result};
use crate::domain::runbook::ActionSpec;
use crate::services::mysql::Session;
use crate::services::mysql::fence::Blockers;
use crate::services::mysql::fence::own::{self, OpenState};
use crate::services::mysql::replication::{self, patterns};

/// The effect of `settle` that ends the channel.
pub(in crate::actions) const END: &str = "end-reverse-channel";
const STARTS: Duration = Duration::from_secs(5);

/// Looks at the channel, and restores one that stands without its filter.
pub(super) async fn look(cx: &Reading) -> Result<Option<Health>> {
    let state = cx.state();
    let settle = cx.plan().runbook.steps.iter().find(|step| matches!(step.action, ActionSpec::Settle(_)));
    if settle.is_some_and(|step| state.step(&step.id).effects.contains_key(END)) {
        return Ok(None);
    }
    if cx.checkpointed::<String>(NO_WAY_BACK)?.is_some() {
        return Ok(None);
    }
    let mut session = Session::open(&source(cx).await?).await?;
    // A way back may have passed its intent since this look began: then the source is open on purpose.
    if !cx.state().switched {
        return Ok(None);
    }
    let opened = shut_again(&mut session).await?;
    let health = tend(&mut session, &cx.source()?.schemas).await?;
    Ok(Some(if opened {
        let detail = format!(
            "the {} took writes: it had come up without its fence, which is shut again. What it took is in neither \
             copy: look for it in its binary log; {}",
            session.endpoint().label,
            health.detail
        );
        Health { healthy: false, detail }
    } else {
        health
    }))
}

/// Shuts the fence of a source that somebody opened, or started without what is persisted; whether that was so.
pub(super) async fn shut_again(session: &mut Session) -> Result<bool> {
    if OpenState::read(session).await?.is_shut() {
        return Ok(false);
    }
    own::shut(session, &Blockers::EndAll, Instant::now() + STARTS).await?;
    Ok(true)
}

/// The health of the channel on `session`'s server, which is set right if it can be.
pub async fn tend(session: &mut Session, schemas: &[String]) -> Result<Health> {
    let wanted = patterns(schemas);
    let Some(mut channel) = replication::status(session).await? else {
        return Ok(Health {
            healthy: false,
            detail: "the channel back to the source is gone: there is no way back".to_owned(),
        });
    };
    let mut mended = "";
    let filtered = channel.filter == wanted;
    // Under an applier that is on no filter can be set: such a channel is shown as it is.
    if channel.may_go_on() && (filtered || !channel.applier.is_on()) {
        if !filtered {
            replication::set_filter(session, schemas).await?;
            mended = "; its filter was lost in a restart and is set again";
        }
        replication::start(session).await?;
        channel = match replication::until_running(session, Instant::now() + STARTS).await {
            Ok(channel) => channel,
            // It gave up again, or is still at it: that is its health.
            Err(error) => replication::status(session).await?.ok_or(error)?,
        };
    }
    let healthy = channel.running() && channel.filter == wanted;
    let lag = channel.lag_seconds.map_or_else(|| "lag unknown".to_owned(), |lag| format!("{lag} s behind"));
    Ok(Health { healthy, detail: format!("{channel}, {lag}{mended}") })
}
