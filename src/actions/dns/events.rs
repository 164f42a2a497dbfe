//! Scheduled events across the switch: they run on one side, the one that takes the writes.
//!
//! Those that run at the source are disabled there before the freeze, while tenants do not wait yet, and
//! enabled on the target after the point of switching; the way back is the mirror. What was enabled stands in
//! the effect's undo, each with its definer: whatever one side says of an event reaches the other through the
//! channel, as disabled, and with a definer of the other side. See [`crate::services::mysql::events`].

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::world::World;
use crate::actions::undo::recorded;
use crate::actions::{Effect, Reading, Result, Working, again};
use crate::domain::resource::Side;
use crate::domain::{Check, Failure};
use crate::services::mysql::events::{self, Scheduled};
use crate::services::mysql::{Session, code};

/// The effects that an abort and the way back take back: what ran at the source is disabled there, ...
pub(super) const AT_SOURCE: &str = "events-at-source";
/// ... and runs on the target.
pub(super) const AT_TARGET: &str = "events-on-target";

/// How long a body that runs may take to end by itself, before the fence refuses what it still writes.
const ENDS: Duration = Duration::from_secs(2);
/// `ER_SPECIFIC_ACCESS_DENIED_ERROR`: to name another definer is a privilege of its own.
const MAY_NOT: u16 = 1227;

/// What runs at the source: nothing where its scheduler is off.
pub(super) async fn at_source(world: &World) -> Result<Vec<Scheduled>> {
    let mut source = world.source.lock().await;
    if events::scheduler_is_on(&mut source).await? {
        enabled(&mut source, &world.schemas).await
    } else {
        Ok(Vec::new())
    }
}

async fn enabled(session: &mut Session, schemas: &[String]) -> Result<Vec<Scheduled>> {
    Ok(events::list(session, schemas).await?.into_iter().filter(Scheduled::enabled).collect())
}

/// Refuses where what runs at the source would not run on the target.
pub(super) async fn can_move(world: &World) -> Result<()> {
    let moving = at_source(world).await?;
    if moving.is_empty() || events::scheduler_is_on(&mut *world.target.lock().await).await? {
        return Ok(());
    }
    let endpoint = world.target.lock().await.endpoint().address();
    Err(Failure::refused(format!("the source's events would not run on the target MySQL at {endpoint}"))
        .because(format!("its event_scheduler is off; at the source these run: {}", names(&moving)))
        .next(
            "set event_scheduler to ON there (a managed server: in its parameter group), or disable them at the source",
        ))
}

