//! What taking the switch back would change, take and lose, read from the world as it stands.

use super::loss;
use crate::actions::dns::events;
use crate::actions::dns::open::{OPEN_TARGET, RECORD};
use crate::actions::dns::relay::Relay;
use crate::actions::dns::service::old_address;
use crate::actions::dns::world::World;
use crate::actions::undo::recorded;
use crate::actions::{Reading, Result};
use crate::domain::preview::Verb;
use crate::domain::resource::SOURCE;
use crate::domain::resource::TARGET;
use crate::domain::runbook::inputs::Switch;
use crate::domain::{Failure, Preview};
use crate::services::mysql::events::Scheduled;
use crate::services::mysql::fence::managed::OpenAccount;
use crate::services::mysql::replication;
use crate::services::route53::{RecordSet, same_sets};

pub(in crate::actions::dns) async fn of(cx: &Reading, inputs: &Switch) -> Result<Preview> {
    let mut preview = Preview::undone_by("driving the step again: the target follows the source, without a new copy");
    let world = Box::pin(World::look(cx)).await?;
    preview.identity(SOURCE, world.source_facts.uuid.clone());
    preview.identity(TARGET, world.target_facts.uuid.clone());
    preview.identity("hosted zone", world.record.identity());
    preview.loses = Some(0);
    preview.takes = took(cx);
    if !cx.state().switched {
        preview.change(Verb::Change, SOURCE, vec!["open as it was, if a try left it fenced".to_owned()]);
        return Ok(preview);
    }
    preview.setting("budget for the freeze", inputs.budget.to_string());
    preview.change(Verb::Change, "front", vec!["relay -> hold -> direct".to_owned()]);
    if let Some(undo) = cx.undo_of(OPEN_TARGET) {
        let before: OpenAccount = recorded(&undo, "before")?;
        let rights = before.on_schemas().map(|(schema, rights)| format!("{schema}: back to {rights}")).collect();
        preview.change(Verb::Change, format!("target account {}", world.new_account), rights);
    }
    let carried = "applies the target's last write, opened exactly as it was";
    preview.change(Verb::Change, SOURCE, vec![carried.to_owned()]);
    preview.change(Verb::Change, TARGET, vec!["follows the source again, without a new copy".to_owned()]);
    if let Some(undo) = cx.undo_of(events::AT_SOURCE) {
        let before: Vec<Scheduled> = recorded(&undo, "events")?;
        let detail = format!("disabled on the target, then enabled at the source: {}", events::names(&before));
        preview.change(Verb::Change, "events", vec![detail]);
    }
    match Relay::open(cx).await {
        Ok(Some(relay)) => {
            let detail = format!("relays clients with the new answer to {}", old_address(cx)?);
            for name in relay.names() {
                preview.change(Verb::Create, name.to_string(), vec![detail.clone()]);
            }
        }
        Ok(None) => {}
        Err(failure) => preview.warnings.push(format!(
            "the cluster does not answer, and is left for the end: until it does, nobody relays clients that hold the new \
             answer, and the background jobs run on, without a right to write: {}",
            failure.in_full()
        )),
    }
    record(cx, &world, &mut preview).await?;
    figures(cx, &world, &mut preview).await?;
    Ok(preview)
}

async fn record(cx: &Reading, world: &World, preview: &mut Preview) -> Result<()> {
    let Some(undo) = cx.undo_of(RECORD) else { return Ok(()) };
    let (back_to, written): (Vec<RecordSet>, Vec<RecordSet>) = (recorded(&undo, "found")?, recorded(&undo, "written")?);
    let found = world.record.sets().await?;
    if !same_sets(&found, &written) && !same_sets(&found, &back_to) {
        let listed = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        return Err(Failure::refused(format!("somebody else changed the sets at {}", world.record.name))
            .because(format!("the switch wrote something else than what stands there: {listed}"))
            .next("find out who; put back what the switch wrote, then take it back"));
    }
    let mut detail: Vec<String> = found.iter().map(|set| format!("found:   {set}")).collect();
    detail.extend(back_to.iter().map(|set| format!("back to: {set}")));
    preview.change(Verb::Change, format!("record {}", world.record.name), detail);
    Ok(())
}

async fn figures(cx: &Reading, world: &World, preview: &mut Preview) -> Result<()> {
    if let Some((why, missing)) = loss::looming(cx, world).await? {
        preview.loses = Some(missing.count());
        preview.warnings.push(format!(
            "the {} does not follow the {}: {why}. What was written since is not at the source: {} transactions, the \
             platform's own among them",
            world.source_at,
            world.target_at,
            missing.count()
        ));
        preview.warnings.push(
            "the target keeps what is given up, so nothing follows afterwards: take `restore` back and load again before \
             the next switch"
                .to_owned(),
        );
    } else if let Some(channel) = replication::status(&mut *world.source.lock().await).await? {
        let at = replication::executed(&mut *world.target.lock().await).await?;
        preview.figure("the source is behind by", format!("{} transactions", channel.behind(&at)));
    }
    Ok(())
}

/// What it took last time, else what the way there took.
fn took(cx: &Reading) -> Option<f64> {
    let was = cx.state().step(cx.step_id());
    let (from, to) = match (was.back_started, was.back_ended) {
        (Some(from), Some(to)) => (from, to),
        _ => (was.started?, was.ended?),
    };
    Some(to.duration_since(from).as_secs_f64())
}
