//! `cutover check`: every fault of a runbook at once; with `--live`, the preflight.

use std::fmt::Write as _;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Stop, Which, present};
use crate::actions::{Reading, preflight};
use crate::domain::finding::{Finding, Standing, Tally};
use crate::domain::{Plan, RunId, RunState, StepId};
use crate::engine::forecast::Forecast;
use crate::loader;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    which: Which,
    /// Ask every service whether it is ready for its steps; changes nothing. Exits with 1 where it is not.
    #[arg(long)]
    live: bool,
}

/// Checks a runbook.
pub(super) async fn check(args: &CheckArgs) -> Result<(), Stop> {
    let plan = match loader::load_with(&args.which.runbook, &args.which.set) {
        Ok(plan) => plan,
        Err(faults) if args.which.json => {
            present::json(&json!({ "event": "summary", "outcome": "faults", "faults": faults }));
            return Err(faults.into());
        }
        Err(faults) => return Err(faults.into()),
    };
    if args.live {
        return live(&args.which, plan).await;
    }
    if args.which.json {
        present::json(&json!({ "event": "summary", "outcome": "succeeded", "faults": [] }));
    } else {
        present::line(&format!("{}: {} steps, no fault", plan.file.display(), plan.runbook.steps.len()));
    }
    Ok(())
}

/// What every step needs, asked now.
async fn live(which: &Which, plan: Plan) -> Result<(), Stop> {
    let directory = which.directory(&plan);
    let state = crate::engine::look(&directory).unwrap_or_else(|_| RunState::default());
    let run = state.run.clone().unwrap_or_else(|| RunId(plan.runbook.name.clone()));
    let place = (run, Arc::new(plan), directory);
    let step = (StepId::from("preflight"), 0);
    let cx = Reading::new(place, step, Arc::new(Forecast(state)), CancellationToken::new());
    let findings = Box::pin(preflight::ask(&cx)).await;
    let tally = Tally::of(&findings);
    if which.json {
        for finding in &findings {
            let mut line = json!({ "event": "finding" });
            if let (Value::Object(line), Ok(Value::Object(fields))) = (&mut line, serde_json::to_value(finding)) {
                line.extend(fields);
            }
            present::json(&line);
        }
        let outcome = if tally.red == 0 { "succeeded" } else { "failed" };
        present::json(&json!({ "event": "summary", "outcome": outcome, "findings": tally }));
    } else {
        present::line(page(&findings, tally).trim_end());
    }
    if tally.red == 0 { Ok(()) } else { Err(Stop::NotGood) }
}

/// The findings by service, as a person reads them.
fn page(findings: &[Finding], tally: Tally) -> String {
    let mut text = String::new();
    let mut service = "";
    for finding in findings {
        if finding.service != service {
            service = &finding.service;
            let _ = writeln!(text, "\n{service}");
        }
        let sign = match finding.standing {
            Standing::Green => "ok  ",
            Standing::Red => "RED ",
            Standing::NotYet => "wait",
            Standing::Noted => "note",
        };
        let topic = finding.topic.to_string();
        let _ = write!(text, "  {sign} {topic:<10} {}: {}", finding.fact, finding.value);
        match (&finding.standing, &finding.limit) {
            (Standing::Green, _) | (_, None) => text.push('\n'),
            (_, Some(limit)) => {
                let _ = writeln!(text, " (wanted: {limit})");
            }
        }
        if let Some(step) = &finding.step {
            let _ = writeln!(text, "       {:<10} not there yet: step `{step}` makes it", "");
        }
        if let Some(fix) = finding.fix.as_ref().filter(|_| finding.standing != Standing::Green) {
            let _ = writeln!(text, "       {:<10} fix: {fix}", "");
        }
    }
    let Tally { green, red, not_yet, noted } = tally;
    let _ = writeln!(text, "\n{red} red, {not_yet} not there yet, {noted} worth knowing, {green} green");
    text
}
