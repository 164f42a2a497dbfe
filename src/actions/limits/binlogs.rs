//! Binlogs: a channel that stood for longer than they are kept cannot go on, and the copy has to be made anew.

use jiff::{SignedDuration, Timestamp};

use crate::actions::servers::{source, target};
use crate::actions::{Reading, Result};
use crate::domain::figure;
use crate::domain::limit::Limit;
use crate::domain::runbook::ActionSpec;
use crate::domain::state::{Status, StepState};
use crate::services::mysql::Session;
use crate::services::mysql::replication::{self, read_retention};

/// Those of the side that serves: from the copy's beginning until the last step, the other side needs them.
pub(super) async fn look(cx: &Reading) -> Result<Option<Limit>> {
    let of = |is: fn(&ActionSpec) -> bool| {
        let step = cx.plan().runbook.steps.iter().find(|step| is(&step.action));
        step.map(|step| cx.state().step(&step.id))
    };
    let over = |step: &Option<StepState>| {
        step.as_ref().is_some_and(|step| matches!(step.status, Status::Done | Status::Adopted))
    };
    let restore = of(|action| matches!(action, ActionSpec::Restore(_)));
    let switch = of(|action| matches!(action, ActionSpec::Switch(_)));
    if over(&of(|action| matches!(action, ActionSpec::Settle(_)))) {
        return Ok(None);
    }
    let Some(copied) = restore.as_ref().filter(|step| step.status != Status::RolledBack) else { return Ok(None) };
    let Some(began) = copied.started else { return Ok(None) };
    let (serves, name, follows) = if over(&switch) {
        (target(cx).await?, "target", source(cx).await?)
    } else {
        (source(cx).await?, "source", target(cx).await?)
    };
    let kept = read_retention(&mut Session::open(&serves).await?).await?.hours();
    let behind = if over(&restore) {
        replication::status(&mut Session::open(&follows).await?).await?.and_then(|channel| channel.lag_seconds)
    } else {
        None
    };
    Ok(Some(limit(name, kept, began, behind, Timestamp::now())))
}

/// What a channel that is so far behind, or not there yet, still needs of what is kept.
fn limit(side: &str, kept_h: Option<u64>, began: Timestamp, behind_s: Option<u64>, now: Timestamp) -> Limit {
    let what = format!("binlogs of the {side} MySQL");
    let Some(hours) = kept_h else { return Limit::holds(what, "kept for ever") };
    let span = |hours: u64| SignedDuration::from_hours(i64::try_from(hours).unwrap_or(i64::MAX / 3600));
    let (needed_from, whom) = match behind_s {
        Some(seconds) => {
            let behind = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or_default());
            (now - behind, format!("needed for {}", figure::seconds(behind.as_secs_f64())))
        }
        None => (began, format!("needed since {}, when the copy began", began.strftime("%a %H:%MZ"))),
    };
    let ends = needed_from.checked_add(span(hours)).unwrap_or(Timestamp::MAX);
    Limit::holds(what, format!("kept for {hours} h"))
        .against(whom, now < ends)
        .until(Some(ends), 12 * 3600)
        .fix("keep them for longer, or let the channel run: beyond it the copy has to be made anew")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_takes_longer_than_binlogs_are_kept_is_seen_before_it_ends() {
        let began: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        let at = |hours| began + SignedDuration::from_hours(hours);
        let loading = limit("source", Some(24), began, None, at(20));
        assert_eq!((loading.held, loading.ends), (true, Some(at(24))));
        assert!(!limit("source", Some(24), began, None, at(25)).held);
        // Once a channel runs, it needs what it is behind.
        let follows = limit("source", Some(24), began, Some(7200), at(100));
        assert_eq!((follows.held, follows.ends), (true, Some(at(122))));
        // A managed server without a setting keeps nothing for anybody.
        assert!(!limit("target", Some(0), began, Some(0), at(100)).held);
        assert_eq!(limit("source", None, began, None, at(999)).ends, None);
    }
}
