//! The runbook as a supervisor read it, for each engine that it starts.
//!
//! A week is long enough for somebody to edit the file while its engine runs. One that dies behind a fence is followed at
//! once by one that knows the same runbook: a file that was changed since, or is half saved, keeps no fence shut.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::getppid;
use tokio::process::Command;

use super::Stop;
use crate::domain::{Failure, Plan};

/// Where the engine finds it: a descriptor that it inherits, and whose child it is. Programs that an engine starts inherit
/// the variable too, and are nobody's engine.
const VARIABLE: &str = "CUTOVER_RUNBOOK_FD";

/// A plan in a file that only this process and those that it starts can open, and that ends with them.
pub(super) struct HandedOn(OwnedFd);

impl HandedOn {
    /// Keeps a plan.
    pub(super) fn new(plan: &Plan) -> Result<Self, Failure> {
        let kept = memfd_create("runbook", MFdFlags::empty()).map_err(std::io::Error::from).and_then(|kept| {
            let mut file = File::from(kept);
            file.write_all(&serde_json::to_vec(&*plan.runbook)?)?;
            Ok(OwnedFd::from(file))
        });
        kept.map(Self).map_err(|why| Failure::permanent("keep the runbook for an engine").because(why.to_string()))
    }

    /// Hands it on to a program.
    pub(super) fn to(&self, command: &mut Command) {
        command.env(VARIABLE, format!("{} {}", self.0.as_raw_fd(), std::process::id()));
    }
}

/// The plan that was handed to this process, if one was.
pub(super) fn plan(file: &Path) -> Result<Option<Plan>, Stop> {
    let said = std::env::var(VARIABLE).unwrap_or_default();
    let Some((descriptor, parent)) = said.split_once(' ') else { return Ok(None) };
    if parent != getppid().to_string() {
        return Ok(None);
    }
    let fault = |why: String| Failure::permanent("read the runbook that this engine was started with").because(why);
    // Opened anew: from its beginning, whoever read it before.
    let text = std::fs::read(format!("/proc/self/fd/{descriptor}")).map_err(|why| fault(why.to_string()))?;
    let runbook = serde_json::from_slice(&text).map_err(|why| fault(why.to_string()))?;
    Ok(Some(Plan::new(runbook, file.to_path_buf())))
}
