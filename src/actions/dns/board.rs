//! The switch's go/no-go board: every fact that [`super::before`] insists on, as it stands now.
//!
//! A line that waits is seen to by the step before it touches anything; one that fails would stop it there.

use jiff::Timestamp;

use super::ready;
use super::world::{World, step_of};
use crate::actions::{Reading, Result};
use crate::domain::runbook::ActionSpec;
use crate::domain::runbook::inputs::Switch;
use crate::domain::state::Status;
use crate::domain::{Condition, figure};
use crate::services::front::Mode;
use crate::services::mysql::fence::blockers;
use crate::services::mysql::fence::managed::OpenAccount;

/// A statement that is at it for so long may keep the fence waiting, in seconds.
const LONG_S: u64 = 1;

pub(super) async fn of(cx: &Reading, world: &World, inputs: &Switch, wanted: &OpenAccount) -> Vec<Condition> {
    let mut board = Vec::new();
    let now = Timestamp::now();
    let looked = |what, result: Result<String>| Condition::of(what, result, Timestamp::now());
    board.extend(verified(cx, now));
    board.extend(old_ttl(cx, now));
    board.push(lag(world, inputs).await);
    board.push(looked("the copy has nothing of its own", ready::not_diverged(cx, world).map(|()| "it has not".into())));
    let schema = ready::schema_unchanged(cx, world).await;
    let said = |compared| if compared { "unchanged" } else { "not compared: `prepare` was adopted" }.to_owned();
    board.push(looked("the schema is the one that was imaged", schema.map(said)));
    match ready::build_unchanged(cx).await {
        Ok(None) => {}
        Ok(Some(answer)) => board.push(looked("the build is the one that was imaged", Ok(answer.to_string()))),
        Err(failure) => board.push(looked("the build is the one that was imaged", Err(failure))),
    }
    let served = ready::served(cx, inputs).await.map(|answer| answer.to_string());
    board.push(looked("the ingress serves the deployed build", served));
    board.extend(front(world).await);
    let foreign = ready::no_foreign_channels(world).await;
    board.push(looked("the source follows nobody else", foreign.map(|()| "no channel of others'".to_owned())));
    let writes = ready::can_write(world, wanted).map(|()| wanted.to_string());
    board.push(looked("the application will be able to write on the target", writes));
    let prepared = ready::nothing_prepared(world).await;
    board.push(looked("no transaction is prepared and left", prepared.map(|()| "none".to_owned())));
    board.push(in_the_way(world, inputs).await);
    board
}

fn verified(cx: &Reading, now: Timestamp) -> Option<Condition> {
    const WHAT: &str = "the copy was verified in full";
    ready::restore(cx)?;
    let again = "the switch verifies again before its freeze";
    let Some(verified) = ready::verified(cx) else { return Some(Condition::holds(WHAT, "never", now).waits(again)) };
    let age = now.duration_since(verified.at).as_secs_f64();
    let line = Condition::holds(WHAT, format!("{} ago", figure::seconds(age)), now)
        .within(figure::seconds(verified.good_for.as_secs_f64()));
    Some(if verified.left().is_positive() { line } else { line.waits(again) })
}

fn old_ttl(cx: &Reading, now: Timestamp) -> Option<Condition> {
    const WHAT: &str = "the old TTL has run out";
    let Some(over_at) = ready::old_ttl_over_at(cx) else {
        let step = step_of(cx.plan(), |action| matches!(action, ActionSpec::LowerTtl(_))).ok()?;
        // Nobody here knows which TTL it had, nor when others lowered it: clients may keep the old answer for longer.
        let adopted = cx.state().step(step).status == Status::Adopted;
        return adopted
            .then(|| Condition::holds(WHAT, format!("not known: others lowered it, `{step}` was adopted"), now));
    };
    let left = over_at.duration_since(now).as_secs_f64();
    if left <= 0.0 {
        return Some(Condition::holds(WHAT, format!("{} ago", figure::seconds(-left)), now));
    }
    let line = Condition::holds(WHAT, format!("in {}", figure::seconds(left)), now);
    Some(line.waits("the switch waits for it"))
}

async fn lag(world: &World, inputs: &Switch) -> Condition {
    const WHAT: &str = "the copy follows the source";
    let (looked, now) = (ready::lag(world).await, Timestamp::now());
    let lag = match looked {
        Ok(lag) => lag,
        Err(failure) => return Condition::of(WHAT, Err(failure), now),
    };
    let seconds = lag.seconds.map_or_else(|| "unknown".to_owned(), |seconds| format!("{seconds} s"));
    let line = Condition::holds(WHAT, format!("{seconds} behind, {} transactions to apply", lag.transactions), now)
        .within(inputs.max_lag.to_string());
    let small = lag.seconds.is_some_and(|seconds| seconds <= inputs.max_lag.duration().as_secs());
    match (lag.running, small) {
        (true, true) => line,
        (true, false) => line.fails("let it catch up; what writes so much on the source?"),
        (false, _) => line.fails("the channel does not run: look at the companion of `restore`"),
    }
}

async fn front(world: &World) -> Option<Condition> {
    const WHAT: &str = "the front passes tenants straight on";
    let (looked, now) = (world.front.as_ref()?.status().await, Timestamp::now());
    Some(match looked {
        Ok(status) if status.mode == Mode::Direct => Condition::holds(WHAT, status.mode.word(), now),
        Ok(status) => Condition::holds(WHAT, status.mode.word(), now).waits("the switch sets it direct first"),
        Err(failure) => Condition::of(WHAT, Err(failure.into()), now),
    })
}

/// What the fence would have to wait for, or end.
async fn in_the_way(world: &World, inputs: &Switch) -> Condition {
    const WHAT: &str = "nothing is in the fence's way";
    let (looked, now) = (blockers::find(&mut *world.source.lock().await).await, Timestamp::now());
    let found = match looked {
        Ok(found) => found,
        Err(failure) => return Condition::of(WHAT, Err(failure.into()), now),
    };
    let longest = found.iter().map(|listed| listed.seconds).max().unwrap_or(0);
    let long = found.iter().filter(|listed| listed.seconds >= LONG_S).count();
    if long == 0 {
        return Condition::holds(WHAT, "no long statement or lock", now);
    }
    let what = if inputs.end_blockers { "the fence ends it" } else { "the fence waits for it within its budget" };
    let value = format!("{long} session(s), the longest at it for {longest} s");
    Condition::holds(WHAT, value, now).within(inputs.budget.to_string()).waits(format!("{what}: SHOW PROCESSLIST"))
}
