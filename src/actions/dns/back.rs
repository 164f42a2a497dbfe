//! The switch, mirrored: tenants from the new stack back to the old one, with every write of the new side.
//!
//! [`freeze`] fences the target and lets the source apply its last write; until then everything is put back
//! as it was, the target open again, when the budget runs out or anything fails. [`open`] is from the intent
//! to open the source on, where there is only the way to the source. [`preview`] says beforehand what it
//! changes, takes and loses; [`prove`] looks at all of it from outside.

mod freeze;
mod loss;
mod open;
pub(super) mod preview;
mod prove;

pub(in crate::actions) use loss::diverged_at;

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::open::OPEN_TARGET;
use super::world::World;
use super::{abort, take_back, urgent};
use crate::actions::servers::{logged_in_as, target};
use crate::actions::{Reading, Result, Working};
use crate::domain::resource::TARGET;
use crate::domain::runbook::inputs::Switch;
use crate::domain::state::BACK_GIVEN_UP;
use crate::domain::{Check, Failure, FailureKind};
use crate::services::mysql::Endpoint;
use crate::services::mysql::fence::Held;

/// The checkpoint of the intent to open the source.
const INTENDED: &str = "back_intended";
/// The checkpoint that counts tries.
const TRY: &str = "back_try";

/// Takes the switch back from wherever it stands.
pub(super) async fn run(cx: &Working, inputs: &Switch) -> Result<Vec<Check>> {
    if cx.checkpointed::<bool>(INTENDED)?.is_none() {
        if !cx.state().switched {
            if abort::is_due(cx) || abort::is_staged(cx) {
                Box::pin(take_back(cx, "it is rolled back before the target was opened")).await?;
            }
            return Box::pin(prove::never_left(cx)).await;
        }
        Box::pin(up_to_the_intent(cx, inputs)).await?;
    }
    loss::record_given_up(cx, tries(cx)?)?;
    let cx = cx.unstoppable();
    if cx.state().switched {
        cx.switched_back()?;
    }
    Box::pin(open::source_first(&cx)).await?;
    let served = "the source takes the tenants' writes";
    let world = urgent::the_rest(&cx, served).await?;
    Box::pin(open::run(&cx, &world, inputs)).await.map_err(|failure| urgent::unfinished(failure, served))?;
    Box::pin(prove::all(&cx, &world, inputs)).await
}

async fn up_to_the_intent(cx: &Working, inputs: &Switch) -> Result<()> {
    let attempt = tries(cx)?;
    if let Some(at) = freeze::frozen_at(cx, attempt)? {
        if let Some(left) = freeze::left(inputs, at) {
            return finish(cx, inputs, attempt, Instant::now() + left).await;
        }
        let since = Timestamp::now().duration_since(at).as_secs();
        put_forward(cx, attempt, &format!("an engine went away, and writes have waited for {since} s")).await?;
    }
    let world = Box::pin(World::open(cx)).await?;
    let attempt = attempt + 1;
    cx.checkpoint(TRY, &attempt)?;
    let held = match Box::pin(freeze::before(cx, &world, inputs, attempt)).await {
        Ok(held) => held,
        Err(failure) => return Err(given_up(cx, attempt, failure).await),
    };
    cx.checkpoint(&freeze::frozen_key(attempt), &Timestamp::now())?;
    frozen(cx, inputs, (world, held), attempt, Instant::now() + inputs.budget.duration()).await
}

/// Goes on with a try that another engine began, within what is left of its budget: tenants wait meanwhile.
async fn finish(cx: &Working, inputs: &Switch, attempt: u32, deadline: Instant) -> Result<()> {
    let failure = match timeout_at(deadline, Box::pin(World::open(cx))).await {
        // Nobody holds a connection from before the fence any more.
        Ok(Ok(world)) => return frozen(cx, inputs, (world, None), attempt, deadline).await,
        Ok(Err(failure)) => failure,
        Err(_) => over_budget("the servers did not answer in what was left"),
    };
    Err(given_up(cx, attempt, failure).await)
}

/// The freeze within its deadline and the intent to open the source, or everything as it was.
async fn frozen(
    cx: &Working,
    inputs: &Switch,
    (world, mut held): (World, Option<Held>),
    attempt: u32,
    deadline: Instant,
) -> Result<()> {
    let frozen = Box::pin(freeze::run(cx, &world, held.as_mut(), attempt, deadline));
    let failure = match timeout_at(deadline, frozen).await {
        Ok(Ok(())) if cx.cancel().is_cancelled() => Failure::interrupted(),
        Ok(Ok(())) if Instant::now() < deadline => {
            return cx.checkpoint(INTENDED, &true);
        }
        Ok(Ok(())) => over_budget("everything was ready, too late"),
        Ok(Err(failure)) if Instant::now() < deadline => failure,
        Ok(Err(failure)) => over_budget(&failure.in_full()),
        Err(_) => over_budget(&format!("{} were over, and it was to {}", inputs.budget, world.was_doing())),
    };
    drop((held, world));
    Err(given_up(cx, attempt, failure).await)
}

/// Nothing was taken back: everything is as it was before, and the failure says so.
async fn given_up(cx: &Working, attempt: u32, failure: Failure) -> Failure {
    if let Err(abort) = put_forward(cx, attempt, &failure.what).await {
        return abort.while_doing("open the target again").because(failure.what);
    }
    if let Err(unwritten) = cx.checkpoint(BACK_GIVEN_UP, &cx.attempt()) {
        return unwritten;
    }
    let kind = if failure.kind == FailureKind::Interrupted { failure.kind } else { FailureKind::Permanent };
    Failure { kind, ..failure }
}

/// Before the intent: the target takes writes again, as before the try.
async fn put_forward(cx: &Working, attempt: u32, why: &str) -> Result<()> {
    let cx = cx.unstoppable();
    Box::pin(freeze::open_target(&cx, attempt, why)).await?;
    let served = "the target takes writes as before";
    let world = urgent::the_rest(&cx, served).await?;
    freeze::take_back(&cx, &world, attempt).await.map_err(|failure| urgent::unfinished(failure, served))
}

/// A connection of the application's account at the target, made while it may write; nothing where a switch
/// went no further than the point of switching, and it never could.
async fn held(cx: &Reading, world: &World) -> Result<Option<Held>> {
    let opened = cx.standing().iter().any(|(key, effect)| key == OPEN_TARGET && effect.happened());
    if !opened {
        return Ok(None);
    }
    let endpoint = application(cx).await?;
    let (schema, table) = world.a_table().await?;
    Ok(Some(Held::open(&endpoint, &schema, &table).await?))
}

/// The target, as the application logs in.
async fn application(cx: &Reading) -> Result<Endpoint> {
    logged_in_as(cx, &target(cx).await?, &cx.target()?.application).await
}

fn tries(cx: &Reading) -> Result<u32> {
    Ok(cx.checkpointed(TRY)?.unwrap_or(0))
}

fn over_budget(why: &str) -> Failure {
    Failure::permanent("the freeze of the way back took longer than its budget")
        .because(why)
        .next("see what took the time, then take the step back again: the target is open meanwhile")
}
