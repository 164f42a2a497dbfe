//! What the switch would do, read from the world as it stands.

use super::before::fenceable;
use super::open::{Rights, answer, rights};
use super::relay::Relay;
use super::service;
use super::world::World;
use super::{board, events};
use crate::actions::{Reading, Result};
use crate::domain::preview::Verb;
use crate::domain::resource::SOURCE;
use crate::domain::resource::TARGET;
use crate::domain::runbook::inputs::Switch;
use crate::domain::{Failure, Preview, Risk, risk};

pub(super) async fn of(cx: &Reading, inputs: &Switch) -> Result<Preview> {
    let mut preview = Preview::undone_by(
        "before the target is opened it aborts by itself: the source open as it was, the front direct; afterwards the \
         switch mirrored, with every write of the new side carried back",
    );
    let world = Box::pin(World::look(cx)).await?;
    fenceable(&world)?;
    world.record.refuse_foreign().await?;
    preview.identity(SOURCE, world.source_facts.uuid.clone());
    preview.identity(TARGET, world.target_facts.uuid.clone());
    preview.identity("hosted zone", world.record.identity());
    preview.setting("budget for the freeze", inputs.budget.to_string());
    preview.setting("lag limit", inputs.max_lag.to_string());
    preview.setting("statements in the fence's way", if inputs.end_blockers { "ended" } else { "waited for" });
    let address = cx.resolve(&inputs.address)?;
    let ingress: Vec<_> = service::ingress(cx, &address).await?.into_iter().collect();
    if let Some(front) = &world.front {
        preview.change(
            Verb::Change,
            "front",
            vec![format!("{} -> hold -> relay to {address}", front.status().await?.mode.word())],
        );
    }
    preview.accepts = risks(cx, inputs, &world)?;
    events::can_move(&world).await?;
    let moving = events::at_source(&world).await?;
    if !moving.is_empty() {
        let detail = format!("disabled at the source, then enabled on the target: {}", events::names(&moving));
        preview.change(Verb::Change, "events", vec![detail]);
    }
    preview.change(
        Verb::Change,
        SOURCE,
        vec![
            "fenced by super_read_only, persisted".to_owned(),
            if world.no_way_back.is_none() { "follows the target" } else { "follows nobody: it cannot" }.to_owned(),
        ],
    );
    let Rights { before, wanted: opened } = rights(&world).await?;
    let detail = before.on_schemas().zip(opened.on_schemas());
    let detail = detail.map(|((schema, now), (_, then))| format!("{schema}: {now} -> {then}")).collect();
    preview.change(Verb::Change, format!("target account {}", world.new_account), detail);
    let found = world.record.sets().await?;
    let wanted = answer(&world, inputs, &found, &address, &ingress)?;
    let mut detail: Vec<String> = found.iter().map(|set| format!("found:   {set}")).collect();
    detail.extend(wanted.iter().map(|set| format!("written: {set}")));
    preview.change(Verb::Change, format!("record {}", world.record.name), detail);
    if inputs.alias_zone.is_none()
        && address.parse::<std::net::IpAddr>().is_err()
        && found.iter().any(|set| !set.kind.is_address())
    {
        preview.warnings.push(format!(
            "other records stand at the name, so it cannot be a CNAME, and no `alias_zone` is given: the addresses that {address} has now are written"
        ));
    }
    if let Some(relay) = Relay::open(cx).await?
        && let Some(by_hand) = relay.by_hand().await?
    {
        preview
            .warnings
            .push(format!("on a way back clients with the new answer are not relayed by itself: {by_hand}"));
    }
    preview.conditions = board::of(cx, &world, inputs, &opened).await;
    Ok(preview)
}

/// What only a typed phrase accepts: clients that nobody relays, and a source that could not take writes back.
fn risks(cx: &Reading, inputs: &Switch, world: &World) -> Result<Vec<Risk>> {
    let step = cx.plan().step(cx.step_id()).ok_or_else(|| Failure::permanent("the step is not in the runbook"))?;
    let mut risks = risk::of_plan(cx.plan(), step);
    if let Some(why) = &world.no_way_back {
        risks.push(Risk {
            what: format!("no way back without loss: {why}"),
            accepted_by: "accept_no_way_back".to_owned(),
            phrase: inputs.accept_no_way_back.clone(),
        });
    }
    Ok(risks)
}
