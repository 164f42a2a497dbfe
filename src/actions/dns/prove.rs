//! The proof of the switch, from outside: servers of the zone, resolvers, the new way, the old address, the
//! fence, the way back, and both servers' accounts.

use std::time::Duration;

use super::events;
use super::service::{self, deployed};
use super::world::World;
use crate::actions::record::resolvers;
use crate::actions::{Checking, Result};
use crate::domain::Check;
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
    let old = service::old_address(cx)?;
    for server in world.record.servers(cx).await? {
        let answer = addresses_of(server, &world.record.name).await?;
        let fresh = !answer.addresses.is_empty() && !answer.addresses.contains(&old);
        checks.push(Check::of(fresh, format!("{server} gives the new answer"), answer.to_string()));
    }
    for resolver in resolvers(cx).await? {
        let answer = addresses_of(resolver, &world.record.name).await?;
        let (fact, evidence) = (format!("resolver {resolver}"), answer.to_string());
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
    if cx.connections().front.is_some() {
        ends.push((service::old_address(cx)?, "the old address"));
    }
    for (address, way) in ends {
        for request in [&probe.read, &probe.write] {
            let fact = format!("{} {} by {way}", request.method, request.path);
            checks.push(match service::until_served(cx, address, request, &digest, PATIENCE).await {
                Ok(answer) => Check::passed(fact, answer.to_string()),
                Err(failure) => Check::failed(fact, failure.in_full()),
            });
        }
    }
    Ok(())
}

async fn servers(world: &World, checks: &mut Vec<Check>) -> Result<()> {
    let mut source = world.source.lock().await;
    let state = OpenState::read(&mut source).await?;
    checks.push(Check::of(state.is_shut(), "the source is fenced", state.super_read_only.to_string()));
    let channel = replication::status(&mut source).await?;
    let follows = channel.as_ref().is_some_and(|c| c.running() && c.filter == replication::patterns(&world.schemas));
    let evidence = channel.map_or_else(|| "no channel".to_owned(), |c| format!("{c}, filter {}", c.filter.join(", ")));
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
