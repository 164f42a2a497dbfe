//! A program inside a running container: its input, its output, its exit code.

use bollard::container::LogOutput;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use futures_util::TryStreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::Engine;
use crate::services::{Error, Kind, Result};

/// How a program is to be run.
#[derive(Debug, Clone, Default)]
pub struct ExecOptions {
    /// Program and arguments. Anyone on the host can read them: no secrets here.
    pub command: Vec<String>,
    /// `KEY=value`, each.
    pub env: Vec<String>,
    /// Instead of the container's user.
    pub user: Option<String>,
    /// Its standard input, closed after it.
    pub input: Option<Vec<u8>>,
}

/// What a program left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// 0 is success.
    pub exit_code: i64,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Output {
    /// Whether it ended with 0.
    pub fn success(&self) -> bool {
        self.exit_code == 0
    }
}

impl Engine {
    /// Runs a program in `container` and waits for its end.
    pub async fn exec(&self, container: &str, options: ExecOptions) -> Result<Output> {
        let doing = format!("run {} in {container}", options.command.first().map_or("nothing", String::as_str));
        let config = ExecConfig {
            attach_stdin: Some(options.input.is_some()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            env: Some(options.env),
            cmd: Some(options.command),
            user: options.user,
            ..ExecConfig::default()
        };
        let made = self.docker.create_exec(container, config).await.map_err(self.fault(doing.clone()))?;
        let started = self.docker.start_exec(&made.id, None).await.map_err(self.fault(doing.clone()))?;
        let StartExecResults::Attached { mut output, mut input } = started else {
            return Err(
                Error::new("Docker engine", self.address(), doing, Kind::Unknown).because("the engine did not attach")
            );
        };
        let lost =
            |why: std::io::Error| Error::new("Docker engine", self.address(), &doing, Kind::Unknown).because(why);
        let feed = async {
            if let Some(bytes) = &options.input {
                // A program that ends before it has read everything is judged by its exit code.
                match input.write_all(bytes).await {
                    Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => return Err(lost(why)),
                    _ => {}
                }
            }
            input
                .shutdown()
                .await
                .or_else(|why| if why.kind() == std::io::ErrorKind::NotConnected { Ok(()) } else { Err(lost(why)) })
        };
        let read = async {
            let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
            while let Some(piece) = output.try_next().await.map_err(self.fault(doing.clone()))? {
                match piece {
                    LogOutput::StdErr { message } => stderr.extend_from_slice(&message),
                    other => stdout.extend_from_slice(&other.into_bytes()),
                }
            }
            Ok((stdout, stderr))
        };
        // Without input, nothing is shut: a half-closed connection would end the engine's answer early.
        let (stdout, stderr) =
            if options.input.is_some() { futures_util::try_join!(read, feed)?.0 } else { read.await? };
        let ended = self.docker.inspect_exec(&made.id).await.map_err(self.fault(doing.clone()))?;
        let exit_code = ended.exit_code.ok_or_else(|| {
            Error::new("Docker engine", self.address(), &doing, Kind::Unknown)
                .because("the connection closed before the program ended")
        })?;
        Ok(Output {
            exit_code,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }

    /// Runs a program and takes anything but exit code 0 for an error; what it printed.
    pub async fn exec_ok(&self, container: &str, command: &[&str]) -> Result<String> {
        let options =
            ExecOptions { command: command.iter().map(|&word| word.to_owned()).collect(), ..ExecOptions::default() };
        let output = self.exec(container, options).await?;
        if output.success() {
            return Ok(output.stdout);
        }
        let name = command.first().copied().unwrap_or_default();
        Err(Error::new("Docker engine", self.address(), format!("run {name} in {container}"), Kind::Permanent).because(
            format!("exit code {}: {}{}", output.exit_code, output.stdout.trim_end(), output.stderr.trim_end()),
        ))
    }
}
