//! Shows a run as it goes: plain lines for people, JSON lines for programs.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use super::output;
use crate::actions::Progress;
use crate::domain::limit::Limit;
use crate::domain::{Check, Event, Recorded, StepId, figure, plain};
use crate::engine::Notice;

/// How often the progress of one thing is shown.
const EVERY: Duration = Duration::from_secs(1);

/// Shows notices until the engine stops.
pub fn start(notices: broadcast::Receiver<Notice>, json: bool) -> JoinHandle<()> {
    tokio::spawn(Presenter { json, ..Presenter::default() }.listen(notices))
}

#[derive(Default)]
struct Presenter {
    json: bool,
    began: HashMap<StepId, Instant>,
    progress: HashMap<(StepId, String), Shown>,
    /// Limits that did not hold when they were last told.
    gone: HashSet<String>,
}

/// The progress of one thing, as last shown.
struct Shown {
    since: Instant,
    from: u64,
    last: Option<Instant>,
}

impl Presenter {
    async fn listen(mut self, mut notices: broadcast::Receiver<Notice>) {
        loop {
            match notices.recv().await {
                Ok(notice) => {
                    let over =
                        matches!(&notice, Notice::Event(recorded) if matches!(recorded.event, Event::EngineStopped {}));
                    self.show(&notice);
                    if over {
                        return;
                    }
                }
                Err(broadcast::error::RecvError::Lagged(count)) => self.passed_over(count),
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    /// A terminal, or a pipe, that does not keep up misses lines; it never holds up the engine.
    fn passed_over(&self, count: u64) {
        if self.json {
            json(&json!({"event": "passed_over", "lines": count}));
        } else {
            line(&format!("  ({count} lines passed over; the journal has them)"));
        }
    }

    fn show(&mut self, notice: &Notice) {
        match notice {
            Notice::Progress(progress) => self.progress(progress),
            Notice::Event(recorded) if self.json => json(&json!(recorded)),
            Notice::Event(recorded) => self.event(recorded),
            Notice::Companion { companion, healthy, detail } if self.json => {
                json(&json!({"event": "companion_figures", "step": companion, "healthy": healthy, "detail": detail}));
            }
            Notice::Limits { limits } if self.json => json(&json!({"event": "limits", "limits": limits})),
            Notice::Limits { limits } => self.limits(limits),
            // For people, a companion is shown when its health changes; `status` has its figures.
            Notice::Companion { .. } => {}
        }
    }

    /// For people, a limit is shown when it holds no longer.
    fn limits(&mut self, limits: &[Limit]) {
        let gone = |limit: &&Limit| !limit.held;
        for limit in limits.iter().filter(gone).filter(|limit| !self.gone.contains(&limit.what)) {
            line(&format!("  RISK     {}: {}; {}", limit.what, limit.value, limit.fix));
        }
        self.gone = limits.iter().filter(gone).map(|limit| limit.what.clone()).collect();
    }

    fn progress(&mut self, progress: &Progress) {
        let now = Instant::now();
        let key = (progress.step.clone(), progress.label.clone());
        let over = progress.total == Some(progress.done);
        let shown = self.progress.entry(key.clone()).or_insert(Shown { since: now, from: progress.done, last: None });
        if shown.last.is_some_and(|last| now.duration_since(last) < EVERY) && !over {
            return;
        }
        shown.last = Some(now);
        let eta = eta(shown, progress, now);
        if over {
            self.progress.remove(&key);
        }
        if self.json {
            let Progress { step, label, done, total, unit } = progress;
            json(
                &json!({"event": "progress", "step": step, "label": label, "done": done, "total": total, "unit": unit, "eta_seconds": eta}),
            );
            return;
        }
        let unit = progress.unit;
        let amount = match progress.total {
            Some(total) if total > 0 => {
                format!(
                    "{} of {} ({} %)",
                    figure::amount(progress.done, unit),
                    figure::amount(total, unit),
                    progress.done * 100 / total
                )
            }
            _ => figure::amount(progress.done, unit),
        };
        let left = eta.map_or_else(String::new, |left| format!(", {} left", figure::seconds(left)));
        line(&format!("    ...    {}: {amount}{left}", progress.label));
    }

    fn event(&mut self, recorded: &Recorded) {
        let at = recorded.at.strftime("%H:%M:%S");
        match &recorded.event {
            Event::RunCreated { run, runbook, .. } => line(&format!("{at} run {run} begins: {runbook}")),
            Event::RunbookChanged { .. } => line(&format!("{at} the runbook changed; what is over stays over")),
            Event::LockTakenOver { from, .. } => {
                line(&format!(
                    "{at} taken over from {} on {} (process {}), which is gone",
                    from.who, from.host, from.pid
                ));
            }
            Event::StepStarted { step, attempt, .. } => {
                self.began.insert(step.clone(), Instant::now());
                let again =
                    if *attempt > 1 { format!(", attempt {attempt}: it goes on where it was") } else { String::new() };
                line(&format!("{at} {step} starts{again}"));
            }
            Event::Happened { step, effect, .. } => line(&format!("    did    {step}: {effect}")),
            Event::Looked { effect, found, .. } => line(&format!("    look   {effect} was in doubt: {found}")),
            Event::Undone { effect, .. } => line(&format!("    undid  {effect}")),
            Event::Log { line: text, .. } => line(&format!("    -      {text}")),
            Event::Checked { checks, .. } => show(checks),
            Event::Retrying { failure, wait_ms, .. } => {
                #[expect(clippy::cast_precision_loss, reason = "shown only")]
                let wait = figure::seconds(*wait_ms as f64 / 1000.0);
                line(&format!("    again  in {wait}: {}", failure.what));
            }
            Event::Fence { service, shut: true, .. } => line(&format!("{at} FENCE SHUT: {service}")),
            Event::Fence { service, shut: false, .. } => line(&format!("{at} fence open: {service}")),
            Event::RollbackStarted { step, .. } => {
                self.began.insert(step.clone(), Instant::now());
                line(&format!("{at} {step} is taken back"));
            }
            Event::RolledBack { step, checks, .. } => {
                show(checks);
                line(&format!("{at} {step} taken back{}", self.took(step)));
            }
            Event::Kept { what, why, .. } => line(&format!("    kept   {what}: {why}")),
            Event::SwitchedBack { .. } => {
                line(&format!("{at} switched back: the source is opened again from here on"));
            }
            Event::PointOfSwitching { .. } => {
                line(&format!("{at} point of switching: the source stays fenced from here on"));
            }
            Event::Companion { step, healthy, detail } => {
                line(&format!(
                    "{at} {step} left running: {}, {detail}",
                    if *healthy { "healthy" } else { "NOT HEALTHY" }
                ));
            }
            Event::LimitCrossed { what, value } => line(&format!("{at} LIMIT CROSSED: {what}: {value}")),
            Event::LimitBack { what, value } => line(&format!("{at} back from its limit: {what}: {value}")),
            Event::StepDone { step, .. } => line(&format!("{at} {step} done{}", self.took(step))),
            Event::StepFailed { step, .. } => line(&format!("{at} {step} did not go on{}", self.took(step))),
            Event::StepAdopted { step, by, checks } => {
                show(checks);
                line(&format!("{at} {step} adopted by {by}"));
            }
            _ => {}
        }
    }

    fn took(&mut self, step: &StepId) -> String {
        self.began
            .remove(step)
            .map_or_else(String::new, |began| format!(" after {}", figure::seconds(began.elapsed().as_secs_f64())))
    }
}

/// Seconds left at the rate so far; nothing before there is a rate.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn eta(shown: &Shown, progress: &Progress, now: Instant) -> Option<f64> {
    let total = progress.total?;
    let done = progress.done.checked_sub(shown.from).filter(|done| *done > 0)?;
    let rate = done as f64 / now.duration_since(shown.since).as_secs_f64().max(0.001);
    Some(total.saturating_sub(progress.done) as f64 / rate)
}

fn show(checks: &[Check]) {
    for check in checks {
        line(&output::check(check));
    }
}

/// Writes a text for people, line by line, whatever services and people put into it: nothing in it draws on their
/// terminal. A reader who went away (a closed pipe, a dropped terminal) does not stop a migration.
pub fn line(text: &str) {
    write(&plain::lines(text));
}

/// Writes a line for programs. What could draw on a terminal that it ends up on is escaped: it means the same.
pub fn json(value: &impl serde::Serialize) {
    // Of the program's own types none fails to be written.
    write(&plain::json(&serde_json::to_string(value).unwrap_or_default()));
}

fn write(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}
