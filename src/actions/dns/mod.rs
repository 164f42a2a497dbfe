//! `dns.switch`: tenants from the old stack to the new one, in a freeze of seconds.
//!
//! [`board`] shows whether everything is [`ready`], [`before`] insists on it and stages what can be; [`freeze`] stops
//! writes and turns replication round, and is taken back by [`abort`] when its budget runs out; [`open`] is from the
//! point of switching on, where there is only forward; [`events`] go along; [`prove`] looks at all of it from outside;
//! [`waiting`] counts who waits meanwhile, [`companion`] watches the way back, [`watched`] who still comes the old way,
//! and [`back`] is the way back.

mod abort;
mod back;
pub(super) mod before;
mod board;
pub(super) mod companion;
mod cost;
mod events;
mod freeze;
pub(super) mod open;
mod preview;
mod prove;
mod ready;
pub(super) mod relay;
pub(super) mod service;
mod urgent;
mod waiting;
mod watched;
pub(super) mod world;

pub(super) use back::diverged_at;

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::{Action, Checking, Health, Outputs, Reading, Result, Watched, Working};
use crate::domain::runbook::inputs::Switch;
use crate::domain::{Check, Failure, FailureKind, Preview};
use crate::services::mysql::fence::Held;
use crate::services::mysql::fence::own::OpenState;
use cost::Cost;
use world::World;

/// The checkpoint that counts tries: each freeze and its abort have effects of their own.
const TRY: &str = "try";

impl Action for Switch {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        Box::pin(preview::of(cx, self)).await
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        waiting::counted_beside(cx, Box::pin(self.there(cx))).await
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        Box::pin(prove::all(cx)).await
    }

    async fn way_back(&self, cx: &Reading) -> Result<Preview> {
        Box::pin(back::preview::of(cx, self)).await
    }

    async fn rollback(&self, cx: &Working) -> Result<Vec<Check>> {
        Box::pin(back::run(cx, self)).await
    }

    async fn companion(&self, cx: &Reading) -> Result<Option<Health>> {
        Box::pin(companion::look(cx)).await
    }

    async fn watched(&self, cx: &Reading) -> Watched {
        Box::pin(watched::look(cx)).await
    }
}

/// Both sides stand still, and the source follows the target.
struct Frozen {
    world: World,
    /// Of a freeze that this engine began.
    cost: Option<Cost>,
}

impl Switch {
    async fn there(&self, cx: &Working) -> Result<Outputs> {
        let frozen =
            if cx.state().switched { None } else { Some(Box::pin(self.up_to_the_point_of_switching(cx)).await?) };
        let cx = cx.unstoppable();
        let (world, cost) = match frozen {
            Some(Frozen { world, cost }) => (world, cost),
            None => (Box::pin(World::open(&cx)).await?, None),
        };
        Box::pin(open::run(&cx, &world, self, cost.as_ref())).await
    }

    async fn up_to_the_point_of_switching(&self, cx: &Working) -> Result<Frozen> {
        if abort::is_due(cx) {
            if let Some(deadline) = self.deadline_of_a_dead_engine(cx)? {
                return Box::pin(self.finish(cx, deadline)).await;
            }
            Box::pin(take_back(cx, "an engine went away in the middle of a try")).await?;
        }
        let world = Box::pin(World::open(cx)).await?;
        // Before anything is staged: what an abort undoes has keys of its try, and is not undone twice.
        let attempt = tries(cx)? + 1;
        cx.checkpoint(TRY, &attempt)?;
        let mut held = Box::pin(before::run(cx, &world, self)).await?;
        let cost = Cost::begin(&world, &mut held).await?;
        cx.checkpoint(freeze::FROZEN_AT, &Timestamp::now())?;
        let deadline = Instant::now() + self.budget.duration();
        Box::pin(self.freeze(cx, Frozen { world, cost: Some(cost) }, Some(held), attempt, deadline)).await
    }

