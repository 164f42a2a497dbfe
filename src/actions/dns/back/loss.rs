//! What the way back would lose: writes that the target took and the source cannot be brought to have.
//!
//! Nothing, as long as the channel back runs. Once its applier has stopped at an error or its receiver has given
//! up, or where there is no channel, because the source is too old to follow, it is every transaction from there
//! on, counted exactly, and given up only by number. The platform's own transactions are among them: a GTID does
//! not say whose it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::actions::dns::freeze::history;
use crate::actions::dns::world::{World, step_of};
use crate::actions::{Reading, Result, Working};
use crate::domain::runbook::ActionSpec;
use crate::domain::{Event, Failure};
use crate::services::mysql::GtidSet;
use crate::services::mysql::replication;

/// The checkpoint at `restore`, whose copy it is.
const DIVERGED: &str = "diverged_at";

/// What a try gave up, noted at `dns` until there is only the way to the source.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct GivenUp {
    at: Timestamp,
    missing: GtidSet,
    accepted: u64,
    why: String,
}

/// The checkpoint of what a try of the way back gave up.
fn given_up_key(attempt: u32) -> String {
    format!("back-{attempt}-given-up")
}

/// Since when the target's copy holds what the source does not have, until `restore` is taken back.
pub(in crate::actions) fn diverged_at(cx: &Reading) -> Result<Option<Timestamp>> {
    let Ok(restore) = step_of(cx.plan(), |action| matches!(action, ActionSpec::Restore(_))) else { return Ok(None) };
    cx.as_step(restore).checkpointed(DIVERGED)
}

/// Why the source does not follow, and the transactions that it will not get by itself; nothing while the
/// channel works.
pub(super) async fn looming(cx: &Reading, world: &World) -> Result<Option<(String, GtidSet)>> {
    let why = match replication::status(&mut *world.source.lock().await).await? {
        Some(channel) if !channel.broken() => return Ok(None),
        Some(channel) => channel.to_string(),
        None => world.no_way_back.clone().unwrap_or_else(|| "the channel between them is gone".to_owned()),
    };
    let last = replication::executed(&mut *world.target.lock().await).await?;
    Ok(Some((why, missing(cx, world, &last).await?)))
}

/// What of `last` the source does not have, and had not been brought by the load.
async fn missing(cx: &Reading, world: &World, last: &GtidSet) -> Result<GtidSet> {
    let attempt = super::super::tries(cx)?;
    let at_the_switch: GtidSet = cx.checkpointed(&history(attempt))?.unwrap_or_default();
    let here = replication::executed(&mut *world.source.lock().await).await?;
    Ok(last.subtract(&here).subtract(&at_the_switch))
}

/// Gives up what was accepted, if the source does not follow: no more than that.
pub(super) async fn give_up(cx: &Working, world: &World, last: &GtidSet) -> Result<bool> {
    let Some((why, _)) = looming(cx, world).await? else {
        note_given_up(cx, None)?;
        return Ok(false);
    };
    let missing = missing(cx, world, last).await?;
    let accepted = cx.state().step(cx.step_id()).accepted_loss;
    if missing.count() > accepted {
        return Err(broken(cx, world, &why)
            .because(format!("it is {} transactions now, and {accepted} were accepted", missing.count())));
    }
    note_given_up(cx, Some(&GivenUp { at: Timestamp::now(), missing, accepted, why }))?;
    Ok(true)
}

/// Notes it with the try only: one that is put forward again has given nothing up. An engine that goes on with a
/// try may find the channel mended, and says so over the note of the one before it.
fn note_given_up(cx: &Working, given_up: Option<&GivenUp>) -> Result<()> {
    let key = given_up_key(super::tries(cx)?);
    if given_up.is_none() && cx.checkpointed::<Option<GivenUp>>(&key)?.is_none() {
        return Ok(());
    }
    cx.checkpoint(&key, &given_up)
}

/// Records what a try gave up, once there is only the way to the source: at `restore` that its copy holds it, and
/// among what the run leaves. Nothing where the try gave up nothing, or it is recorded.
pub(super) fn record_given_up(cx: &Working, attempt: u32) -> Result<()> {
    let Some(given_up) = cx.checkpointed::<Option<GivenUp>>(&given_up_key(attempt))?.flatten() else { return Ok(()) };
    let GivenUp { at, missing, accepted, why } = given_up;
    let what = format!("{} transactions on the target that the source does not have: {missing}", missing.count());
    if !cx.state().kept.iter().any(|kept| kept.what == what) {
        cx.keep(None, what, format!("given up by --accept-loss {accepted}: {why}"))?;
    }
    if diverged_at(cx)?.is_some() {
        return Ok(());
    }
    let restore = step_of(cx.plan(), |action| matches!(action, ActionSpec::Restore(_)))?;
    // A note of another step's attempt than its last one would not be taken.
    let attempt = cx.state().step(restore).attempt;
    cx.record(Event::Checkpoint { step: restore.clone(), attempt, key: DIVERGED.to_owned(), value: json!(at) })
}

