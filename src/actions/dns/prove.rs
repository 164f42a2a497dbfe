//! The proof of the switch, from outside: servers of the zone, resolvers, the new way, the old address, the
//! fence, the way back, and both servers' accounts.

use std::time::Duration;

use super::events;
use super::service::{self, deployed};
use super::world::World;
use crate::actions::record::resolvers;
use crate::actions::{Checking, Result};
use crate::domain::{Check, Failure};
use crate::services::mysql::fence::own::OpenState;
use crate::services::mysql::{grants, replication};
use crate::services::resolver::addresses_of;
use crate::services::route53::{RecordSet, same_sets};

/// For the pods to answer, right after the switch.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) async fn all(cx: &Checking) -> Result<Vec<Check>> {
    let world = Box::pin(World::look(cx)).await?;
    let mut checks = Vec::new();
    answers(cx, &world, &mut checks).await?;
    ways(cx, &mut checks).await?;
    servers(&world, &mut checks).await?;
    events::proved(cx, &world, &mut checks).await?;
    Ok(checks)
}

async fn answers(cx: &Checking, world: &World, checks: &mut Vec<Check>) -> Result<()> {
    if let Some(written) = cx.checkpointed::<Vec<RecordSet>>(super::open::WRITTEN)? {
        let found = world.record.sets().await?;
        let listed = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        checks.push(Check::of(same_sets(&written, &found), "the zone holds what was written", listed));
    }
    let old =
        cx.source()?.address.parse().map_err(|_| Failure::permanent("the source's address is not an IP address"))?;
    for server in world.record.servers(cx).await? {
        let answer = addresses_of(server, &world.record.name).await?;
        let fresh = !answer.addresses.is_empty() && !answer.addresses.contains(&old);
        checks.push(Check::of(fresh, format!("{server} gives the new answer"), format!("{:?}", answer.addresses)));
    }
    for resolver in resolvers(cx).await? {
        let answer = addresses_of(resolver, &world.record.name).await?;
        let (fact, evidence) = (format!("resolver {resolver}"), format!("{:?}", answer.addresses));
        // Until its copy has run out, a resolver may rightly keep the old answer.
        checks.push(if answer.addresses.contains(&old) {
            Check::noted(fact, evidence)
        } else {
            Check::passed(fact, evidence)
        });
    }
    Ok(())
}

async fn ways(cx: &Checking, checks: &mut Vec<Check>) -> Result<()> {
    let (digest, probe) = (deployed(cx)?, cx.probe()?.clone());
    let name = &cx.dns()?.record;
    let mut ends = service::ingress(cx, name).await?.into_iter().map(|to| (to, "the new answer")).collect::<Vec<_>>();
    if cx.connections().front.is_some()
        && let Ok(old) = cx.source()?.address.parse()
    {
        ends.push((old, "the old address"));
    }
    for (address, way) in ends {
        for request in [&probe.read, &probe.write] {
            let fact = format!("{} {} by {way}", request.method, request.path);
            checks.push(match service::until_served(cx, address, request, &digest, PATIENCE).await {
                Ok(answer) => Check::passed(fact, answer.to_string()),
                Err(failure) => Check::failed(fact, format!("{failure}: {}", failure.why.join("; "))),
            });
        }
    }
    Ok(())
}

async fn servers(world: &World, checks: &mut Vec<Check>) -> Result<()> {
    let mut source = world.source.lock().await;
    let state = OpenState::read(&mut source).await?;
    let evidence = format!("super_read_only, persisted: {:?}", state.super_read_only.persisted);
    checks.push(Check::of(state.is_shut(), "the source is fenced", evidence));
    let channel = replication::status(&mut source).await?;
    let follows = channel.as_ref().is_some_and(|c| c.running() && c.filter == replication::patterns(&world.schemas));
    let evidence =
        channel.map_or_else(|| "no channel".to_owned(), |channel| format!("{channel}, filter {:?}", channel.filter));
    checks.push(match &world.no_way_back {
        None => Check::of(follows, "the source follows the target", evidence),
        Some(why) => Check::noted("the source follows the target", format!("it does not, as was accepted: {why}")),
    });
    let crossed = grants::exists(&mut source, &world.new_account).await?;
    checks.push(Check::of(
        !crossed,
        "no grant crossed to the source",
        format!("{} is there: {crossed}", world.new_account),
    ));
    Ok(())
}