    /// Until when a try that its engine left may go on: nothing where too little of the budget is left, or
    /// where it was being taken back.
    fn deadline_of_a_dead_engine(&self, cx: &Working) -> Result<Option<Instant>> {
        if abort::is_under_way(cx, tries(cx)?) {
            return Ok(None);
        }
        let Some(frozen_at) = cx.checkpointed::<Timestamp>(freeze::FROZEN_AT)? else { return Ok(None) };
        Ok(freeze::left(self.budget.duration(), frozen_at).map(|left| Instant::now() + left))
    }

    /// Goes on with a try that another engine began.
    async fn finish(&self, cx: &Working, deadline: Instant) -> Result<Frozen> {
        let left = deadline.saturating_duration_since(Instant::now());
        cx.log(format!(
            "an engine went away in the freeze: {:.1} s of its budget are left, it goes on",
            left.as_secs_f64()
        ))?;
        let reopened = async {
            let world = Box::pin(World::open(cx)).await?;
            // Nobody holds a connection from before a fence that is shut.
            let open = !OpenState::read(&mut *world.source.lock().await).await?.is_shut();
            let held = if open { Some(before::hold_a_connection(&world).await?) } else { None };
            Ok((world, held))
        };
        match timeout_at(deadline, reopened).await {
            Ok(Ok((world, held))) => self.freeze(cx, Frozen { world, cost: None }, held, tries(cx)?, deadline).await,
            Ok(Err(failure)) => Err(aborted(cx, failure).await?),
            Err(_) => Err(aborted(cx, freeze::over_budget("the servers did not answer in what was left")).await?),
        }
    }

    /// The freeze within its deadline, or its abort.
    async fn freeze(
        &self,
        cx: &Working,
        mut frozen: Frozen,
        mut held: Option<Held>,
        attempt: u32,
        deadline: Instant,
    ) -> Result<Frozen> {
        let run = async {
            freeze::run(cx, &frozen.world, self, held.as_mut(), attempt, deadline).await?;
            if let (Some(cost), Some(held)) = (&mut frozen.cost, &mut held) {
                cost.proved(held).await?;
            }
            Ok(())
        };
        let failure = match timeout_at(deadline, Box::pin(run)).await {
            Ok(Ok(())) if cx.cancel().is_cancelled() => Failure::interrupted(),
            Ok(Ok(())) if Instant::now() < deadline => {
                cx.point_of_switching()?;
                return Ok(frozen);
            }
            Ok(Ok(())) => freeze::over_budget("everything was ready, too late"),
            Ok(Err(failure)) if Instant::now() < deadline => failure,
            Ok(Err(failure)) => freeze::over_budget(&failure.in_full()),
            Err(_) => freeze::over_budget(&freeze::what_took_it(cx, &frozen.world, self.budget).await),
        };
        // A statement of the try may still be on its way to a server: its sessions are ended first.
        drop((held, frozen));
        Err(aborted(cx, failure).await?)
    }
}

/// Takes the try back, and says what the driver hears then.
async fn aborted(cx: &Working, failure: Failure) -> Result<Failure> {
    Box::pin(take_back(cx, &failure.what))
        .await
        .map_err(|abort| abort.while_doing("abort the switch").because(failure.what.clone()))?;
    // Whether to freeze again is the driver's to say.
    let kind = if failure.kind == FailureKind::Interrupted { failure.kind } else { FailureKind::Permanent };
    let next = failure.next.unwrap_or_else(|| "the source takes writes as before: run the step again".to_owned());
    Ok(Failure { kind, next: Some(next), ..failure })
}

/// The source first, by itself: the target and the zone may be what failed.
async fn take_back(cx: &Working, why: &str) -> Result<()> {
    let cx = cx.unstoppable();
    let attempt = tries(&cx)?;
    Box::pin(abort::open_source(&cx, attempt, why)).await?;
    let served = "the source takes writes as before";
    let world = urgent::the_rest(&cx, served).await?;
    Box::pin(abort::run(&cx, &world, attempt)).await.map_err(|failure| urgent::unfinished(failure, served))
}

fn tries(cx: &Reading) -> Result<u32> {
    Ok(cx.checkpointed(TRY)?.unwrap_or(0))
}
