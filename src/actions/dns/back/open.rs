//! From the intent to open the source on: the channel back gone, the source open exactly as it was, the
//! front direct, the ingress a relay, the record as it was found, and the target following again. Every part
//! can be repeated; there is only the way to the source.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{TARGET, freeze, loss, tries};
use crate::actions::dns::freeze::{FENCE, FORWARD, HOLD, REVERSE, SOURCE};
use crate::actions::dns::open::{JOBS, OPEN_TARGET, RECORD, RELAY, jobs_deployment, scale};
use crate::actions::dns::relay::Relay;
use crate::actions::dns::urgent::until_done;
use crate::actions::dns::world::{World, front};
use crate::actions::dns::{before, events, service};
use crate::actions::servers::{alone, source};
use crate::actions::undo::recorded;
use crate::actions::{Result, Working};
use crate::domain::runbook::inputs::Switch;
use crate::services::mysql::fence::managed::{self, OpenAccount};
use crate::services::mysql::fence::own::{self, OpenState};
use crate::services::mysql::replication;
use crate::services::mysql::variable::Variable;
use crate::services::route53::RecordSet;

const PATIENCE: Duration = Duration::from_secs(5);
const SESSIONS_END: Duration = Duration::from_secs(10);
const RUNS_AGAIN: Duration = Duration::from_secs(15);
/// For the ingress to take its new configuration.
const RELAYED: Duration = Duration::from_secs(30);
/// The checkpoint of how long, in seconds, clients hold the answer that is taken back.
const NEW_TTL: &str = "new_answer_ttl";
/// Where nobody says: an alias answers with the TTL of what it points at, and AWS's load balancers give a minute.
const ALIAS_TTL: u32 = 60;

/// The channel back gone, the source open, the front direct, whatever else is down.
pub(super) async fn source_first(cx: &Working) -> Result<()> {
    until_done(cx, "opening the source", || source_open(cx)).await?;
    // A switch that went no further than the hold is gone back from too.
    for key in [RELAY, HOLD] {
        until_done(cx, "turning the front to the source", || async {
            cx.take_back(key, |_| async {
                match front(cx).await? {
                    Some(front) => Ok(front.direct(PATIENCE).await?),
                    None => Ok(()),
                }
            })
            .await
        })
        .await?;
    }
    // Only now does nothing keep a tenant's write any more.
    cx.fence(SOURCE, false)
}

async fn source_open(cx: &Working) -> Result<()> {
    let standing = |key: &str| cx.undo_of(key).is_some();
    if ![REVERSE, before::REVERSE_CHANNEL, before::SKIP_START, FENCE].into_iter().any(standing) {
        return Ok(());
    }
    let mut session = alone(cx, &source(cx).await?).await?;
    cx.take_back(REVERSE, async |_| {
        replication::reset(&mut session).await?;
        Ok(replication::set_filter(&mut session, &[]).await?)
    })
    .await?;
    cx.take_back(before::REVERSE_CHANNEL, |_| async { Ok(()) }).await?;
    cx.take_back(before::SKIP_START, async |undo| {
        let found: Variable = recorded(&undo, "before")?;
        Ok(found.put_back_persisted(&mut session).await?)
    })
    .await?;
    cx.take_back(FENCE, async |undo| {
        let before: OpenState = recorded(&undo, "before")?;
        Ok(own::open(&mut session, &before).await?)
    })
    .await?;
    // A goodbye that is lost costs nothing: the server notices the closed connection.
    let _ = session.close().await;
    Ok(())
}

/// Everything else, once the source is open and served.
pub(super) async fn run(cx: &Working, world: &World, inputs: &Switch) -> Result<()> {
    events::back_to_source(cx, world, Some(&freeze::events_key(tries(cx)?))).await?;
    // The cluster may be what is gone back from: the record, and the copy, do not wait for it.
    let relayed = ingress_relays(cx, inputs).await;
    if let Err(failure) = &relayed {
        cx.log(format!("the record goes first, for those who resolve the name again: {}", failure.in_full()))?;
    }
    record(cx, world).await?;
    target_follows(cx, world).await?;
    relayed.map_err(|failure| failure.while_doing("relay clients that know the new answer only"))?;
    // Stopped before the freeze, where the cluster answered then.
    cx.take_back(JOBS, |_| jobs_stopped(cx)).await?;
    cx.keep(
        None,
        "the target's transactions in the source's GTID history",
        "history cannot be taken back; the source was only told that it has them, or applied them",
    )
}

