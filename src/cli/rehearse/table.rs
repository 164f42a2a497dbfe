//! The end of a rehearsal as a person reads it: steps, time, evidence; then what the tenants saw.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::domain::{RunState, StepId, figure};

/// The table.
pub(super) fn of(summary: &Value, state: &RunState, directory: &Path) -> String {
    let mut text = String::from("\nstep          state        time          evidence\n");
    text.push_str("------------  -----------  ------------  ------------------------------------------------------\n");
    for step in summary["steps"].as_array().into_iter().flatten() {
        let id = step["id"].as_str().unwrap_or_default();
        let took = step["seconds"].as_f64().map(figure::seconds).unwrap_or_default();
        let checks = state.step(&StepId::from(id)).checks;
        let mut evidence = checks.iter().map(|check| {
            if check.evidence.is_empty() { check.fact.clone() } else { format!("{}: {}", check.fact, check.evidence) }
        });
        let status = step["state"].as_str().unwrap_or_default();
        let _ = writeln!(text, "{id:<12}  {status:<11}  {took:>12}  {}", evidence.next().unwrap_or_default());
        for more in evidence {
            let _ = writeln!(text, "{:<41}  {more}", "");
        }
    }
    let traffic = &summary["traffic"];
    text.push('\n');
    for (words, value) in [
        ("requests", count(traffic, "requests")),
        ("  not served at once", count(traffic, "failed")),
        ("    of clients that never resolve again", count(traffic, "failed_stale")),
        ("  reads, of them failed", pair(traffic, "reads", "failed_reads")),
        ("writes acknowledged", count(traffic, "acknowledged_writes")),
        ("  answer lost (unknown)", count(traffic, "unknown_writes")),
        ("  LOST", count(traffic, "lost_writes")),
        ("  DUPLICATED", count(traffic, "duplicated_writes")),
        ("longest wait of any writer", traffic["longest_write_stall_seconds"].as_f64().map(figure::seconds)),
        ("writes frozen for", summary["freeze_seconds"].as_f64().map(figure::seconds)),
        ("served by Rev1 / relayed / directly", served(&traffic["served"])),
        ("last relayed after the switch", traffic["last_relayed_after_switch_seconds"].as_f64().map(figure::seconds)),
        ("ingress controller", summary["ingress_controller"].as_str().map(str::to_owned)),
        ("engine died", summary["crashes"].as_u64().map(|times| format!("{times} times"))),
    ] {
        if let Some(value) = value {
            let _ = writeln!(text, "{words:<36}  {value}");
        }
    }
    for (words, list) in [("left behind", "leftovers"), ("kept on purpose", "kept")] {
        let things = summary[list].as_array();
        let _ = writeln!(text, "{words:<36}  {}", things.map_or(0, Vec::len));
        for thing in things.into_iter().flatten() {
            let _ = writeln!(text, "  {}", left(thing));
        }
    }
    let outcome = summary["outcome"].as_str().unwrap_or_default();
    let _ = write!(text, "\n{outcome}; everything about it is in {}", directory.display());
    text
}

/// A thing that was left, or was kept and why.
fn left(thing: &Value) -> String {
    let word = |field: &str| thing[field].as_str().unwrap_or_default();
    match thing["resource"].as_str() {
        Some(resource) => {
            let parts: Vec<&str> = thing["parts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            format!("{resource} {} {}", word("change"), parts.join(", ")).trim_end().to_owned()
        }
        None => format!("{}: {}", word("what"), word("why")),
    }
}

fn count(traffic: &Value, field: &str) -> Option<String> {
    traffic[field].as_u64().map(|count| count.to_string())
}

fn pair(traffic: &Value, all: &str, of_them: &str) -> Option<String> {
    Some(format!("{}, {}", traffic[all].as_u64()?, traffic[of_them].as_u64()?))
}

fn served(served: &Value) -> Option<String> {
    Some(format!("{} / {} / {}", served["old"].as_u64()?, served["relayed"].as_u64()?, served["direct"].as_u64()?))
}
