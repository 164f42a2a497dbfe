//! What the way back would lose: writes that the target took and the source cannot be brought to have.
//!
//! Nothing, as long as the channel back runs. Once its applier has stopped at an error, or where there is no
//! channel, because the source is too old to follow, it is every transaction from there on, counted exactly,
//! and given up only by number. The platform's own transactions are among them: a GTID does not say whose it is.

use jiff::Timestamp;
use serde_json::json;

use crate::actions::dns::freeze::history;
use crate::actions::dns::world::{World, step_of};
use crate::actions::{Reading, Result, Working};
use crate::domain::runbook::ActionSpec;
use crate::domain::{Event, Failure};
use crate::services::mysql::GtidSet;
use crate::services::mysql::replication;

/// The checkpoint at `restore`, whose copy it is.
const DIVERGED: &str = "diverged_at";

/// Since when the target's copy holds what the source does not have, until `restore` is taken back.
pub(in crate::actions::dns) fn diverged_at(cx: &Reading) -> Result<Option<Timestamp>> {
    let Ok(restore) = step_of(cx.plan(), |action| matches!(action, ActionSpec::Restore(_))) else { return Ok(None) };
    cx.as_step(restore).checkpointed(DIVERGED)
}

/// Why the source does not follow, and the transactions that it will not get by itself; nothing while the
/// channel works.
pub(super) async fn looming(cx: &Reading, world: &World) -> Result<Option<(String, GtidSet)>> {
    let why = match replication::status(&mut *world.source.lock().await).await? {
        Some(channel) if channel.applier_fault.is_none() => return Ok(None),
        Some(channel) => channel.to_string(),
        None => world.no_way_back.clone().unwrap_or_else(|| "the channel between them is gone".to_owned()),
    };
    let last = replication::executed(&mut *world.target.lock().await).await?;
    Ok(Some((why, missing(cx, world, &last).await?)))
}

/// What of `last` the source does not have, and had not been brought by the load.
async fn missing(cx: &Reading, world: &World, last: &GtidSet) -> Result<GtidSet> {
    let attempt = super::super::tries(cx)?;
    let at_the_switch: GtidSet = cx.checkpointed(&history(attempt))?.unwrap_or_default();
    let here = replication::executed(&mut *world.source.lock().await).await?;
    Ok(last.subtract(&here).subtract(&at_the_switch))
}

/// Gives up what was accepted, if the source does not follow: no more than that.
pub(super) async fn give_up(cx: &Working, world: &World, last: &GtidSet) -> Result<bool> {
    let Some((why, _)) = looming(cx, world).await? else { return Ok(false) };
    let missing = missing(cx, world, last).await?;
    let accepted = cx.state().step(cx.step_id()).accepted_loss;
    if missing.count() > accepted {
        return Err(broken(cx, world, &why)
            .because(format!("it is {} transactions now, and {accepted} were accepted", missing.count())));
    }
    let restore = step_of(cx.plan(), |action| matches!(action, ActionSpec::Restore(_)))?;
    // A note of another step's attempt than its last one would not be taken.
    let attempt = cx.state().step(restore).attempt;
    let value = json!(Timestamp::now());
    cx.record(Event::Checkpoint { step: restore.clone(), attempt, key: DIVERGED.to_owned(), value })?;
    cx.keep(
        None,
        format!("{} transactions on the target that the source does not have: {missing}", missing.count()),
        format!("given up by --accept-loss {accepted}: {why}"),
    )?;
    Ok(true)
}

/// The source does not follow: mended, or given up by number.
pub(super) fn broken(cx: &Reading, world: &World, why: &str) -> Failure {
    let mend = if world.no_way_back.is_some() {
        "stay on the new side; or bring its writes over by hand"
    } else {
        "mend on the source what the applier names, as an account that may write past the fence, and it goes on by itself"
    };
    Failure::permanent(format!(
        "the {} does not follow the {}: writes of the new side would be lost",
        world.source_at, world.target_at
    ))
    .because(why)
    .next(format!(
        "{mend}; or give the writes up by number: --accept-loss, as the way back from `{}` shows it, and more for what is \
         written until the fence",
        cx.step_id()
    ))
}
