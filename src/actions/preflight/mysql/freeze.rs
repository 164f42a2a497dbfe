//! How long writes would wait if the switch came now: what can be measured today, added up.

use std::time::{Duration, Instant};

use super::super::book::{Book, ahead, milliseconds};
use super::Side;
use crate::actions::Reading;
use crate::actions::dns::world::front;
use crate::domain::finding::Topic;
use crate::domain::runbook::ActionSpec;
use crate::services::mysql::{replication, sessions};

/// Statements of the freeze, counted in [`crate::actions::dns`]: fence and proof, the last position, the
/// channels turned round; then the rights on the target and the end of its sessions.
const AT_SOURCE: u32 = 45;
/// See [`AT_SOURCE`].
const AT_TARGET: u32 = 50;
/// Hold, drained, relay: each a run of the front's program.
const AT_FRONT: u32 = 4;
/// A statement that runs for longer than this now is named: it would keep the fence open.
const LONG: u64 = 1;

pub(super) async fn estimate(cx: &Reading, source: &mut Side, target: &mut Side, book: &mut Book) {
    if ahead(cx, |action| matches!(action, ActionSpec::Switch(_))).is_none() || cx.state().switched {
        return;
    }
    let switch = cx.plan().runbook.steps.iter().find_map(|step| match &step.action {
        ActionSpec::Switch(switch) => Some(switch.clone()),
        _ => None,
    });
    let Some(switch) = switch else { return };
    let mut parts = Vec::new();
    let mut total = Duration::ZERO;
    let mut add = |what: String, took: Duration| {
        parts.push(format!("{what} {}", milliseconds(took)));
        total += took;
    };
    add(format!("{AT_SOURCE} statements at the source"), source.round_trip * AT_SOURCE);
    add(format!("{AT_TARGET} at the target"), target.round_trip * AT_TARGET);
    if let Ok(Some(front)) = front(cx).await {
        let began = Instant::now();
        if front.status().await.is_ok() {
            add(format!("{AT_FRONT} calls of the front"), began.elapsed() * AT_FRONT);
        }
    }
    let step = ahead(cx, |action| matches!(action, ActionSpec::Restore(_)));
    match replication::status(&mut target.session).await {
        Ok(Some(channel)) => {
            let lag = channel.lag_seconds;
            let seen = lag.map_or_else(|| channel.to_string(), |lag| format!("{lag} s behind"));
            let limit = switch.max_lag.duration().as_secs();
            book.fact(Topic::Freeze, "the target is close behind the source")
                .seen(seen)
                .limit(switch.max_lag.to_string())
                .fix("see what holds the applier up: SHOW REPLICA STATUS on the target; the switch waits until it has caught up")
                .made_by(lag.is_some_and(|lag| lag <= limit), step);
            add("to catch up".to_owned(), Duration::from_secs(lag.unwrap_or_default()));
        }
        Ok(None) => book
            .fact(Topic::Freeze, "the target is close behind the source")
            .seen("it does not follow it yet")
            .limit(switch.max_lag.to_string())
            .fix("`mysql.restore` makes it follow")
            .made_by(false, step),
        Err(error) => book.fault(Topic::Freeze, "the target's lag can be read", error),
    }
    let running = match sessions::list(&mut source.session).await {
        Ok(listed) => listed,
        Err(error) => return book.fault(Topic::Freeze, "the source's sessions can be seen", error),
    };
    // Replication's own threads end by themselves; a statement in the application's way does not.
    let longest = running
        .iter()
        .filter(|listed| listed.busy() && !matches!(listed.user.as_str(), "system user" | "event_scheduler"))
        .max_by_key(|listed| listed.seconds);
    if let Some(longest) = longest.filter(|longest| longest.seconds > LONG) {
        add("the longest statement so far".to_owned(), Duration::from_secs(longest.seconds));
        let statement: String = longest.statement.as_deref().unwrap_or_default().chars().take(80).collect();
        book.fact(Topic::Freeze, "no statement would keep the fence open")
            .seen(format!(
                "session {} of `{}` has run for {} s: {statement}",
                longest.id, longest.user, longest.seconds
            ))
            .limit(format!("{LONG} s"))
            .fix(format!(
                "KILL {}; or `end_blockers = true` at the switch; or switch when no such statement runs",
                longest.id
            ))
            .noted();
    }
    let budget = switch.budget.duration();
    book.fact(Topic::Freeze, "writes would wait, by what can be measured today")
        .seen(format!("about {:.1} s: {}", total.as_secs_f64(), parts.join(", ")))
        .limit(format!("the budget of {}", switch.budget))
        .fix("drive the switch from a machine near the servers, at a quiet hour; or a longer `budget`")
        .holds(total < budget);
}
