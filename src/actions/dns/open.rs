//! From the intent to open the target on: grants, the probe's write, the relay, the record, the jobs. From
//! here on the source stays fenced and there is only forward; every part can be repeated.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::cost::Cost;
use super::freeze::FROZEN_AT;
use super::service::{self, deployed};
use super::world::World;
use super::{before, companion, events};
use crate::actions::{Effect, Outputs, Reading, Result, Working, again, cluster};
use crate::domain::resource::Side;
use crate::domain::runbook::{ActionSpec, inputs};
use crate::domain::state::FREEZE_SECONDS;
use crate::domain::{Failure, Resource};
use crate::services::mysql::fence::managed::{self, OpenAccount};
use crate::services::mysql::{grants, replication};
use crate::services::route53::rules::{Target, move_to};
use crate::services::route53::{RecordKind, RecordSet};

/// The checkpoint with the sets as this step found them.
pub(super) const FOUND: &str = "found";
/// The checkpoint with the sets as this step wrote them.
pub(super) const WRITTEN: &str = "written";
/// The effects that the way back takes back.
pub(super) const OPEN_TARGET: &str = "open-target";
/// See [`OPEN_TARGET`].
pub(super) const RELAY: &str = "relay";
/// See [`OPEN_TARGET`].
pub(super) const RECORD: &str = "record";
/// See [`OPEN_TARGET`].
pub(super) const JOBS: &str = "jobs";
pub(in crate::actions) const SWITCHED_AT: &str = "switched_at";
const READS: &str = "freeze_handler_reads";
/// For pods to come back with their new rights, and for writes at the front to end.
const PATIENCE: Duration = Duration::from_secs(30);
const SESSIONS_END: Duration = Duration::from_secs(10);
/// For a job to end what it is doing.
const GONE: Duration = Duration::from_mins(2);
/// For a front that cannot be reached just then.
const TURNED: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
const DRAIN: Duration = Duration::from_secs(5);
/// Where an old set has no TTL of its own.
pub(in crate::actions) const TTL: u32 = 60;

/// How long an answer of before the switch may be kept, in seconds; none before the record was looked at.
pub(in crate::actions) fn old_ttl(cx: &Reading) -> Result<Option<u32>> {
    let found = cx.checkpointed::<Vec<RecordSet>>(FOUND)?;
    Ok(found.map(|found| RecordSet::longest_ttl(&found).unwrap_or(TTL)))
}

/// Opens the target and turns everybody to it. `cx` must be deaf to requests to stop.
pub(super) async fn run(cx: &Working, world: &World, inputs: &inputs::Switch, cost: Option<&Cost>) -> Result<Outputs> {
    let address = cx.resolve(&inputs.address)?;
    let ingress = service::ingress(cx, &address).await?;
    let first = *ingress.first().ok_or_else(|| Failure::transient(format!("{address} has no address")))?;
    still_fenced(cx, world).await?;
    open(cx, world).await?;
    probe(cx, first).await?;
    let turned = turn_front(cx, world, cost).await;
    if let Err(failure) = &turned {
        cx.log(format!("the record goes first, for those who resolve the name again: {}", failure.in_full()))?;
    }
    if cx.checkpointed::<Timestamp>(SWITCHED_AT)?.is_none() {
        cx.checkpoint(SWITCHED_AT, &Timestamp::now())?;
    }
    let swapped = record(cx, world, inputs, &address, &ingress.into_iter().collect::<Vec<_>>()).await?;
    if turned.is_err() {
        turn_front_in_time(cx, world, cost).await?;
    }
    events::to_target(cx, world).await?;
    world.record.wait_insync(cx, &swapped).await?;
    jobs(cx).await?;
    let mut outputs = Outputs::new();
    for name in [FREEZE_SECONDS, READS, SWITCHED_AT] {
        if let Some(value) = cx.checkpointed::<serde_json::Value>(name)? {
            outputs.insert(name.to_owned(), value);
        }
    }
    Ok(outputs)
}

