//! The freeze of the way back: from the front's hold to the moment before the source is opened. Everything
//! here can be taken back, and is, by [`take_back`], when the budget runs out or anything fails.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{TARGET, held, loss};
use crate::actions::dns::before::arrives;
use crate::actions::dns::events;
use crate::actions::dns::open::{jobs_deployment, scale};
use crate::actions::dns::relay::Relay;
use crate::actions::dns::service::old_address;
use crate::actions::dns::urgent::until_done;
use crate::actions::dns::world::{World, front};
use crate::actions::servers::{alone, target};
use crate::actions::undo::recorded;
use crate::actions::{Effect, Reading, Result, Working, again};
use crate::domain::Failure;
use crate::domain::resource::{Resource, Side as On};
use crate::domain::runbook::inputs::Switch;
use crate::services::front::Side;
use crate::services::mysql::fence::managed::{self, OpenAccount};
use crate::services::mysql::fence::{Held, Refusal, proof};
use crate::services::mysql::replication::{self, Applied};

/// What is left of a dead engine's budget has to be enough for the rest, else the target is opened again.
const ENOUGH: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(200);

/// What a try did, by its number.
fn key(attempt: u32, what: &str) -> String {
    format!("back-{attempt}-{what}")
}

/// The effect of a try that lets the target's events rest.
pub(super) fn events_key(attempt: u32) -> String {
    key(attempt, "events")
}

/// The effect of a try that fences the target.
pub(super) fn fence_key(attempt: u32) -> String {
    key(attempt, "fence-target")
}

/// The checkpoint of when a try's freeze began.
pub(super) fn frozen_key(attempt: u32) -> String {
    key(attempt, "frozen-at")
}

/// When a try's freeze began, if anything of it stands: its events, its hold or its fence.
pub(super) fn frozen_at(cx: &Reading, attempt: u32) -> Result<Option<Timestamp>> {
    let of_the_freeze = ["events", "hold", "fence-target"].map(|what| key(attempt, what));
    if cx.state().fences.contains_key(TARGET) || cx.standing().iter().any(|(key, _)| of_the_freeze.contains(key)) {
        return cx.checkpointed(&frozen_key(attempt));
    }
    Ok(None)
}

/// What is left of the budget of a freeze that began then, if it is enough.
pub(super) fn left(inputs: &Switch, frozen_at: Timestamp) -> Option<Duration> {
    let spent = Timestamp::now().duration_since(frozen_at).unsigned_abs();
    inputs.budget.duration().checked_sub(spent).filter(|left| *left >= ENOUGH)
}

/// While tenants still write: the relay made, the jobs gone, the source nearly there.
pub(super) async fn before(cx: &Working, world: &World, inputs: &Switch, attempt: u32) -> Result<Option<Held>> {
    if let Err(failure) = in_the_cluster(cx, attempt).await {
        cx.check_cancelled()?;
        // It may be what is gone back from. The fence keeps its jobs from writing; the rest is made at the end.
        cx.log(format!("the cluster is left for the end of the way back: {}", failure.in_full()))?;
    }
    match loss::looming(cx, world).await? {
        None => nearly_there(cx, world, inputs).await?,
        Some((_, missing)) if missing.count() <= cx.state().step(cx.step_id()).accepted_loss => {}
        Some((why, _)) => return Err(loss::broken(cx, world, &why)),
    }
    held(cx, world).await
}

async fn in_the_cluster(cx: &Working, attempt: u32) -> Result<()> {
    if let Some(relay) = Relay::open(cx).await? {
        relay.make(cx, old_address(cx)?).await?;
    }
    let Some(jobs) = jobs_deployment(cx) else { return Ok(()) };
    let effect = Effect::new(key(attempt, "jobs"), format!("stop the background jobs: {jobs} to 0"));
    let namespace = &cx.kubernetes()?.namespace;
    let effect = effect.touches(Resource::object("apps/v1", "Deployment", Some(namespace), &jobs));
    cx.effect(effect, again(), scale(cx, &jobs, 0)).await
}

async fn nearly_there(cx: &Working, world: &World, inputs: &Switch) -> Result<()> {
    loop {
        let health = super::super::companion::tend(&mut *world.source.lock().await, &world.schemas).await?;
        let channel = replication::status(&mut *world.source.lock().await).await?;
        let channel = channel.ok_or_else(|| loss::broken(cx, world, &health.detail))?;
        if channel.broken() {
            return Err(loss::broken(cx, world, &channel.to_string()));
        }
        let at = replication::executed(&mut *world.target.lock().await).await?;
        let lag = channel.lag_seconds.unwrap_or(u64::MAX);
        let small = lag <= inputs.max_lag.duration().as_secs();
        if health.healthy && small && arrives(&world.target, &world.source, inputs).await? {
            return Ok(());
        }
        cx.check_cancelled()?;
        cx.progress("wait until the source has caught up", channel.behind(&at), None, "transactions behind");
        sleep(TICK).await;
    }
}

