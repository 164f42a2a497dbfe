//! From the intent to open the source on: the channel back gone, the source open exactly as it was, the
//! front direct, the ingress a relay, the record as it was found, and the target following again. Every part
//! can be repeated; there is only the way to the source.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{TARGET, freeze, loss, tries};
use crate::actions::dns::freeze::{FENCE, FORWARD, HOLD, REVERSE, SOURCE};
use crate::actions::dns::open::{JOBS, OPEN_TARGET, PROBE, RECORD, RELAY};
use crate::actions::dns::relay::Relay;
use crate::actions::dns::world::World;
use crate::actions::dns::{before, events, service};
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

pub(super) async fn run(cx: &Working, world: &World, inputs: &Switch) -> Result<()> {
    channel_back_gone(cx, world).await?;
    source_open(cx, world).await?;
    events::back_to_source(cx, world, Some(&freeze::events_key(tries(cx)?))).await?;
    ways(cx, world, inputs).await?;
    record(cx, world).await?;
    target_follows(cx, world).await?;
    // Stopped before the freeze.
    cx.take_back(JOBS, |_| async { Ok(()) }).await?;
    if cx.undo_of(PROBE).is_some() {
        cx.keep(None, "the probe's writes", "requests of the service's own, named in the runbook, and counted")?;
    }
    cx.keep(
        None,
        "the target's transactions in the source's GTID history",
        "history cannot be taken back; the source was only told that it has them, or applied them",
    )
}

async fn channel_back_gone(cx: &Working, world: &World) -> Result<()> {
    cx.take_back(REVERSE, |_| async {
        let mut source = world.source.lock().await;
        replication::reset(&mut source).await?;
        Ok(replication::set_filter(&mut source, &[]).await?)
    })
    .await?;
    cx.take_back(before::REVERSE_CHANNEL, |_| async { Ok(()) }).await?;
    cx.take_back(before::SKIP_START, |undo| async move {
        let found: Variable = recorded(&undo, "before")?;
        Ok(found.put_back_persisted(&mut *world.source.lock().await).await?)
    })
    .await?;
    Ok(())
}

async fn source_open(cx: &Working, world: &World) -> Result<()> {
    cx.take_back(FENCE, |undo| async move {
        let before: OpenState = recorded(&undo, "before")?;
        Ok(own::open(&mut *world.source.lock().await, &before).await?)
    })
    .await?;
    Ok(())
}

/// The front first: while it still relays reads, an ingress that relays to it would send them in a circle.
async fn ways(cx: &Working, world: &World, inputs: &Switch) -> Result<()> {
    // A switch that went no further than the hold is gone back from too.
    for key in [RELAY, HOLD] {
        cx.take_back(key, |_| async {
            match &world.front {
                Some(front) => Ok(front.direct(PATIENCE).await?),
                None => Ok(()),
            }
        })
        .await?;
    }
    // Only now does nothing keep a tenant's write any more.
    cx.fence(SOURCE, false)?;
    let Some(relay) = Relay::open(cx).await? else { return Ok(()) };
    relay.to_source(cx, "back-ingress").await?;
    for ingress in service::ingress(cx, &cx.resolve(&inputs.address)?).await? {
        service::until_served_by_source(cx, ingress, &cx.probe()?.read, RELAYED).await?;
    }
    Ok(())
}

/// Exactly the sets that the switch found, from exactly those that it wrote.
async fn record(cx: &Working, world: &World) -> Result<()> {
    if cx.undo_of(RECORD).is_some() {
        let answered = world.record.answered_ttl(cx).await.unwrap_or(None);
        cx.checkpoint(NEW_TTL, &answered.unwrap_or(ALIAS_TTL))?;
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

/// The application reads on the target as before the switch, and the target follows the source again,
/// without a new copy.
async fn target_follows(cx: &Working, world: &World) -> Result<()> {
    cx.take_back(OPEN_TARGET, |undo| async move {
        let before: OpenAccount = recorded(&undo, "before")?;
        managed::open(&mut *world.target.lock().await, &before, Instant::now() + SESSIONS_END).await?;
        Ok(())
    })
    .await?;
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
