//! Before the freeze: everything that can be wrong is found while tenants still write, and everything that
//! can be done beforehand is done.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::open::rights;
use super::relay::Relay;
use super::service::{self, deployed};
use super::world::World;
use super::{events, ready};
use crate::actions::restore::prove::prove;
use crate::actions::{Effect, Result, Working, again};
use crate::domain::resource::Side;
use crate::domain::runbook::inputs;
use crate::domain::{Failure, Resource};
use crate::services::front::Mode;
use crate::services::mysql::fence::{Held, Refusal, proof};
use crate::services::mysql::replication::{self, Applied, patterns};
use crate::services::mysql::variable::Variable;
use crate::services::mysql::{Flavour, Session};
use crate::services::route53::differences;

/// The checkpoint of a verification made here because the restore's had expired.
pub(super) const VERIFIED: &str = "verified_at";
/// The effects that an abort takes back.
pub(in crate::actions) const SKIP_START: &str = "skip-replica-start";
/// See [`SKIP_START`].
pub(super) const REVERSE_CHANNEL: &str = "reverse-channel";
/// The checkpoint that says why the source does not follow the target after the switch.
pub(super) const NO_WAY_BACK: &str = "no_way_back";
const TICK: Duration = Duration::from_millis(500);

/// Does all of it, and gives back a connection of the application's for the proof of the fence.
pub(super) async fn run(cx: &Working, world: &World, inputs: &inputs::Switch) -> Result<Held> {
    fenceable(world)?;
    let found = world.record.sets().await?;
    ready::not_diverged(cx, world)?;
    events::can_move(world).await?;
    ready::schema_unchanged(cx, world).await?;
    ready::build_unchanged(cx).await?;
    ready::can_write(world, &rights(world).await?.wanted)?;
    old_ttl_over(cx).await?;
    if let Some(relay) = Relay::open(cx).await? {
        relay.at_pods(cx).await?;
    }
    verified(cx).await?;
    match &world.no_way_back {
        None => reverse_channel(cx, world).await?,
        // Accepted by its phrase at the gate: nothing will follow the target.
        Some(why) => {
            cx.checkpoint(NO_WAY_BACK, why)?;
            cx.log(format!("no channel back to the source: {why}"))?;
        }
    }
    staged(cx, world, inputs).await?;
    caught_up(cx, world, inputs).await?;
    ready::nothing_prepared(world).await?;
    // What waited above may have taken hours, and the driver agreed to this answer's change.
    let differences = differences(&found, &world.record.sets().await?);
    if !differences.is_empty() {
        return Err(world.record.changed_by_others(&differences));
    }
    hold_a_connection(world).await
}

/// A connection of the application's, for the proof of the fence: it shows that its write is taken now.
pub(super) async fn hold_a_connection(world: &World) -> Result<Held> {
    let (schema, table) = world.a_table().await?;
    Ok(Held::open(&world.source_application, &schema, &table).await?)
}

/// How a fresh connection of the application's is refused.
pub(super) async fn refused_afresh(world: &World) -> Result<Refusal> {
    let (schema, table) = world.a_table().await?;
    Ok(proof::fresh(&world.source_application, &schema, &table).await?)
}

/// Refuses a source that the switch has no fence for.
pub(super) fn fenceable(world: &World) -> Result<()> {
    if world.source_facts.flavour == Flavour::Own {
        return Ok(());
    }
    Err(Failure::permanent("the source is a managed server, which the switch cannot fence")
        .because("its administrator has no super_read_only, and only that keeps every account from writing")
        .next(
            "let a MySQL server of your own replicate from it, move the tenants there, and name that one as [source]; or \
             switch by the provider's own tools",
        ))
}

async fn old_ttl_over(cx: &Working) -> Result<()> {
    let Some(over_at) = ready::old_ttl_over_at(cx) else { return Ok(()) };
    loop {
        let left = over_at.duration_since(Timestamp::now()).as_secs();
        if left < 0 || Timestamp::now() >= over_at {
            return Ok(());
        }
        cx.check_cancelled()?;
        cx.progress("wait until the old TTL has run out", u64::try_from(left).unwrap_or(0), None, "s left");
        sleep(TICK).await;
    }
}

/// A verification that has expired is made again, by the restore's own.
async fn verified(cx: &Working) -> Result<()> {
    let Some((step, restore)) = ready::restore(cx) else { return Ok(()) };
    if ready::verified(cx).is_some_and(|verified| verified.left() > SignedDuration::ZERO) {
        return Ok(());
    }
    cx.log("the restore's verification has expired: comparing again")?;
    let checks = prove(&restore, &cx.as_step(&step).checking()).await?;
    if let Some(failed) = checks.iter().find(|check| check.is_failed()) {
        return Err(Failure::permanent(format!("the target is not equal: {}", failed.fact))
            .because(failed.evidence.clone())
            .next(
                "nobody may write there before the switch: mend what is named, or take `restore` back and run it again",
            ));
    }
    cx.checkpoint(VERIFIED, &Timestamp::now())
}

