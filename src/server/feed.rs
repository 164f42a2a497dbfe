//! The task that hears the engine: figures, log lines and telemetry from what it tells.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::MissedTickBehavior;

use super::shared::Shared;
use crate::domain::StepId;
use crate::engine::Notice;
use crate::protocol::live::Meter;
use crate::protocol::log::Level;
use crate::protocol::told::{self, Draft};

/// How often a sample is taken.
const SAMPLE: Duration = Duration::from_secs(1);

/// Every so many samples, what is counted makes a log line.
const LINE_EVERY: u32 = 10;

/// What was last said of each thing that is counted.
type Said = HashMap<(StepId, String), u64>;

/// Hears the engine until the server ends.
pub(super) async fn feed(shared: Arc<Shared>) {
    let mut notices = shared.handle.subscribe();
    let mut ticks = tokio::time::interval(SAMPLE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut said, mut samples) = (Said::new(), 0_u32);
    loop {
        tokio::select! {
            () = shared.over.cancelled() => break,
            notice = notices.recv() => match notice {
                Ok(notice) => hear(&shared, &notice),
                Err(RecvError::Lagged(count)) => passed_over(&shared, count),
                Err(RecvError::Closed) => break,
            },
            _ = ticks.tick() => {
                samples += 1;
                sample(&shared, &mut said, samples.is_multiple_of(LINE_EVERY));
            }
        }
    }
    shared.logs().telemetry().flush();
}

fn hear(shared: &Shared, notice: &Notice) {
    let now = Timestamp::now();
    shared.figures().hear(notice, now);
    match notice {
        Notice::Event(recorded) => {
            let mut logs = shared.logs();
            told::of_event(recorded, |line| logs.push(line));
        }
        Notice::Companion { companion, healthy, detail } => {
            let value = json!({ "at": now, "companion": companion, "healthy": healthy, "detail": detail });
            shared.logs().telemetry().write(&value);
        }
        Notice::Limits { limits } => {
            let value = json!({ "at": now, "limits": limits });
            shared.logs().telemetry().write(&value);
        }
        Notice::Progress(_) => {}
    }
}

/// Nothing is dropped without a mark; the journal has every event.
fn passed_over(shared: &Shared, count: u64) {
    let text = format!("({count} lines were passed over; what happened is in the journal)");
    shared.logs().push(Draft { at: Timestamp::now(), step: None, level: Level::Warn, text });
}

/// A sample of everything that is counted; with a line for what moved, where it is time for one or it is over.
fn sample(shared: &Shared, said: &mut Said, with_lines: bool) {
    let now = Timestamp::now();
    let mut figures = shared.figures();
    figures.tick(now);
    let mut logs = shared.logs();
    for (step, meter) in figures.meters() {
        let known = said.entry((step.clone(), meter.label.clone())).or_insert(u64::MAX);
        if *known == meter.done || !with_lines && meter.total != Some(meter.done) {
            continue;
        }
        *known = meter.done;
        logs.push(told::of_meter(step, meter, now));
        // Without its samples: they are in the lines before.
        let meter = Meter { samples: Vec::new(), ..meter.clone() };
        logs.telemetry().write(&json!({ "at": now, "step": step, "meter": meter }));
    }
    logs.telemetry().flush();
}