/// The source does not follow: mended, or given up by number.
pub(super) fn broken(cx: &Reading, world: &World, why: &str) -> Failure {
    let mend = if world.no_way_back.is_some() {
        "stay on the new side; or bring its writes over by hand"
    } else {
        "mend what the channel names (on the source as an account that may write past the fence), and start the channel \
         there if it still stands"
    };
    Failure::permanent(format!(
        "the {} does not follow the {}: writes of the new side would be lost",
        world.source_at, world.target_at
    ))
    .because(why)
    .next(format!(
        "{mend}; or give the writes up by number: --accept-loss, as the way back from `{}` shows it, and more for what is \
         written until the fence",
        cx.step_id()
    ))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::actions::{CrashPoint, Progress, Recorder};
    use crate::domain::event::Recorded;
    use crate::domain::{Plan, RunId, RunState, StepId};

    #[derive(Default)]
    struct Memory(Mutex<(u64, RunState)>);

    impl Recorder for Memory {
        fn record(&self, event: Event) -> Result<()> {
            let mut inner = self.0.lock().unwrap();
            inner.0 += 1;
            let seq = inner.0;
            inner.1.fold(&Recorded { seq, at: Timestamp::now(), event });
            Ok(())
        }

        fn state(&self) -> RunState {
            self.0.lock().unwrap().1.clone()
        }

        fn progress(&self, _progress: Progress) {}

        fn pass(&self, _step: &StepId, _effect: &str, _point: CrashPoint) {}
    }

    /// The switch's step in a run of `restore` and `dns`.
    fn at_dns() -> Working {
        let text = r#"
            name = "test"
            environment = "test"
            [service]
            name = "shop"
            host = "app.lab.example"
            [[step]]
            id = "restore"
            action = "mysql.restore"
            owner = "database"
            day = 2
            with = {}
            [[step]]
            id = "dns"
            action = "dns.switch"
            owner = "network"
            day = 4
            with = { address = "127.0.0.1" }
        "#;
        let plan = Arc::new(Plan::new(toml::from_str(text).unwrap(), PathBuf::from("runbook.toml")));
        let (run, directory) = (RunId("test".to_owned()), PathBuf::new());
        let cancel = tokio_util::sync::CancellationToken::new();
        Reading::new((run, plan, directory), (StepId::from("dns"), 0), Arc::<Memory>::default(), cancel).working()
    }

    fn given_up(missing: &str) -> GivenUp {
        let (at, missing) = (Timestamp::now(), missing.parse().unwrap());
        GivenUp { at, missing, accepted: 50, why: "the channel between them is gone".to_owned() }
    }

    #[test]
    fn what_a_try_gave_up_counts_only_once_that_try_is_past_its_intent() {
        let cx = at_dns();
        cx.checkpoint(super::super::TRY, &1).unwrap();
        note_given_up(&cx, Some(&given_up("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-3"))).unwrap();
        assert_eq!(diverged_at(&cx).unwrap(), None, "it may be put forward again yet");

        // The next try found the channel mended.
        cx.checkpoint(super::super::TRY, &2).unwrap();
        note_given_up(&cx, None).unwrap();
        record_given_up(&cx, 2).unwrap();
        assert_eq!((diverged_at(&cx).unwrap(), cx.state().kept.len()), (None, 0));

        // And so did an engine that went on with the first one.
        cx.checkpoint(super::super::TRY, &1).unwrap();
        note_given_up(&cx, None).unwrap();
        record_given_up(&cx, 1).unwrap();
        assert_eq!((diverged_at(&cx).unwrap(), cx.state().kept.len()), (None, 0));
    }

    #[test]
    fn what_was_given_up_is_recorded_once_however_often_it_is_asked_for() {
        let cx = at_dns();
        cx.checkpoint(super::super::TRY, &1).unwrap();
        note_given_up(&cx, Some(&given_up("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-3"))).unwrap();
        record_given_up(&cx, 1).unwrap();
        let since = diverged_at(&cx).unwrap();
        assert!(since.is_some());
        record_given_up(&cx, 1).unwrap();
        assert_eq!(diverged_at(&cx).unwrap(), since);
        let kept = cx.state().kept;
        assert!(kept.len() == 1 && kept[0].what.starts_with("3 transactions on the target"), "{kept:?}");
    }
}
