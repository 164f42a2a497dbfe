//! The engine of a rehearsal: a `cutover run` of its own, started again when it dies.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::RehearseArgs;
use crate::cli::{Stop, present, summary};
use crate::domain::state::Status;
use crate::domain::{Failure, Plan, RunState};
use crate::engine::{self, crash};

/// How often a dead engine, or a step that aborted itself after one, is started again.
const RESTARTS: usize = 5;

/// The engine's process.
pub(super) struct Child {
    runbook: PathBuf,
    set: Vec<String>,
    state: PathBuf,
    json: bool,
    /// Where it is to die: at the first place first.
    deaths: Vec<String>,
    /// The summary's figures from before a rollback forgot them.
    measured: Map<String, Value>,
}

impl Child {
    pub(super) fn new(args: &RehearseArgs, directory: &Path) -> Self {
        let (runbook, state) = (args.runbook.clone(), directory.join("state"));
        Self { runbook, set: args.set(), state, json: args.json, deaths: deaths(args), measured: Map::new() }
    }

    /// How often the engine died: started again by its supervisor, or from here.
    pub(super) fn crashes(&self) -> Result<u32, Stop> {
        if !self.state.exists() {
            return Ok(0); // Not started yet.
        }
        let state = self.state()?;
        // One that was not started again, since there was nothing left to do.
        Ok(state.deaths + u32::from(state.engine.is_some() && !state.stopped))
    }

    /// The state of its run, from the journal.
    pub(super) fn state(&self) -> Result<RunState, Stop> {
        Ok(engine::look(&self.state)?)
    }

    /// Drives until a step, or to the end.
    pub(super) async fn drive(&mut self, until: Option<&str>) -> Result<(), Stop> {
        let mut arguments = vec!["run"];
        if let Some(until) = until {
            arguments.extend(["--until", until]);
        }
        self.through(&arguments).await
    }

    /// Takes back everything after a step, or everything.
    pub(super) async fn back(&mut self, plan: &Plan, to: Option<&str>) -> Result<(), Stop> {
        let forward = summary::of(&self.state()?, plan, &Ok(()), "succeeded");
        self.measured.extend(summary::measured(&forward));
        match to {
            Some(step) => self.through(&["rollback", "--to", step]).await,
            None => self.through(&["rollback", "--all"]).await,
        }
    }

    /// What was measured on the way there, for a summary whose steps were taken back since.
    pub(super) fn measured_on_the_way(&self, summary: &mut Value) {
        for (field, value) in &self.measured {
            if summary.get(field).is_none() {
                summary[field] = value.clone();
            }
        }
    }

    /// Runs a command until it is through, whatever dies.
    async fn through(&mut self, arguments: &[&str]) -> Result<(), Stop> {
        for _ in 0..=RESTARTS + self.deaths.len() {
            let died = self.crashes()? as usize;
            let status = self.once(arguments, died).await?;
            if status.success() {
                return Ok(());
            }
            if status.signal().is_some() {
                continue;
            }
            // After a death in the switch its first act is the abort; should the try after it fail, once more.
            if self.crashes()? > 0 && self.aborted()? {
                continue;
            }
            return Err(self.failure(status)?);
        }
        Err(Failure::permanent(format!("the engine died {} times", self.crashes()?))
            .because("each time it was started again, and died once more")
            .next(format!(
                "`cutover journal {} --state {}` shows at what it died",
                self.runbook.display(),
                self.state.display()
            ))
            .into())
    }

    async fn once(&self, arguments: &[&str], died: usize) -> Result<ExitStatus, Stop> {
        let fault = |why: std::io::Error| Stop::Failed(Failure::permanent("start the engine").because(why.to_string()));
        let mut command = Command::new(std::env::current_exe().map_err(fault)?);
        command.args(arguments).arg(&self.runbook).arg("--state").arg(&self.state).arg("--rehearsal");
        command.args(self.set.iter().flat_map(|value| ["--set", value]));
        command.env(crash::VARIABLE, self.deaths.get(died..).unwrap_or_default().join(";"));
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
        Ok(!state.switched
            && state.barring().is_none()
            && state.steps.values().any(|step| step.status == Status::Failed))
    }

    fn failure(&self, status: ExitStatus) -> Result<Stop, Stop> {
        let failed = self.state()?.steps.into_values().find_map(|step| step.failure);
        let failure = failed.unwrap_or_else(|| Failure::permanent(format!("the engine ended with {status}")));
        Ok(Stop::Failed(failure))
    }
}

/// Where the engine is to die.
pub(super) fn deaths(args: &RehearseArgs) -> Vec<String> {
    if args.crash_at.is_empty() { crash::places() } else { args.crash_at.clone() }
}

/// The rehearsal's own summary is the last line: the engine's is left out.
fn is_summary(line: &str) -> bool {
    serde_json::from_str::<Value>(line).is_ok_and(|line| line["event"] == "summary")
}