/// Names, for a reader.
pub(super) fn names(listed: &[Scheduled]) -> String {
    listed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Before the freeze: what runs at the source is disabled, and what is running has a moment to end.
pub(super) async fn rest_at_source(cx: &Working, world: &World, deadline: Instant) -> Result<()> {
    let moving = at_source(world).await?;
    if moving.is_empty() && cx.undo_of(AT_SOURCE).is_none() {
        return Ok(());
    }
    let effect = Effect::new(AT_SOURCE, format!("disable the source's events: {}", names(&moving)));
    let act = async {
        let mut source = world.source.lock().await;
        for event in &moving {
            set_at_source(&mut source, event, false).await?;
        }
        Ok(())
    };
    let effect = touching(effect, Side::Source, &moving).undo(json!({ "events": moving }));
    cx.effect(effect, again(), act).await?;
    let left = events::until_idle(&mut *world.source.lock().await, &world.schemas, deadline.min(Instant::now() + ENDS))
        .await?;
    for body in left {
        let statement = body.statement.unwrap_or_default();
        cx.log(format!(
            "an event still runs at the source ({statement}): the fence refuses what it writes from now on"
        ))?;
    }
    Ok(())
}

/// After the point of switching: what ran at the source runs on the target.
pub(super) async fn to_target(cx: &Working, world: &World) -> Result<()> {
    let Some(undo) = cx.undo_of(AT_SOURCE) else { return Ok(()) };
    let moved: Vec<Scheduled> = recorded(&undo, "events")?;
    let there = events::list(&mut *world.target.lock().await, &world.schemas).await?;
    let to_start: Vec<Scheduled> =
        there.into_iter().filter(|event| !event.enabled() && moved.iter().any(|moved| moved.is(event))).collect();
    let effect = Effect::new(AT_TARGET, format!("enable on the target what ran at the source: {}", names(&moved)));
    let act = async {
        let mut target = world.target.lock().await;
        for event in &to_start {
            // As whom the load made it: who came with the source's statement may not exist here.
            events::set(&mut target, event, true, None).await?;
        }
        Ok(())
    };
    // The definers at the source are overwritten by what this says, and are put back there by name.
    let effect = touching(touching(effect, Side::Target, &moved), Side::Source, &moved);
    cx.effect(effect, again(), act).await
}

/// The way back, before its freeze: what runs on the target is disabled, and nothing is running any more.
pub(super) async fn rest_at_target(cx: &Working, world: &World, key: &str, deadline: Instant) -> Result<()> {
    let running = enabled(&mut *world.target.lock().await, &world.schemas).await?;
    if !running.is_empty() || cx.undo_of(key).is_some() {
        let effect = Effect::new(key, format!("disable the target's events: {}", names(&running)));
        let act = async {
            let mut target = world.target.lock().await;
            for event in &running {
                set_on_target(&mut target, event, false).await?;
            }
            Ok(())
        };
        let effect = touching(effect, Side::Target, &running).undo(json!({ "events": running }));
        cx.effect(effect, again(), act).await?;
    }
    let mut target = world.target.lock().await;
    events::until_idle(&mut target, &world.schemas, deadline.min(Instant::now() + ENDS)).await?;
    // The fence of a managed server stops accounts, not events.
    let ended = events::end_running(&mut target, &world.schemas, deadline).await?;
    if ended > 0 {
        cx.log(format!("ended {ended} events that were running on the target"))?;
    }
    Ok(())
}

/// The way back is given up before its intent: the target's events run again.
pub(super) async fn again_at_target(cx: &Working, world: &World, key: &str) -> Result<()> {
    cx.take_back(key, |undo| async move {
        let before: Vec<Scheduled> = recorded(&undo, "events")?;
        let mut target = world.target.lock().await;
        for event in &before {
            set_on_target(&mut target, event, true).await?;
        }
        Ok(())
    })
    .await?;
    Ok(())
}

/// The source's events as they were. On the way back `rested` is the effect that disabled the target's: an
/// event that somebody disabled there since the switch stays so.
pub(super) async fn back_to_source(cx: &Working, world: &World, rested: Option<&str>) -> Result<()> {
    // Where they were never enabled on the target, that none ran there says nothing.
    let ran_there = cx.standing().iter().any(|(key, effect)| key == AT_TARGET && effect.happened());
    let rested: Option<Vec<Scheduled>> = match rested.filter(|_| ran_there) {
        Some(key) => Some(cx.undo_of(key).map(|undo| recorded(&undo, "events")).transpose()?.unwrap_or_default()),
        None => None,
    };
    let before: Vec<Scheduled> =
        cx.undo_of(AT_SOURCE).map(|undo| recorded(&undo, "events")).transpose()?.unwrap_or_default();
    for event in rested.iter().flatten().filter(|event| !before.iter().any(|before| before.is(event))) {
        cx.keep(
            None,
            format!("event {event} at the source, disabled"),
            "it runs on the new side only since the switch, as an account of that side: enable it at the source with \
             ALTER DEFINER = ... EVENT, if it is to run there",
        )?;
    }
    cx.take_back(AT_SOURCE, |_| async {
        let mut source = world.source.lock().await;
        let runs = |event: &Scheduled| rested.as_ref().is_none_or(|rested| rested.iter().any(|it| it.is(event)));
        // One that ran its only time, or was dropped on the new side, is not made anew.
        let unlike = |found: &[Scheduled], event: &Scheduled| {
            found.iter().any(|it| it.is(event) && (it.enabled() != runs(event) || it.definer != event.definer))
        };
        let found = events::list(&mut source, &world.schemas).await?;
        for event in before.iter().filter(|event| unlike(&found, event)) {
            set_at_source(&mut source, event, runs(event)).await?;
        }
        let found = events::list(&mut source, &world.schemas).await?;
        let left: Vec<Scheduled> = before.iter().filter(|event| unlike(&found, event)).cloned().collect();
        if left.is_empty() {
            return Ok(());
        }
        Err(Failure::permanent(format!("events of the {} are not as they were: {}", world.source_at, names(&left)))
            .because("read back after ALTER EVENT, one is not enabled or disabled as before, or has another definer")
            .next("see who alters them meanwhile, then do the same again"))
    })
    .await?;
    // Last: whether it happened says which of them run at the source.
    cx.take_back(AT_TARGET, |_| async { Ok(()) }).await?;
    Ok(())
}

/// The switch's proof: nothing runs at the source, what ran there runs on the target.
pub(super) async fn proved(cx: &Reading, world: &World, checks: &mut Vec<Check>) -> Result<()> {
    let Some(undo) = cx.undo_of(AT_SOURCE) else { return Ok(()) };
    let moved: Vec<Scheduled> = recorded(&undo, "events")?;
    let left = enabled(&mut *world.source.lock().await, &world.schemas).await?;
    checks.push(Check::of(left.is_empty(), "no event runs at the source", format!("enabled: [{}]", names(&left))));
    let there = enabled(&mut *world.target.lock().await, &world.schemas).await?;
    let missing: Vec<Scheduled> =
        moved.into_iter().filter(|event| !event.once && !there.iter().any(|there| there.is(event))).collect();
    let evidence = format!("enabled: [{}], missing: [{}]", names(&there), names(&missing));
    checks.push(Check::of(missing.is_empty(), "the source's events run on the target", evidence));
    Ok(())
}

/// The way back's proof: nothing runs on the target.
pub(super) async fn proved_back(world: &World, checks: &mut Vec<Check>) -> Result<()> {
    let there = enabled(&mut *world.target.lock().await, &world.schemas).await?;
    let here = enabled(&mut *world.source.lock().await, &world.schemas).await?;
    if !(here.is_empty() && there.is_empty()) {
        let evidence = format!("at the source: [{}], on the target: [{}]", names(&here), names(&there));
        checks.push(Check::of(there.is_empty(), "events run at the source only", evidence));
    }
    Ok(())
}

fn touching(effect: Effect, side: Side, listed: &[Scheduled]) -> Effect {
    listed.iter().fold(effect, |effect, event| effect.touches(side.inside("event", &event.schema, &event.name)))
}

async fn set_at_source(source: &mut Session, event: &Scheduled, enabled: bool) -> Result<()> {
    match events::set(source, event, enabled, Some(&event.definer)).await {
        Err(error) if code(&error) == Some(MAY_NOT) => Err(Failure::from(error).next(format!(
            "GRANT SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER, SYSTEM_USER ON *.* to the migration's account (8.0: \
             SET_USER_ID): the event has to keep its definer, {}",
            event.definer
        ))),
        outcome => Ok(outcome.map(drop)?),
    }
}

/// A managed server's account may not be allowed to name another definer: then it becomes that itself.
async fn set_on_target(target: &mut Session, event: &Scheduled, enabled: bool) -> Result<()> {
    match events::set(target, event, enabled, Some(&event.definer)).await {
        Err(error) if code(&error) == Some(MAY_NOT) => Ok(events::set(target, event, enabled, None).await.map(drop)?),
        outcome => Ok(outcome.map(drop)?),
    }
}
