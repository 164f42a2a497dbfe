//! What the switch would do, read from the world as it stands.

use super::open::answer;
use super::service;
use super::world::World;
use crate::actions::{Reading, Result};
use crate::domain::Preview;
use crate::domain::preview::Verb;
use crate::domain::runbook::inputs::Switch;
use crate::services::mysql::fence::managed::OpenAccount;
use crate::services::mysql::replication;

pub(super) async fn of(cx: &Reading, inputs: &Switch) -> Result<Preview> {
    let mut preview = Preview::undone_by(
        "before the target is opened it aborts by itself: the source open as it was, the front direct; afterwards the \
         switch mirrored, with every write of the new side carried back",
    );
    let world = Box::pin(World::look(cx)).await?;
    world.record.refuse_foreign().await?;
    preview.identity("source MySQL", world.source_facts.uuid.clone());
    preview.identity("target MySQL", world.target_facts.uuid.clone());
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
    } else {
        preview
            .warnings
            .push("no front: clients with the old answer fail until they resolve the name again".to_owned());
        preview.accepts.push(format!(
            "clients with the old answer fail: {}",
            inputs.accept_without_front.as_deref().unwrap_or("accept in the runbook (`accept_without_front`)")
        ));
    }
    preview.change(
        Verb::Change,
        "source MySQL",
        vec!["fenced by super_read_only, persisted".to_owned(), "follows the target".to_owned()],
    );
    let before = OpenAccount::read(&mut *world.target.lock().await, &world.new_account, &world.schemas).await?;
    let detail =
        before.rights.iter().map(|(schema, rights)| format!("{schema}: {rights:?} -> as on the source")).collect();
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
    if let Some(channel) = replication::status(&mut *world.target.lock().await).await? {
        let at = replication::executed(&mut *world.source.lock().await).await?;
        preview
            .figure("lag", format!("{:?} s, {} transactions", channel.lag_seconds.unwrap_or(0), channel.behind(&at)));
    }
    Ok(preview)
}
