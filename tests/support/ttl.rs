//! `dns.lower-ttl` as a driver has it: the program, a runbook of that one step, and a stand-in of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use cutover::lab::route53::Manners;
use cutover::services::resolver::{RecordType, lookup};
use serde_json::Value;
use tokio::process::Command;

use super::standin::{APP, Lab};

/// A stand-in with the record, and a run of one step.
pub struct Drive {
    pub lab: Lab,
    runbook: PathBuf,
}

impl Drive {
    pub async fn new() -> Self {
        let lab = Lab::with(Manners { burst: 1000.0, pending: Duration::from_millis(800), ..Manners::default() }).await;
        let at = lab.directory.path();
        let runbook = at.join("runbook.toml");
        let text = format!(
            r#"
name = "ttl"
environment = "test"

[service]
name = "shop"
host = "app.lab.example"

{dns}
[[step]]
id = "lower-ttl"
action = "dns.lower-ttl"
owner = "network"
day = 1
with = {{ ttl = "5s" }}
"#,
            dns = lab.section()
        );
        std::fs::write(&runbook, text).unwrap();
        Self { lab, runbook }
    }

    pub async fn run(&self, crash_at: Option<&str>) -> Output {
        self.cutover(&["run", "--yes", "--json"], crash_at).await
    }

    /// Takes the step back.
    pub async fn back(&self, crash_at: Option<&str>) -> Output {
        self.cutover(&["rollback", "--all", "--yes", "--json"], crash_at).await
    }

    async fn cutover(&self, arguments: &[&str], crash_at: Option<&str>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.args(arguments).arg(&self.runbook).env_remove("CUTOVER_CRASH_AT");
        if let Some(point) = crash_at {
            command.env("CUTOVER_CRASH_AT", point);
        }
        command.output().await.unwrap()
    }

    /// Every batch that the zone took.
    pub async fn changes(&self) -> Vec<Value> {
        let url = format!("{}/lab/changes", self.lab.standin.endpoint());
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub async fn served_ttl(&self) -> Option<u32> {
        lookup(self.lab.dns(), APP, RecordType::A).await.unwrap().ttl()
    }

    pub fn journal(&self) -> PathBuf {
        self.runbook.parent().unwrap().join(".cutover/ttl")
    }
}

/// Everything that the program said.
pub fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What the run's state says about the step.
pub fn step(directory: &Path) -> cutover::domain::state::StepState {
    cutover::engine::look(directory).unwrap().step(&"lower-ttl".into())
}
