//! A whole rehearsal as a program runs it, and what it said.

#![allow(clippy::unwrap_used, reason = "a test says by a panic that it failed")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::process::Command;

use serde_json::Value;

/// What a rehearsal said: its events and last its summary, and its words for people.
pub struct Said {
    pub lines: Vec<Value>,
    pub words: String,
}

/// Runs one that has to end well.
pub fn rehearse(arguments: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_cutover"))
        .args(["rehearse", "--yes", "--json", "--rows", "20000"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("CUTOVER_CRASH_AT")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(output.status.success(), "{words}\n{}", lines.last().unwrap_or(&Value::Null));
    Said { lines, words }
}

impl Said {
    pub fn summary(&self) -> &Value {
        self.lines.last().unwrap()
    }

    /// The events of one kind in one step.
    pub fn events(&self, kind: &str, step: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["event"] == kind && line["step"] == step).collect()
    }

    /// How often a step had the intent for this effect.
    pub fn intents(&self, step: &str, effect: &str) -> usize {
        self.events("intended", step).iter().filter(|event| event["effect"] == effect).count()
    }

    /// Nothing was lost, nothing is there twice, nothing was left behind, every tenant wrote.
    pub fn nothing_is_amiss(&self) {
        let summary = self.summary();
        let traffic = &summary["traffic"];
        for count in ["lost_writes", "duplicated_writes"] {
            assert_eq!(traffic[count], 0, "{count}: {traffic}");
        }
        assert!(traffic["acknowledged_writes"].as_u64() >= Some(6_000), "not every tenant wrote: {traffic}");
        assert_eq!(summary["leftovers"], serde_json::json!([]));
    }
}
