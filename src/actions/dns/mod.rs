//! `dns.switch`: tenants from the old stack to the new one, in a freeze of seconds.
//!
//! [`before`] looks at everything and stages it; [`freeze`] stops writes and turns replication round, and is
//! taken back by [`abort`] when its budget runs out; [`open`] is from the point of switching on, where there
//! is only forward; [`prove`] looks at all of it from outside; [`companion`] watches the way back, and [`back`] is it.

mod abort;
mod back;
mod before;
pub(super) mod companion;
mod freeze;
mod open;
mod preview;
mod prove;
pub(super) mod relay;
pub(super) mod service;
pub(super) mod world;

use tokio::time::{Instant, timeout_at};

use super::{Action, Checking, Health, Outputs, Reading, Result, Working};
use crate::domain::runbook::inputs::Switch;
use crate::domain::{Check, Failure, FailureKind, Preview};
use world::World;

/// The checkpoint that counts tries: each freeze and its abort have effects of their own.
const TRY: &str = "try";

impl Action for Switch {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        Box::pin(preview::of(cx, self)).await
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        if !cx.state().switched {
            Box::pin(self.up_to_the_point_of_switching(cx)).await?;
        }
        let cx = cx.unstoppable();
        let world = Box::pin(World::open(&cx)).await?;
        Box::pin(open::run(&cx, &world, self)).await
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
}

impl Switch {
    async fn up_to_the_point_of_switching(&self, cx: &Working) -> Result<()> {
        if abort::is_due(cx) {
            Box::pin(take_back(cx, "an engine went away in the middle of a try")).await?;
        }
        let world = Box::pin(World::open(cx)).await?;
        let mut held = Box::pin(before::run(cx, &world, self)).await?;
        let attempt = tries(cx)? + 1;
        cx.checkpoint(TRY, &attempt)?;
        let deadline = Instant::now() + self.budget.duration();
        let frozen = timeout_at(deadline, Box::pin(freeze::run(cx, &world, self, &mut held, attempt, deadline))).await;
        let failure = match frozen {
            Ok(Ok(())) if cx.cancel().is_cancelled() => Failure::interrupted(),
            Ok(Ok(())) if Instant::now() < deadline => return cx.point_of_switching(),
            Ok(Ok(())) => freeze::over_budget("everything was ready, too late"),
            Ok(Err(failure)) if Instant::now() < deadline => failure,
            Ok(Err(failure)) => freeze::over_budget(&failure.to_string()),
            Err(_) => freeze::over_budget(&format!("{} were over", self.budget)),
        };
        // A statement of the try may still be on its way to a server: its sessions are ended first.
        drop((held, world));
        Box::pin(take_back(cx, &failure.what))
            .await
            .map_err(|abort| abort.while_doing("abort the switch").because(failure.what.clone()))?;
        // Whether to freeze again is the driver's to say.
        let kind = if failure.kind == FailureKind::Interrupted { failure.kind } else { FailureKind::Permanent };
        Err(Failure { kind, ..failure })
    }
}

async fn take_back(cx: &Working, why: &str) -> Result<()> {
    let cx = cx.unstoppable();
    let world = Box::pin(World::open(&cx)).await?;
    abort::run(&cx, &world, tries(&cx)?, why).await
}

fn tries(cx: &Reading) -> Result<u32> {
    Ok(cx.checkpointed(TRY)?.unwrap_or(0))
}
