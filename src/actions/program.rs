//! Runs a program for a step: no standard input, its last words kept for the error, ended with the step.
//!
//! What changes the world runs alone: a program that outlived its engine is waited for before anything is asked or
//! run again.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::process::{Output, Stdio};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::process::Command;

use super::{Reading, Result, Working};
use crate::domain::{Failure, SecretRef, secret};

/// How often it is looked whether the program of an earlier try has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code was 0.
    pub good: bool,
    /// How it ended, and the last line that it wrote: `exit status: 1, "no such host"`; a secret that it was given is
    /// its name there, for this reaches journals, pages and chats.
    pub said: String,
}

/// The step's right to run one program at a time. The program inherits it as its standard input, an empty file, and
/// keeps the lock on it for as long as it or a child of it lives, whatever becomes of the engine.
pub struct Alone(File);

/// Waits until no program of an earlier try runs.
pub async fn alone(cx: &Working) -> Result<Alone> {
    // Beside the step's own directory, which is there only where it keeps something.
    let path = cx.directory().with_file_name(format!("{}.program", cx.step_id()));
    let failed = |why: std::io::Error| Failure::permanent(format!("lock {}", path.display())).because(why.to_string());
    OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
    let file = File::open(&path).map_err(failed)?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Alone(file)),
            Err(TryLockError::Error(why)) => return Err(failed(why)),
            Err(TryLockError::WouldBlock) if said => {}
            Err(TryLockError::WouldBlock) => {
                said = true;
                let path = path.display();
                cx.log(format!("waits for the program of an earlier try to end; `fuser {path}` names it"))?;
            }
        }
        if cx.cancel().run_until_cancelled(tokio::time::sleep(LOOK_AGAIN)).await.is_none() {
            return Err(Failure::interrupted());
        }
    }
}

/// Runs a program that only asks, beside the runbook. Its arguments may name outputs of earlier steps; secrets are
/// put into its environment, which is not visible in a process list.
pub async fn ask(cx: &Reading, argv: &[String], secrets: &BTreeMap<String, SecretRef>) -> Result<Ended> {
    run(cx, argv, secrets, Stdio::null()).await
}

/// Runs a program that changes the world, in the same way, as the only one of its step.
pub async fn change(cx: &Working, argv: &[String], secrets: &BTreeMap<String, SecretRef>) -> Result<Ended> {
    let Alone(lock) = alone(cx).await?;
    run(cx, argv, secrets, lock.into()).await
}

async fn run(cx: &Reading, argv: &[String], secrets: &BTreeMap<String, SecretRef>, stdin: Stdio) -> Result<Ended> {
    let argv = argv.iter().map(|word| cx.resolve(word)).collect::<Result<Vec<_>>>()?;
    let (program, arguments) = argv.split_first().ok_or_else(|| Failure::permanent("the program has no name"))?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(cx.plan().directory());
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.env("CUTOVER_RUN", cx.run().as_str()).env("CUTOVER_STEP", cx.step_id().as_str());
    let mut known = Vec::new();
    for (name, reference) in secrets {
        let secret = cx.secret(reference).await?;
        command.env(name, secret.expose_secret());
        known.push((name.as_str(), secret));
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
    Ok(Ended { good: output.status.success(), said: said(&output, &known) })
}

fn said(output: &Output, known: &[(&str, SecretString)]) -> String {
    let last = |bytes: &[u8]| {
        let known = known.iter().map(|(name, secret)| (*name, secret.expose_secret()));
        let text = secret::hidden(&String::from_utf8_lossy(bytes), known);
        text.lines().rfind(|line| !line.trim().is_empty()).map(str::to_owned)
    };
    match last(&output.stderr).or_else(|| last(&output.stdout)) {
        Some(line) => format!("{}, \"{line}\"", output.status),
        None => output.status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a shell's script that has a secret in its environment.
    async fn said_of(script: &str, value: &str) -> String {
        let output = Command::new("sh").args(["-c", script]).env("TOKEN", value).output().await.unwrap();
        assert!(!output.status.success());
        said(&output, &[("TOKEN", SecretString::from(value))])
    }

    #[tokio::test]
    async fn a_program_that_prints_its_secret_and_fails_is_quoted_without_it() {
        let quoted = "exit status: 1, \"login with [TOKEN] failed\"";
        assert_eq!(said_of("echo \"login with $TOKEN failed\" >&2; exit 1", "hunter2").await, quoted);
        assert_eq!(said_of("echo \"login with $TOKEN failed\"; exit 1", "hunter2").await, quoted);
        let several = said_of("echo \"$TOKEN\" | tail -n 1; exit 1", "first line\nlast line").await;
        assert_eq!(several, "exit status: 1, \"[TOKEN]\"");
    }
}
