//! What was only known live at an earlier moment, read back from the telemetry files.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;

use super::telemetry::{BEFORE, FILE};
use crate::domain::limit::Limit;
use crate::domain::{RunState, StepId};
use crate::protocol::live::{Companion, Live, Meter};

/// A line of figures; those of the log have another form.
#[derive(Deserialize)]
struct Told {
    at: Timestamp,
    step: Option<StepId>,
    meter: Option<Meter>,
    companion: Option<StepId>,
    #[serde(default)]
    healthy: bool,
    #[serde(default)]
    detail: String,
    limits: Option<Vec<Limit>>,
}

/// The figures as they were at that moment, of a run that stood so; none where they were let go.
pub(super) fn live(directory: &Path, state: &RunState, moment: Timestamp) -> Live {
    let mut live = Live::default();
    for name in [BEFORE, FILE] {
        let Ok(file) = File::open(directory.join(name)) else { continue };
        let lines = BufReader::new(file).lines().map_while(Result::ok).filter(|line| !line.starts_with("{\"line\""));
        // A line that was cut by a crash is none.
        let told = lines.filter_map(|line| serde_json::from_str::<Told>(&line).ok());
        told.take_while(|told| told.at <= moment).for_each(|told| take(&mut live, told, state));
    }
    live
}

fn take(live: &mut Live, told: Told, state: &RunState) {
    let Told { at, step, meter, companion, healthy, detail, limits } = told;
    if let (Some(step), Some(meter)) = (step, meter) {
        let was = state.step(&step);
        // What an earlier way counted is not this one's.
        if was.started.max(was.back_started).is_some_and(|began| at >= began) {
            let meters = live.meters.entry(step).or_default();
            meters.retain(|known| known.label != meter.label);
            meters.push(meter);
        }
    }
    if let Some(companion) = companion {
        live.companions.insert(companion, Companion { healthy, detail, at });
    }
    if let Some(limits) = limits {
        live.limits = limits;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::server::telemetry::Telemetry;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(seconds)
    }

    #[test]
    fn an_earlier_moment_has_its_figures_until_they_are_let_go_which_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let mut telemetry = Telemetry::bounded(directory.path(), 400);
        let mut tell = |seconds: i64| {
            let detail = format!("{seconds} s behind");
            let value = json!({ "at": at(seconds), "companion": "restore", "healthy": true, "detail": detail });
            telemetry.write(&value);
            telemetry.flush();
            telemetry.since()
        };
        let detail = |moment| {
            let live = live(directory.path(), &RunState::default(), at(moment));
            live.companions.get(&StepId::from("restore")).map(|companion| companion.detail.clone())
        };
        // One file, then two: all of it is there.
        let kept: Vec<_> = (0..8).map(&mut tell).collect();
        assert_eq!(kept, [None; 8]);
        assert_eq!(detail(3).as_deref(), Some("3 s behind"));
        assert_eq!(detail(-1), None);
        // The oldest are let go, and it is told from where on there are figures; to the next engine as well.
        let since = (8..40).map(&mut tell).last().unwrap();
        assert!(since.is_some());
        assert_eq!((detail(3), detail(39).as_deref()), (None, Some("39 s behind")));
        assert_eq!(Telemetry::bounded(directory.path(), 400).since(), since);
    }
}
