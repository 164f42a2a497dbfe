//! The proof of the way back, from outside: the zone, its servers, the service at the old address and
//! through the ingress, the open source, and the target that follows it and takes no write.

use std::time::Duration;

use super::{application, loss};
use crate::actions::dns::events;
use crate::actions::dns::open::FOUND;
use crate::actions::dns::service;
use crate::actions::dns::world::World;
use crate::actions::{Reading, Result, Working};
use crate::domain::Check;
use crate::domain::runbook::inputs::Switch;
use crate::services::front::Mode;
use crate::services::mysql::fence::own::OpenState;
use crate::services::mysql::fence::{Refusal, proof};
use crate::services::mysql::replication::Channel;
use crate::services::mysql::{grants, replication};
use crate::services::resolver::addresses_of;
use crate::services::route53::{RecordSet, same_sets};

const PATIENCE: Duration = Duration::from_secs(15);

pub(super) async fn all(cx: &Working, world: &World, inputs: &Switch) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    record(cx, world, &mut checks).await?;
    ways(cx, inputs, &mut checks).await?;
    servers(cx, world, &mut checks).await?;
    events::proved_back(world, &mut checks).await?;
    Ok(checks)
}

/// Where the target was never opened: the source takes writes, the front passes them to it.
pub(super) async fn never_left(cx: &Working) -> Result<Vec<Check>> {
    let world = Box::pin(World::look(cx)).await?;
    let open = !OpenState::read(&mut *world.source.lock().await).await?.is_shut();
    let mut checks = vec![Check::of(open, "the source is open", format!("super_read_only is off: {open}"))];
    let channel = replication::status(&mut *world.source.lock().await).await?;
    let ours = channel.as_ref().is_some_and(|channel| channel.is_from(&world.reverse));
    let evidence = channel.map_or_else(|| "no channel".to_owned(), |channel| channel.to_string());
    checks.push(Check::of(!ours, "the source does not follow the target", evidence));
    if let Some(front) = &world.front {
        let mode = front.status().await?.mode;
        checks.push(Check::of(mode == Mode::Direct, "the front passes everything to the source", mode.word()));
    }
    Ok(checks)
}

async fn record(cx: &Reading, world: &World, checks: &mut Vec<Check>) -> Result<()> {
    if let Some(wanted) = cx.checkpointed::<Vec<RecordSet>>(FOUND)? {
        let found = world.record.sets().await?;
        let listed = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        checks.push(Check::of(same_sets(&wanted, &found), "the zone holds what the switch had found", listed));
    }
    let old = service::old_address(cx)?;
    for server in world.record.servers(cx).await? {
        let answer = addresses_of(server, &world.record.name).await?;
        let evidence = answer.to_string();
        checks.push(Check::of(
            answer.addresses.contains(&old),
            format!("{server} gives the old answer again"),
            evidence,
        ));
    }
    Ok(())
}

async fn ways(cx: &Reading, inputs: &Switch, checks: &mut Vec<Check>) -> Result<()> {
    let probe = cx.probe()?.clone();
    let old = service::old_address(cx)?;
    let mut ingress = service::ingress(cx, &cx.resolve(&inputs.address)?).await?;
    if cx.connections().kubernetes.is_none() {
        ingress.clear();
    }
    let ends = [(old, "at the old address")].into_iter().chain(ingress.into_iter().map(|to| (to, "by the ingress")));
    for (address, way) in ends {
        for request in [&probe.read, &probe.write] {
            let fact = format!("{} {} {way}", request.method, request.path);
            checks.push(match service::until_served_by_source(cx, address, request, PATIENCE).await {
                Ok(answer) => Check::passed(fact, answer.to_string()),
                Err(failure) => Check::failed(fact, failure.in_full()),
            });
        }
    }
    Ok(())
}

async fn servers(cx: &Reading, world: &World, checks: &mut Vec<Check>) -> Result<()> {
    let open = !OpenState::read(&mut *world.source.lock().await).await?.is_shut();
    checks.push(Check::of(open, "the source is open", format!("super_read_only is off: {open}")));
    let (schema, table) = world.a_table().await?;
    let refused = proof::fresh(&application(cx).await?, &schema, &table).await;
    let evidence = refused.as_ref().map_or_else(ToString::to_string, ToString::to_string);
    checks.push(Check::of(
        matches!(refused, Ok(Refusal::Denied)),
        "a write of the application is refused on the target",
        evidence,
    ));
    let locked = grants::is_locked(&mut *world.target.lock().await, &world.new_account).await?;
    checks.push(Check::of(!locked, "the application can log in on the target", format!("locked: {locked}")));
    let channel = replication::status(&mut *world.target.lock().await).await?;
    let follows = channel.as_ref().is_some_and(Channel::running);
    let evidence = channel.map_or_else(|| "no channel".to_owned(), |channel| channel.to_string());
    let fact = "the target follows the source again";
    checks.push(match loss::diverged_at(cx)? {
        None => Check::of(follows, fact, evidence),
        Some(_) => Check::noted(fact, "it does not: it holds the writes that were given up".to_owned()),
    });
    Ok(())
}
