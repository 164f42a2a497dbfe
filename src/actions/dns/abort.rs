//! The abort, before the point of switching: the source open exactly as it was, the front direct, then the
//! reverse channel gone with its filter and the forward channel made and started again.
//!
//! It looks at the world and not only at the journal: a change that was in flight when the try was ended
//! may have happened or not. Opening comes first, by [`super::urgent`]: tenants are waiting.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::freeze::{FENCE, FORWARD, HOLD, REVERSE, SOURCE};
use super::urgent::until_done;
use super::world::{World, front};
use super::{before, events};
use crate::actions::servers::{alone, source};
use crate::actions::{Effect, Result, Working, again};
use crate::domain::resource::Side;
use crate::domain::state::Stage;
use crate::domain::{Failure, Resource};
use crate::services::mysql::fence;
use crate::services::mysql::fence::own::OpenState;
use crate::services::mysql::replication;
use crate::services::mysql::variable::Variable;

/// For writes that went to the new side, of which there are none before the point of switching.
const PATIENCE: Duration = Duration::from_secs(2);
const RUNS_AGAIN: Duration = Duration::from_secs(15);

/// Whether a try of this step was begun and not taken back.
pub(super) fn is_due(cx: &Working) -> bool {
    let state = cx.state();
    let effects = state.step(cx.step_id()).effects;
    let begun =
        |key: &str| effects.get(key).is_some_and(|effect| !matches!(effect.stage, Stage::Undone | Stage::NotDone));
    !state.switched
        && (state.fences.contains_key(SOURCE)
            || [events::AT_SOURCE, HOLD, FENCE, FORWARD, REVERSE].into_iter().any(begun))
}

/// Whether what is made before a freeze stands: it keeps nobody waiting, and is gone on with by the next try.
pub(super) fn is_staged(cx: &Working) -> bool {
    cx.standing().iter().any(|(key, _)| [before::SKIP_START, before::REVERSE_CHANNEL].contains(&key.as_str()))
}

/// Whether this try was being taken back when its engine went away: then that is gone on with.
pub(super) fn is_under_way(cx: &Working, attempt: u32) -> bool {
    let of_this_try = format!("abort-{attempt}-");
    cx.state().step(cx.step_id()).effects.keys().any(|key| key.starts_with(&of_this_try))
}

/// Opens the source and turns the front to it, whatever else is down. `cx` must be deaf to requests to stop.
pub(super) async fn open_source(cx: &Working, attempt: u32, why: &str) -> Result<()> {
    cx.log(format!("aborting: {why}"))?;
    until_done(cx, "opening the source", || source_as_it_was(cx, attempt)).await?;
    until_done(cx, "turning the front to the source", || front_direct(cx, attempt)).await?;
    undone(cx, HOLD)?;
    cx.fence(SOURCE, false)
}

async fn source_as_it_was(cx: &Working, attempt: u32) -> Result<()> {
    let Some(undo) = cx.undo_of(FENCE) else { return Ok(()) };
    let before: OpenState = recorded(&undo)?;
    let mut session = alone(cx, &source(cx).await?).await?;
    let effect = Effect::new(format!("abort-{attempt}-open-source"), "open the source exactly as it was")
        .touches(Side::Source.variable("super_read_only"))
        .touches(Side::Source.variable("read_only"));
    cx.effect(effect, again(), async { Ok(fence::own::open(&mut session, &before).await?) }).await?;
    // A goodbye that is lost costs nothing: the server notices the closed connection.
    let _ = session.close().await;
    cx.undone(FENCE)
}

async fn front_direct(cx: &Working, attempt: u32) -> Result<()> {
    let Some(front) = front(cx).await? else { return Ok(()) };
    let effect = Effect::new(format!("abort-{attempt}-front-direct"), "pass everything to the old side again")
        .touches(Resource::front());
    cx.effect(effect, again(), async { Ok(front.direct(PATIENCE).await?) }).await
}

/// Puts everything else back, once the source is open. `world` is freshly opened, so that nothing of the try is
/// still running on a server.
pub(super) async fn run(cx: &Working, world: &World, attempt: u32) -> Result<()> {
    events::back_to_source(cx, world, None).await?;

    let effect = Effect::new(
        format!("abort-{attempt}-reset-reverse"),
        "stop and reset the channel to the source, with its filter",
    )
    .touches(Side::Source.channel(""));
    let act = async {
        let mut source = world.source.lock().await;
        replication::reset(&mut source).await?;
        Ok(replication::set_filter(&mut source, &[]).await?)
    };
    cx.effect(effect, again(), act).await?;
    undone(cx, REVERSE)?;
    undone(cx, before::REVERSE_CHANNEL)?;
    if let Some(undo) = cx.undo_of(before::SKIP_START) {
        let found: Variable = recorded(&undo)?;
        let effect =
            Effect::new(format!("abort-{attempt}-skip-replica-start"), "put skip_replica_start back as it was")
                .touches(Side::Source.persisted("skip_replica_start"));
        let act = async { Ok(found.put_back_persisted(&mut *world.source.lock().await).await?) };
        cx.effect(effect, again(), act).await?;
        cx.undone(before::SKIP_START)?;
    }

    let effect =
        Effect::new(format!("abort-{attempt}-forward-again"), "make and start the channel from the source again")
            .touches(Side::Target.channel(""));
    let act = async {
        let mut target = world.target.lock().await;
        if replication::status(&mut target).await?.is_none() {
            replication::configure(&mut target, &world.forward).await?;
        }
        replication::start(&mut target).await?;
        replication::until_running(&mut target, Instant::now() + RUNS_AGAIN).await?;
        Ok(())
    };
    cx.effect(effect, again(), act).await?;
    undone(cx, FORWARD)?;
    cx.log("aborted: the source takes writes as before, the target follows it again")
}

fn undone(cx: &Working, key: &str) -> Result<()> {
    if cx.undo_of(key).is_some() { cx.undone(key) } else { Ok(()) }
}

fn recorded<T: serde::de::DeserializeOwned>(undo: &Value) -> Result<T> {
    serde_json::from_value(undo["before"].clone()).map_err(|why| {
        Failure::permanent("the journal's record of what was before is not readable").because(why.to_string())
    })
}