/// The reverse channel, configured on the source with its filter, standing still, also over a restart.
async fn reverse_channel(cx: &Working, world: &World) -> Result<()> {
    ready::no_foreign_channels(world).await?;
    let before = Variable::read(&mut *world.source.lock().await, "skip_replica_start").await?;
    let effect = Effect::new(SKIP_START, "keep the source's replication from starting by itself")
        .touches(Side::Source.persisted("skip_replica_start"));
    let act = async {
        let statement = "SET PERSIST_ONLY skip_replica_start = ON";
        Ok(world.source.lock().await.run("persist skip_replica_start", statement).await?)
    };
    cx.effect(effect.undo(json!({ "before": before })), again(), act).await?;
    let effect =
        Effect::new(REVERSE_CHANNEL, format!("configure the channel from {} on the source", world.reverse.host))
            .touches(Side::Source.channel(""));
    let act = async {
        let mut source = world.source.lock().await;
        replication::reset(&mut source).await?;
        replication::configure(&mut source, &world.reverse).await?;
        Ok(replication::set_filter(&mut source, &world.schemas).await?)
    };
    cx.effect(effect, again(), act).await?;
    // The source may have been restarted since: what is configured is looked at, not remembered.
    let mut source = world.source.lock().await;
    let channel = replication::status(&mut source).await?;
    let fits = channel.as_ref().is_some_and(|channel| channel.is_from(&world.reverse) && channel.stopped());
    if !fits {
        return Err(Failure::refused("the source's channel is not the one that was configured")
            .because(channel.map_or_else(|| "there is none".to_owned(), |channel| channel.to_string())));
    }
    if channel.is_some_and(|channel| channel.filter != patterns(&world.schemas)) {
        replication::set_filter(&mut source, &world.schemas).await?;
    }
    Ok(())
}

/// The relay, staged and tried with a real request that the deployed build answers.
async fn staged(cx: &Working, world: &World, inputs: &inputs::Switch) -> Result<()> {
    let address = cx.resolve(&inputs.address)?;
    let first = service::first_ingress(cx, &address).await?;
    let digest = deployed(cx)?;
    service::until_served(cx, first, &cx.probe()?.read, &digest, Duration::from_secs(30)).await?;
    let Some(front) = &world.front else { return Ok(()) };
    if front.status().await?.mode != Mode::Direct {
        front.direct(Duration::from_secs(2)).await?;
    }
    let (http, https) =
        (std::net::SocketAddr::new(first, 80).to_string(), std::net::SocketAddr::new(first, 443).to_string());
    let effect = Effect::new(format!("stage-front-{first}"), format!("point the front's relay at {first}"))
        .touches(Resource::front());
    cx.effect(effect, again(), async { Ok(front.stage(&http, &https).await?) }).await?;
    let probe = cx.probe()?;
    let tested = front.test(&probe.read.path).await?;
    let build = tested.headers.get(&probe.header.to_ascii_lowercase());
    if tested.status == probe.read.expect && build.is_some_and(|build| *build == digest) {
        return Ok(());
    }
    let build = build.map_or_else(|| "no build".to_owned(), |build| format!("build {build}"));
    Err(Failure::permanent("the front's staged relay does not lead to the deployed build")
        .because(format!("it answered {} from {build}, wanted {digest}", tested.status)))
}

async fn caught_up(cx: &Working, world: &World, inputs: &inputs::Switch) -> Result<()> {
    loop {
        let lag = ready::lag(world).await?;
        let small = lag.seconds.is_some_and(|seconds| seconds <= inputs.max_lag.duration().as_secs());
        if lag.running && small && arrives(&world.source, &world.target, inputs).await? {
            return Ok(());
        }
        cx.check_cancelled()?;
        cx.progress("wait until the target has caught up", lag.transactions, None, "transactions behind");
        sleep(TICK).await;
    }
}

/// Whether what the one server has done by now is applied at the other within the lag limit. A server's own
/// word for its lag is 0 as well while it fetches more slowly than its source writes.
pub(super) async fn arrives(from: &Mutex<Session>, at: &Mutex<Session>, inputs: &inputs::Switch) -> Result<bool> {
    let done = replication::executed(&mut *from.lock().await).await?;
    let deadline = Instant::now() + inputs.max_lag.duration().max(Duration::from_secs(1));
    Ok(replication::wait_applied(&mut *at.lock().await, &done, deadline).await? == Applied::All)
}