/// Stops writes on the new side and lets the source apply the last of them.
pub(super) async fn run(
    cx: &Working,
    world: &World,
    held: Option<&mut Held>,
    attempt: u32,
    deadline: Instant,
) -> Result<()> {
    world.doing(format!("disable the events of the {}", world.target_at));
    events::rest_at_target(cx, world, &events_key(attempt), deadline).await?;
    // Said before the hold: from there on tenants wait, and an engine that follows has to know.
    cx.fence(TARGET, true)?;
    world.doing("hold writes at the front, and wait for those in flight");
    if let Some(front) = &world.front {
        let effect = Effect::new(key(attempt, "hold"), "hold writes at the front").touches(Resource::front());
        cx.effect(effect, again(), async { Ok(front.hold().await?) }).await?;
        front.drained(Side::New, deadline.saturating_duration_since(Instant::now())).await?;
    }
    world.doing(format!("fence the {}: lock {}, end its sessions", world.target_at, world.new_account));
    let open = OpenAccount::read(&mut *world.target.lock().await, &world.new_account, &world.schemas).await?;
    let effect = Effect::new(fence_key(attempt), format!("lock {}, end its sessions", world.new_account))
        .touches(On::Target.user(&world.new_account))
        .undo(json!({ "open": open }));
    let act = async { Ok(managed::shut(&mut *world.target.lock().await, &open, deadline).await?) };
    let ended: usize = cx.effect(effect, again(), act).await?;
    cx.log(format!("the target is fenced; {ended} sessions ended"))?;
    shut_is_proved(cx, world, held).await?;
    world.doing(format!("let the {} apply the last writes", world.source_at));
    let last = replication::executed(&mut *world.target.lock().await).await?;
    if loss::give_up(cx, world, &last).await? {
        return Ok(());
    }
    let mut source = world.source.lock().await;
    if replication::wait_applied(&mut source, &last, deadline).await? == Applied::NotInTime {
        let missing = last.subtract(&replication::executed(&mut source).await?);
        return Err(super::over_budget(&format!("the source lacked {} transactions", missing.count())));
    }
    Ok(())
}

/// A write of the application is refused on a connection from before the fence and on a fresh one.
async fn shut_is_proved(cx: &Working, world: &World, held: Option<&mut Held>) -> Result<()> {
    let mut seen = Vec::new();
    if let Some(held) = held {
        seen = vec![held.refused().await?, held.refused_afresh().await?];
    } else {
        let (schema, table) = world.a_table().await?;
        seen.push(proof::fresh(&super::application(cx).await?, &schema, &table).await?);
    }
    match seen.iter().find(|refused| !matches!(refused, Refusal::Denied | Refusal::Ended)) {
        None => Ok(()),
        Some(other) => Err(Failure::permanent(format!("the fence of the {} is not proved", world.target_at))
            .because(format!("a write was refused for another reason: {other}"))),
    }
}

/// Opens the target to exactly what it was open to, and relays again, whatever else is down.
pub(super) async fn open_target(cx: &Working, attempt: u32, why: &str) -> Result<()> {
    cx.log(format!("opening the target again: {why}"))?;
    until_done(cx, "opening the target", || target_as_it_was(cx, attempt)).await?;
    until_done(cx, "turning the front to the new side", || async {
        cx.take_back(&key(attempt, "hold"), |_| async {
            match front(cx).await? {
                Some(front) => Ok(front.relay(PATIENCE).await?),
                None => Ok(()),
            }
        })
        .await
    })
    .await?;
    cx.fence(TARGET, false)
}

async fn target_as_it_was(cx: &Working, attempt: u32) -> Result<()> {
    let fence = fence_key(attempt);
    if cx.undo_of(&fence).is_none() {
        return Ok(());
    }
    let mut session = alone(cx, &target(cx).await?).await?;
    cx.take_back(&fence, async |undo| {
        let open: OpenAccount = recorded(&undo, "open")?;
        managed::open(&mut session, &open, Instant::now() + PATIENCE).await?;
        Ok(())
    })
    .await?;
    // A goodbye that is lost costs nothing: the server notices the closed connection.
    let _ = session.close().await;
    Ok(())
}

/// Puts everything else forward again, once the target is open.
pub(super) async fn take_back(cx: &Working, world: &World, attempt: u32) -> Result<()> {
    events::again_at_target(cx, world, &events_key(attempt)).await?;
    if let Some(jobs) = jobs_deployment(cx) {
        cx.take_back(&key(attempt, "jobs"), |_| scale(cx, &jobs, 1)).await?;
    }
    cx.log("the target takes writes again; nothing was moved")
}
