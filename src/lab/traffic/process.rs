//! The traffic as a process of its own: begun, looked at, ended by whoever rehearses.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::options::Options;
use super::recorder::Live;
use crate::services::{Error, Kind, Result};

/// The options as the process reads them.
const OPTIONS: &str = "options.json";
/// What it said on its way, faults above all.
const LOG: &str = "traffic.log";

/// A running traffic. It ends with [`Traffic::stop`], and by itself when this process ends: it holds the
/// other end of its standard input. The engine's death does not concern it.
#[derive(Debug)]
pub struct Traffic {
    child: Child,
    dir: PathBuf,
    patience: Duration,
}

impl Options {
    /// The options that [`Traffic::spawn`] left in `dir`.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(OPTIONS);
        let text = std::fs::read(&path).map_err(|e| fault(&path, "read the options", e))?;
        serde_json::from_slice(&text).map_err(|e| fault(&path, "understand the options", e))
    }
}

impl Traffic {
    /// Starts `program lab traffic DIR` in a process group of its own, so that a Ctrl-C at the terminal
    /// reaches the rehearsal alone. `program` is this very program, except in a test.
    pub fn spawn(program: &Path, dir: &Path, options: &Options) -> Result<Self> {
        let options = Options { dir: dir.to_path_buf(), until_stdin_closes: true, ..options.clone() };
        std::fs::create_dir_all(dir).map_err(|e| fault(dir, "make the directory", e))?;
        let text = serde_json::to_vec_pretty(&options).map_err(|e| fault(dir, "write the options", e))?;
        std::fs::write(dir.join(OPTIONS), text).map_err(|e| fault(dir, "write the options", e))?;
        let log = File::create(dir.join(LOG)).map_err(|e| fault(dir, "open its log", e))?;
        let errors = log.try_clone().map_err(|e| fault(dir, "open its log", e))?;
        let child = Command::new(program)
            .args(["lab", "traffic"])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(|e| fault(program, "start the traffic", e))?;
        Ok(Self { child, dir: dir.to_path_buf(), patience: options.timeout() + Duration::from_secs(5) })
    }

    /// The latest of its lines; `None` before the first second.
    pub fn live(&self) -> Option<Live> {
        Live::latest(&self.dir)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, lets it finish what is outstanding, and gives its last line.
    pub async fn stop(mut self) -> Result<Live> {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + self.patience;
        let status = loop {
            let status = self.child.try_wait().map_err(|e| fault(&self.dir, "wait for the traffic's end", e))?;
            match status {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    let _ = self.child.kill();
                    break self.child.wait().map_err(|e| fault(&self.dir, "end the traffic", e))?;
                }
                None => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        match self.live() {
            Some(live) if live.ended && status.success() => Ok(live),
            _ => Err(self.ended_badly(status)),
        }
    }

    fn ended_badly(&self, status: ExitStatus) -> Error {
        Error::new("traffic", self.dir.display().to_string(), "end in order", Kind::Permanent)
            .because(status.to_string())
            .next(format!("read {}", self.dir.join(LOG).display()))
    }
}

fn fault(path: &Path, doing: &str, why: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new("traffic", path.display().to_string(), doing, Kind::Permanent).because(why)
}
