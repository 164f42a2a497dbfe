//! The freeze: from the front's hold to the moment before the target is opened. Everything here can be
//! taken back, and is, by [`super::abort`], when the budget runs out or anything fails.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::world::World;
use super::{before, events, ready, service};
use crate::actions::servers::source;
use crate::actions::{Effect, Reading, Reality, Result, Working, again};
pub(super) use crate::domain::resource::SOURCE;
use crate::domain::resource::{self, Resource};
use crate::domain::runbook::inputs;
pub(super) use crate::domain::state::FROZEN_AT;
use crate::domain::{Failure, Period};
use crate::services::front::Side;
use crate::services::mysql::fence::{self, Blockers, Held, Refusal, own::OpenState};
use crate::services::mysql::replication::{self, Applied};
use crate::services::mysql::{GtidSet, Session};

/// The effects of a try, which an abort takes back.
pub(super) const HOLD: &str = "hold";
/// See [`HOLD`].
pub(super) const FENCE: &str = "fence-source";
/// See [`HOLD`].
pub(super) const FORWARD: &str = "reset-forward-channel";
/// See [`HOLD`].
pub(super) const REVERSE: &str = "start-reverse-channel";

/// What an engine needs to finish what another began: to log in again and look (0.5 s where it was measured),
/// then the rest of a freeze, of which the slowest part is the channel's first connection (0.5 s); twice that.
const ENOUGH: Duration = Duration::from_secs(2);
/// For a server whose answer is still to be had, while tenants wait.
const LOOK: Duration = Duration::from_secs(1);
const STILL_SERVED: Duration = Duration::from_secs(1);

/// Stops writes, moves the last of them over, and turns replication round.
pub(super) async fn run(
    cx: &Working,
    world: &World,
    inputs: &inputs::Switch,
    held: Option<&mut Held>,
    attempt: u32,
    deadline: Instant,
) -> Result<()> {
    // While tenants do not wait yet.
    world.doing(format!("disable the events of the {}", world.source_at));
    events::rest_at_source(cx, world, deadline).await?;
    // Said before the hold: from there on tenants wait, and an engine that follows has to know.
    cx.fence(SOURCE, true)?;
    world.doing("hold writes at the front, and wait for those in flight");
    hold(cx, world, deadline).await?;
    world.doing(format!("fence the {}", world.source_at));
    shut(cx, world, inputs, held, deadline).await?;
    world.doing(format!("let the {} apply the last writes", world.target_at));
    let last = move_the_rest(cx, world, deadline).await?;
    world.doing(format!("let the {} follow the {}", world.source_at, world.target_at));
    turn_round(cx, world, &last, attempt, deadline).await?;
    world.doing("ask the new side once more");
    still_served(cx, inputs).await
}

/// The last look before there is only forward: a new side that went away meanwhile would have tenants wait.
async fn still_served(cx: &Working, inputs: &inputs::Switch) -> Result<()> {
    let address = cx.resolve(&inputs.address)?;
    let first = service::first_ingress(cx, &address).await?;
    let digest = service::deployed(cx)?;
    service::until_served(cx, first, &cx.probe()?.read, &digest, STILL_SERVED).await.map(drop).map_err(|failure| {
        failure.next("see what stands at that address; tenants write at the source meanwhile; then run the step again")
    })
}

/// What a freeze was at when its budget was over, and who was in its way.
pub(super) async fn what_took_it(cx: &Reading, world: &World, budget: Period) -> String {
    let said = format!("{budget} were over, and it was to {}", world.was_doing());
    if !said.contains(" fence ") {
        return said;
    }
    let blockers = async {
        let mut session = Session::open(&source(cx).await?).await?;
        Ok::<_, Failure>(fence::blockers::find(&mut session).await?)
    };
    match tokio::time::timeout(LOOK, blockers).await {
        Ok(Ok(found)) if !found.is_empty() => {
            let named: Vec<String> = found.iter().map(ToString::to_string).collect();
            format!("{said}; in its way: {}", named.join(", "))
        }
        _ => said,
    }
}

async fn hold(cx: &Working, world: &World, deadline: Instant) -> Result<()> {
    let Some(front) = &world.front else { return Ok(()) };
    let effect =
        Effect::new(HOLD, "hold writes at the front").undo(json!({ "mode": "direct" })).touches(Resource::front());
    cx.effect(effect, again(), async { Ok(front.hold().await?) }).await?;
    front.drained(Side::Old, deadline.saturating_duration_since(Instant::now())).await?;
    Ok(())
}

