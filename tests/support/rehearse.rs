//! A whole rehearsal as a program runs it, and what it said.

#![allow(clippy::unwrap_used, reason = "a test says by a panic that it failed")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

/// Five times what the longest of them takes. One that hangs says where, and holds up no other test.
const PATIENCE: Duration = Duration::from_mins(25);

/// What a rehearsal said: its events and last its summary, and its words for people.
pub struct Said {
    pub lines: Vec<Value>,
    pub words: String,
}

/// Runs one that has to end well.
pub fn rehearse(arguments: &[&str]) -> Said {
    let heard = tempfile::tempdir().unwrap();
    let (events, words) = (heard.path().join("events"), heard.path().join("words"));
    let mut program = Command::new(env!("CARGO_BIN_EXE_cutover"))
        .args(["rehearse", "--yes", "--json", "--rows", "20000"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("CUTOVER_CRASH_AT")
        .stdin(Stdio::null())
        .stdout(File::create(&events).unwrap())
        .stderr(File::create(&words).unwrap())
        .process_group(0)
        .spawn()
        .unwrap();
    let began = Instant::now();
    let ended = loop {
        if let Some(status) = program.try_wait().unwrap() {
            break Some(status);
        }
        if began.elapsed() > PATIENCE {
            break None;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    let said = |file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
    let (text, words) = (said(&events), said(&words));
    if ended.is_none() {
        let doing = ["cutover-rev1", "cutover-managed-mysql"].map(doing).join("\n");
        killpg(Pid::from_raw(program.id().try_into().unwrap()), Signal::SIGKILL).unwrap();
        program.wait().unwrap();
        let last: Vec<&str> = text.lines().rev().take(20).collect();
        panic!("it hangs:\n{words}\nthe newest first:\n{}\n{doing}", last.join("\n"));
    }
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(ended.unwrap().success(), "{words}\n{}", lines.last().unwrap_or(&Value::Null));
    Said { lines, words }
}

/// What a server is at, in its own words.
fn doing(container: &str) -> String {
    let ask = "SHOW FULL PROCESSLIST; SHOW REPLICA STATUS\\G";
    let told = Command::new("docker").args(["exec", container, "mysql", "-e", ask]).output().unwrap();
    format!("{container}: {}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr))
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
