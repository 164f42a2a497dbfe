//! What the way back would lose: writes that the target took and the source cannot be brought to have.
//!
//! Nothing, as long as the channel back runs. Once its applier has stopped at an error, it is every
//! transaction from there on, counted exactly, and given up only by number.

use crate::actions::dns::world::World;
use crate::actions::{Reading, Result, Working};
use crate::domain::Failure;
use crate::services::mysql::GtidSet;
use crate::services::mysql::replication::{self, Channel};

/// The transactions that the source will not get by itself; nothing while the channel works.
pub(super) async fn looming(world: &World) -> Result<Option<(Channel, GtidSet)>> {
    let mut source = world.source.lock().await;
    let Some(channel) = replication::status(&mut source).await? else { return Ok(None) };
    if channel.applier_fault.is_none() {
        return Ok(None);
    }
    let there = replication::executed(&mut *world.target.lock().await).await?;
    let missing = there.subtract(&replication::executed(&mut source).await?);
    Ok(Some((channel, missing)))
}

/// Gives up what was accepted, if the channel is broken: no more than that.
pub(super) async fn give_up(cx: &Working, world: &World, last: &GtidSet) -> Result<bool> {
    let Some((channel, _)) = looming(world).await? else { return Ok(false) };
    let missing = last.subtract(&replication::executed(&mut *world.source.lock().await).await?);
    let accepted = cx.state().step(cx.step_id()).accepted_loss;
    if missing.count() > accepted {
        return Err(broken(cx, &channel).because(format!("it is {} transactions now", missing.count())));
    }
    cx.keep(
        None,
        format!("{} transactions on the target that the source does not have: {missing}", missing.count()),
        format!("given up by --accept-loss {accepted}: {channel}"),
    )?;
    Ok(true)
}

/// The source does not follow: mended, or given up by number.
pub(super) fn broken(cx: &Reading, channel: &Channel) -> Failure {
    Failure::permanent("the source does not follow the target: writes of the new side would be lost")
        .because(channel.to_string())
        .next(format!(
            "mend on the source what the applier names, as an account that may write past the fence, and it goes on by \
             itself; or give the writes up by number: --accept-loss, as the way back from `{}` shows it",
            cx.step_id()
        ))
}