async fn shut(
    cx: &Working,
    world: &World,
    inputs: &inputs::Switch,
    held: Option<&mut Held>,
    deadline: Instant,
) -> Result<()> {
    let before = OpenState::read(&mut *world.source.lock().await).await?;
    let policy = if inputs.end_blockers { Blockers::EndAll } else { Blockers::Wait };
    let effect = Effect::new(FENCE, "fence the source against writes")
        .undo(json!({ "before": before }))
        .touches(resource::Side::Source.variable("super_read_only"))
        .touches(resource::Side::Source.variable("read_only"));
    let look = async {
        let shut = OpenState::read(&mut *world.source.lock().await).await?.is_shut();
        Ok(if shut { Reality::Done(Vec::new()) } else { Reality::NotDone })
    };
    let act = async { Ok(fence::own::shut(&mut *world.source.lock().await, &policy, deadline).await?) };
    let ended: Vec<u64> = cx.effect(effect, look, act).await?;
    if !ended.is_empty() {
        cx.log(format!("ended {} sessions that kept the fence open", ended.len()))?;
    }
    let refusals = match held {
        Some(held) => vec![held.refused().await?, held.refused_afresh().await?],
        // An engine that finds the fence shut holds no connection from before it.
        None => vec![before::refused_afresh(world).await?],
    };
    for refused in refusals {
        if refused != Refusal::ReadOnly {
            return Err(Failure::permanent(format!("the fence of the {} is not proved", world.source_at))
                .because(format!("a write was refused for another reason: {refused}")));
        }
    }
    // One that was prepared since the look before the freeze could commit behind the fence.
    ready::nothing_prepared(world).await
}

/// The target applies to the source's last transaction; then the forward channel is gone.
async fn move_the_rest(cx: &Working, world: &World, deadline: Instant) -> Result<GtidSet> {
    let last = replication::executed(&mut *world.source.lock().await).await?;
    let mut target = world.target.lock().await;
    if replication::wait_applied(&mut target, &last, deadline).await? == Applied::NotInTime {
        let missing = last.subtract(&replication::executed(&mut target).await?);
        return Err(over_budget(&format!("the target lacked {} transactions", missing.count())));
    }
    let channel = replication::status(&mut target).await?;
    if let Some(channel) = channel.as_ref().filter(|channel| channel.applier_fault.is_some()) {
        return Err(Failure::permanent("the target's applier has an error").because(channel.to_string()));
    }
    let effect =
        Effect::new(FORWARD, "stop and reset the channel from the source").touches(resource::Side::Target.channel(""));
    let effect =
        effect.undo(json!({ "host": world.forward.host, "port": world.forward.port, "user": world.forward.user }));
    let look = async { Ok(Reality::Partly) };
    cx.effect(effect, look, async { Ok(replication::reset(&mut target).await?) }).await?;
    Ok(last)
}

/// What the target did itself (the load, the grants, the platform's own) counts as known to the source;
/// then the source follows the target.
async fn turn_round(cx: &Working, world: &World, last: &GtidSet, attempt: u32, deadline: Instant) -> Result<()> {
    let now = replication::executed(&mut *world.target.lock().await).await?;
    if !now.contains(last) {
        return Err(Failure::permanent("the target is not equal to the source")
            .because(format!("it lacks {}", last.subtract(&now))));
    }
    // Read once a try: what the target does afterwards comes over the channel, or is what a way back loses.
    let noted = history(attempt);
    let everything: GtidSet = match cx.checkpointed(&noted)? {
        Some(everything) => everything,
        None => now,
    };
    cx.checkpoint(&noted, &everything)?;
    if world.no_way_back.is_some() {
        return Ok(());
    }
    let mut source = world.source.lock().await;
    // Kept by an abort: transactions that the source knows of and will never be sent do no harm.
    let effect = Effect::new(
        format!("source-learns-history-{attempt}"),
        "add the target's own transactions to the source's gtid_purged",
    );
    let act = async { Ok(replication::add_purged(&mut source, &everything).await?) };
    let added: GtidSet = cx.effect(effect, again(), act).await?;
    let known = replication::executed(&mut source).await?;
    if !known.contains(&everything) {
        return Err(Failure::permanent("the source does not know all of the target's transactions")
            .because(format!("it lacks {}", everything.subtract(&known))));
    }
    cx.log(format!("the source took {} transactions of the target's own as known", added.count()))?;
    let effect = Effect::new(REVERSE, "start the channel from the target to the source")
        .touches(resource::Side::Source.channel(""));
    let act = async {
        // A source that was restarted behind its fence has lost it.
        replication::set_filter(&mut source, &world.schemas).await?;
        replication::start(&mut source).await?;
        replication::until_running(&mut source, deadline).await?;
        Ok(())
    };
    cx.effect(effect, again(), act).await?;
    let channel = replication::status(&mut source).await?;
    let filtered =
        channel.is_some_and(|channel| channel.running() && channel.filter == replication::patterns(&world.schemas));
    if !filtered {
        return Err(Failure::permanent("the channel to the source does not run with its filter"));
    }
    Ok(())
}

/// The checkpoint with all that the target had done when a try stood still.
pub(super) fn history(attempt: u32) -> String {
    format!("target-history-{attempt}")
}

/// What is left of the budget of a freeze that began then, if it is enough to finish.
pub(super) fn left(budget: Duration, frozen_at: Timestamp) -> Option<Duration> {
    let spent = Timestamp::now().duration_since(frozen_at).unsigned_abs();
    budget.checked_sub(spent).filter(|left| *left >= ENOUGH)
}

/// The budget is over: the abort says so and opens the source again.
pub(super) fn over_budget(why: &str) -> Failure {
    Failure::permanent("the freeze took longer than its budget")
        .because(why)
        .next("see what took the time, then run the step again")
}
