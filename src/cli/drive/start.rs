//! Starts an engine that outlives this terminal: a session of its own, its words in `engine.log`.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use super::login;
use crate::cli::{Stop, Which};
use crate::domain::Failure;
use crate::protocol::address;
use crate::services::stderr;

/// What the engine says about itself.
const LOG: &str = "engine.log";

/// How long an engine may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often the socket is tried meanwhile.
const EVERY: Duration = Duration::from_millis(20);

/// Starts an engine, and returns once it listens.
pub(super) async fn engine(which: &Which, directory: &Path, more: Vec<OsString>) -> Result<(), Stop> {
    let log = directory.join(LOG);
    let fault = |why: std::io::Error| {
        Stop::Failed(
            Failure::permanent(format!("start an engine for {}", directory.display())).because(why.to_string()),
        )
    };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(fault)?;
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&log).map_err(fault)?;
    let from = file.metadata().map_err(fault)?.len();
    let mut child = spawn(which, directory, more, file).map_err(fault)?;
    let listening = tokio::time::timeout(PATIENCE, async {
        loop {
            if UnixStream::connect(address::of(directory)).await.is_ok() {
                return Ok(());
            }
            if let Some(status) = child.try_wait().map_err(fault)? {
                let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
                stderr::line(&tail(&log, from));
                return Err(Stop::Said(code));
            }
            tokio::time::sleep(EVERY).await;
        }
    });
    listening.await.unwrap_or_else(|_| {
        let failure = Failure::permanent(format!("the engine does not listen after {} s", PATIENCE.as_secs()));
        Err(failure.next(format!("{} has what it said", log.display())).into())
    })
}

fn spawn(which: &Which, directory: &Path, more: Vec<OsString>, log: File) -> std::io::Result<Child> {
    let mut words: Vec<OsString> = login::outlive();
    words.extend([std::env::current_exe()?.into(), "engine".into(), which.runbook.clone().into()]);
    words.extend(["--state".into(), directory.into()]);
    words.extend(which.set.iter().flat_map(|value| ["--set".into(), value.into()]));
    words.extend(more);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn()
}

/// What was said since then.
fn tail(log: &Path, from: u64) -> String {
    let mut text = String::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.read_to_string(&mut text)
    });
    if read.is_ok() { text } else { String::new() }
}