/// Lets the front relay; tenants have waited until then.
async fn turn_front(cx: &Working, world: &World, cost: Option<&Cost>) -> Result<()> {
    if let Some(front) = &world.front {
        let effect = Effect::new(RELAY, "relay what comes to the old address")
            .undo(json!({ "mode": "direct" }))
            .touches(Resource::front());
        cx.effect(effect, again(), async { Ok(front.relay(DRAIN).await?) }).await?;
    }
    if cx.checkpointed::<f64>(FREEZE_SECONDS)?.is_some() {
        return Ok(());
    }
    if let Some(frozen_at) = cx.checkpointed::<Timestamp>(FROZEN_AT)? {
        cx.checkpoint(FREEZE_SECONDS, &Timestamp::now().duration_since(frozen_at).as_secs_f64())?;
    }
    if let Some(cost) = cost {
        cx.checkpoint(READS, &cost.so_far(world).await?)?;
    }
    Ok(())
}

/// A front that did not answer is asked again for a while: those who hold the old address wait for nothing else.
async fn turn_front_in_time(cx: &Working, world: &World, cost: Option<&Cost>) -> Result<()> {
    let deadline = Instant::now() + TURNED;
    loop {
        match turn_front(cx, world, cost).await {
            Err(_) if Instant::now() < deadline => sleep(LOOK_AGAIN).await,
            other => return other,
        }
    }
}

/// The source may have been opened behind the switch's back, by hand or by a start without what is persisted. It is
/// fenced again, and what it took meanwhile stops the switch: it is in neither copy.
async fn still_fenced(cx: &Working, world: &World) -> Result<()> {
    if companion::shut_again(&mut *world.source.lock().await).await? {
        cx.log(format!("the {} was open: it is fenced again", world.source_at))?;
        before::refused_afresh(world).await?;
    }
    // The target's own reach the source by the channel back: asked after it, the target has them all.
    let here = replication::executed(&mut *world.source.lock().await).await?;
    let alone = here.subtract(&replication::executed(&mut *world.target.lock().await).await?);
    if alone.count() == 0 {
        return Ok(());
    }
    Err(Failure::permanent(format!(
        "the {} took writes behind its fence, which the target does not have",
        world.source_at
    ))
    .because(format!("transactions {alone}: somebody opened it past the point of switching; it is fenced again"))
    .next(
        "take the switch back (`cutover rollback`), which keeps them; or bring them to the target under their own \
             GTIDs (mysqlbinlog --include-gtids), then run the step again",
    ))
}

/// What the application may do on the target.
pub(super) struct Rights {
    /// Now.
    pub before: OpenAccount,
    /// Once it is open: what it may do on the source too.
    pub wanted: OpenAccount,
}

/// Reads both, from the two servers as they stand.
pub(super) async fn rights(world: &World) -> Result<Rights> {
    let before = OpenAccount::read(&mut *world.target.lock().await, &world.new_account, &world.schemas).await?;
    let mut rights = BTreeMap::new();
    for schema in &world.schemas {
        let at_source = grants::on_schema(&mut *world.source.lock().await, &world.old_account, schema).await?;
        let at_target = before.rights.get(schema).cloned().unwrap_or_default();
        rights.insert(schema.clone(), at_target.union(&at_source).cloned().collect());
    }
    let wanted = OpenAccount { account: world.new_account.clone(), locked: false, rights };
    Ok(Rights { before, wanted })
}

/// The application may write on the target what it may write on the source; sessions with old rights end.
async fn open(cx: &Working, world: &World) -> Result<()> {
    let Rights { before, wanted } = rights(world).await?;
    let effect = Effect::new(OPEN_TARGET, format!("let {} write on the target, end its sessions", world.new_account))
        .touches(Side::Target.user(&world.new_account));
    let act = async {
        let deadline = Instant::now() + SESSIONS_END;
        Ok(managed::open(&mut *world.target.lock().await, &wanted, deadline).await?)
    };
    let ended: usize = cx.effect(effect.undo(json!({ "before": before })), again(), act).await?;
    cx.log(format!("the target is open; {ended} sessions with old rights ended"))
}

/// The effect that proves the way in; nothing takes it back.
const PROBE: &str = "probe-write";

/// A real write, kept: it proves the way from the ingress to the opened database.
async fn probe(cx: &Working, address: IpAddr) -> Result<()> {
    let digest = deployed(cx)?;
    let probe = cx.probe()?.clone();
    let effect = Effect::new(PROBE, format!("write through the ingress: {} {}", probe.write.method, probe.write.path));
    let act = async {
        let answer =
            service::until_served(cx, address, &probe.write, &digest, PATIENCE).await.map_err(|failure| {
                failure.next(
                    "tenants wait: the source stays fenced from here on. Put right what stands at that address and run the \
                     step again, or take it back (`cutover rollback`), which opens the source with all that was written",
                )
            })?;
        Ok(answer.to_string())
    };
    let seen: String = cx.effect(effect, again(), act).await?;
    cx.log(format!("the probe's write was answered {seen}; it is kept"))
}