/// After the front: while that still relays reads, an ingress that relays to it would send them in a circle.
async fn ingress_relays(cx: &Working, inputs: &Switch) -> Result<()> {
    let Some(relay) = Relay::open(cx).await? else { return Ok(()) };
    relay.make(cx, service::old_address(cx)?).await?;
    relay.to_source(cx, "back-ingress").await?;
    for ingress in service::ingress(cx, &cx.resolve(&inputs.address)?).await? {
        service::until_served_by_source(cx, ingress, &cx.probe()?.read, RELAYED).await?;
    }
    Ok(())
}

async fn jobs_stopped(cx: &Working) -> Result<()> {
    match jobs_deployment(cx) {
        Some(jobs) => scale(cx, &jobs, 0).await,
        None => Ok(()),
    }
}

/// Exactly the sets that the switch found, from exactly those that it wrote.
async fn record(cx: &Working, world: &World) -> Result<()> {
    if let Some(undo) = cx.undo_of(RECORD)
        && cx.checkpointed::<u32>(NEW_TTL)?.is_none()
    {
        let written: Vec<RecordSet> = recorded(&undo, "written")?;
        // A server that caches tells what is left of a TTL, and one that does not answer nothing.
        let answered = world.record.answered_ttl(cx).await.unwrap_or(None);
        cx.checkpoint(NEW_TTL, &held_for(&written, answered))?;
    }
    cx.take_back(RECORD, |undo| async move {
        let (found, written): (Vec<RecordSet>, Vec<RecordSet>) =
            (recorded(&undo, "found")?, recorded(&undo, "written")?);
        world.record.put_back(cx, &written, &found).await
    })
    .await?;
    if cx.state().returned.is_none() {
        cx.record_returned(cx.checkpointed(NEW_TTL)?.unwrap_or(ALIAS_TTL))?;
    }
    Ok(())
}

/// How long, in seconds, clients may hold an answer by these sets, of which the zone's servers have told a TTL.
fn held_for(written: &[RecordSet], answered: Option<u32>) -> u32 {
    let alias = written.iter().any(|set| set.ttl().is_none()).then_some(ALIAS_TTL);
    RecordSet::longest_ttl(written).max(alias).max(answered).unwrap_or(ALIAS_TTL)
}

/// The application reads on the target as before the switch, and the target follows the source again,
/// without a new copy.
async fn target_follows(cx: &Working, world: &World) -> Result<()> {
    cx.take_back(OPEN_TARGET, |undo| async move {
        let before: OpenAccount = recorded(&undo, "before")?;
        managed::open(&mut *world.target.lock().await, &before, Instant::now() + SESSIONS_END).await?;
        Ok(())
    })
    .await?;
    unlocked(cx, world).await?;
    cx.fence(TARGET, false)?;
    let diverged = loss::diverged_at(cx)?.is_some();
    cx.take_back(FORWARD, |_: Value| async {
        if diverged {
            // A target that holds what was given up would stop at the first number that is taken there.
            return Ok(());
        }
        let mut target = world.target.lock().await;
        if replication::status(&mut target).await?.is_none() {
            replication::configure(&mut target, &world.forward).await?;
        }
        replication::start(&mut target).await?;
        replication::until_running(&mut target, Instant::now() + RUNS_AGAIN).await?;
        Ok(())
    })
    .await?;
    Ok(())
}

/// A switch that stood still before it opened the target has left an account that this way back only locked.
async fn unlocked(cx: &Working, world: &World) -> Result<()> {
    let fence = freeze::fence_key(tries(cx)?);
    let Some(undo) = cx.undo_of(&fence) else { return Ok(()) };
    let found: OpenAccount = recorded(&undo, "open")?;
    if found.writes() {
        return Ok(());
    }
    cx.take_back(&fence, |_| async {
        managed::open(&mut *world.target.lock().await, &found, Instant::now() + SESSIONS_END).await?;
        Ok(())
    })
    .await?;
    Ok(())
}
