//! Runs a program for a step: no standard input, its last words kept for the error, ended with the step.

use std::collections::BTreeMap;
use std::process::Stdio;

use secrecy::ExposeSecret;
use tokio::process::Command;

use super::{Reading, Result};
use crate::domain::{Failure, SecretRef};

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code was 0.
    pub good: bool,
    /// How it ended, and the last line that it wrote: `exit status: 1, "no such host"`.
    pub said: String,
}

/// Runs a program beside the runbook. Its arguments may name outputs of earlier steps; secrets are put into
/// its environment, which is not visible in a process list.
pub async fn run(cx: &Reading, argv: &[String], secrets: &BTreeMap<String, SecretRef>) -> Result<Ended> {
    let argv = argv.iter().map(|word| cx.resolve(word)).collect::<Result<Vec<_>>>()?;
    let (program, arguments) = argv.split_first().ok_or_else(|| Failure::permanent("the program has no name"))?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(cx.plan().directory());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.env("CUTOVER_RUN", cx.run().as_str()).env("CUTOVER_STEP", cx.step_id().as_str());
    for (name, reference) in secrets {
        command.env(name, cx.secret(reference).await?.expose_secret());
    }
    let child = command.spawn().map_err(|why| {
        Failure::permanent(format!("run `{program}`"))
            .because(why.to_string())
            .next("is it installed here, and named with its path where it is not in PATH?")
    })?;
    let Some(output) = cx.cancel().run_until_cancelled(child.wait_with_output()).await else {
        return Err(Failure::interrupted());
    };
    let output = output.map_err(|why| Failure::transient(format!("wait for `{program}`")).because(why.to_string()))?;
    let last =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().rfind(|line| !line.trim().is_empty()).map(str::to_owned);
    let said = match last(&output.stderr).or_else(|| last(&output.stdout)) {
        Some(line) => format!("{}, \"{line}\"", output.status),
        None => output.status.to_string(),
    };
    Ok(Ended { good: output.status.success(), said })
}
