//! The engine of a rehearsal: a `cutover run` of its own, started again when it dies.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::RehearseArgs;
use crate::cli::{Stop, present};
use crate::domain::state::Status;
use crate::domain::{Failure, RunState};
use crate::engine;

/// How often a dead engine, or a step that aborted itself after one, is started again.
const RESTARTS: usize = 5;

/// The variable that tells an engine where to die.
const CRASH_AT: &str = "CUTOVER_CRASH_AT";

/// The engine's process.
pub(super) struct Child {
    runbook: PathBuf,
    state: PathBuf,
    json: bool,
    /// Where it is to die: at the first place first.
    deaths: Vec<String>,
    crashes: u32,
}

impl Child {
    pub(super) fn new(args: &RehearseArgs, directory: &Path) -> Self {
        let (runbook, state) = (args.runbook.clone(), directory.join("state"));
        let mut deaths = args.crash_at.clone();
        if deaths.is_empty() {
            deaths.extend(std::env::var(CRASH_AT).ok());
        }
        Self { runbook, state, json: args.json, deaths, crashes: 0 }
    }

    /// How often the engine died.
    pub(super) fn crashes(&self) -> u32 {
        self.crashes
    }

    /// The state of its run, from the journal.
    pub(super) fn state(&self) -> Result<RunState, Stop> {
        Ok(engine::look(&self.state)?)
    }

    /// Drives until a step, or to the end.
    pub(super) async fn drive(&mut self, until: Option<&str>) -> Result<(), Stop> {
        for _ in 0..=RESTARTS + self.deaths.len() {
            let status = self.once(until).await?;
            if status.success() {
                return Ok(());
            }
            if status.signal().is_some() {
                self.crashes += 1;
                continue;
            }
            // After a death in the switch its first act is the abort; should the try after it fail, once more.
            if self.crashes > 0 && self.aborted()? {
                continue;
            }
            return Err(self.failure(status)?);
        }
        Err(Failure::permanent(format!("the engine died {} times", self.crashes)).into())
    }

    async fn once(&self, until: Option<&str>) -> Result<ExitStatus, Stop> {
        let fault = |why: std::io::Error| Stop::Failed(Failure::permanent("start the engine").because(why.to_string()));
        let mut command = Command::new(std::env::current_exe().map_err(fault)?);
        command.arg("run").arg(&self.runbook).arg("--state").arg(&self.state).arg("--rehearsal");
        if let Some(until) = until {
            command.args(["--until", until]);
        }
        match self.deaths.get(self.crashes as usize) {
            Some(place) => command.env(CRASH_AT, place),
            None => command.env_remove(CRASH_AT),
        };
        if self.json {
            command.arg("--json").stdout(Stdio::piped());
        }
        let mut child = command.stdin(Stdio::null()).spawn().map_err(fault)?;
        if let Some(stdout) = child.stdout.take() {
            let mut lines = BufReader::new(stdout).lines();
            while let Some(line) = lines.next_line().await.map_err(fault)? {
                if !is_summary(&line) {
                    present::line(&line);
                }
            }
        }
        child.wait().await.map_err(fault)
    }

    fn aborted(&self) -> Result<bool, Stop> {
        let state = self.state()?;
        Ok(!state.switched && state.fences.is_empty() && state.steps.values().any(|step| step.status == Status::Failed))
    }

    fn failure(&self, status: ExitStatus) -> Result<Stop, Stop> {
        let failed = self.state()?.steps.into_values().find_map(|step| step.failure);
        let failure = failed.unwrap_or_else(|| Failure::permanent(format!("the engine ended with {status}")));
        Ok(Stop::Failed(failure))
    }
}

/// The rehearsal's own summary is the last line: the engine's is left out.
fn is_summary(line: &str) -> bool {
    serde_json::from_str::<Value>(line).is_ok_and(|line| line["event"] == "summary")
}