/// All address sets at the name in one batch, from exactly what was found.
async fn record(
    cx: &Working,
    world: &World,
    inputs: &inputs::Switch,
    address: &str,
    ingress: &[IpAddr],
) -> Result<crate::actions::record::Swapped> {
    let kept = (cx.checkpointed::<Vec<RecordSet>>(FOUND)?, cx.checkpointed::<Vec<RecordSet>>(WRITTEN)?);
    let (found, wanted) = if let (Some(found), Some(wanted), true) = (kept.0, kept.1, cx.undo_of(RECORD).is_some()) {
        (found, wanted)
    } else {
        let found = world.record.sets().await?;
        let wanted = answer(world, inputs, &found, address, ingress)?;
        cx.checkpoint(FOUND, &found)?;
        cx.checkpoint(WRITTEN, &wanted)?;
        (found, wanted)
    };
    world.record.swap(cx, RECORD, format!("point {} at {address}", world.record.name), &found, &wanted).await
}

/// The new sets. A name with other types beside it cannot be a CNAME: without the load balancer's zone its
/// addresses of now are taken.
pub(super) fn answer(
    world: &World,
    inputs: &inputs::Switch,
    found: &[RecordSet],
    address: &str,
    ingress: &[IpAddr],
) -> Result<Vec<RecordSet>> {
    let beside = found.iter().any(|set| !set.kind.is_address());
    let target = match (&inputs.alias_zone, address.parse::<IpAddr>()) {
        (_, Ok(address)) => Target::Addresses(vec![address]),
        (None, Err(_)) if beside => Target::Addresses(ingress.to_vec()),
        (alias_zone, Err(_)) => Target::Hostname { name: address.to_owned(), alias_zone: alias_zone.clone() },
    };
    let ttl = found.iter().filter(|set| matches!(set.kind, RecordKind::A | RecordKind::Aaaa)).find_map(RecordSet::ttl);
    move_to(&world.record.zone.info().name, &world.record.name, found, &target, ttl.unwrap_or(TTL)).map_err(|refusal| {
        Failure::permanent(format!("{} cannot point at {address}", world.record.name)).because(refusal.to_string())
    })
}

/// The background jobs, whose deployment stood at 0.
async fn jobs(cx: &Working) -> Result<()> {
    let Some(name) = jobs_deployment(cx) else { return Ok(()) };
    let namespace = cx.kubernetes()?.namespace.clone();
    let effect = Effect::new(JOBS, format!("run the background jobs: {name} to 1")).touches(Resource::object(
        "apps/v1",
        "Deployment",
        Some(&namespace),
        &name,
    ));
    cx.effect(effect, again(), scale(cx, &name, 1)).await
}

/// The name of the background jobs' deployment, if there is one.
pub(super) fn jobs_deployment(cx: &Reading) -> Option<String> {
    let deploy = cx.plan().runbook.steps.iter().find_map(|step| match &step.action {
        ActionSpec::Deploy(deploy) => Some(deploy),
        _ => None,
    });
    let has_jobs = deploy.is_some_and(|deploy| !deploy.jobs_env.is_empty());
    has_jobs.then(|| format!("{}-jobs", cx.connections().service.name))
}

/// Scales the background jobs; down to nought it waits until the last of them is gone.
pub(super) async fn scale(cx: &Reading, name: &str, replicas: u32) -> Result<()> {
    let cluster = cluster::recognised(cx).await?;
    let namespace = &cx.kubernetes()?.namespace;
    if cluster.replicas(namespace, name).await?.is_none() {
        return Ok(());
    }
    cluster.scale(namespace, name, replicas).await?;
    let deadline = Instant::now() + GONE;
    while replicas == 0 && !cluster.pods(namespace, &format!("app={name}")).await?.is_empty() {
        if Instant::now() >= deadline {
            return Err(Failure::transient(format!("pods of {name} do not end")).next("kubectl get pods names them"));
        }
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}
