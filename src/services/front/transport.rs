//! How `front-switch` is reached: inside a container, or by a command such as ssh.

use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::services::docker::{Engine, ExecOptions};
use crate::services::{Error, Kind, Result};

/// The program's name in a container's PATH.
const PROGRAM: &str = "front-switch";

/// A way to the front's program.
#[derive(Clone)]
pub enum Transport {
    /// It is in this container of a Docker engine.
    Container(Box<Engine>, String),
    /// This command reaches it: `ssh rev1 sudo front-switch`. The action's words follow it; for ssh, quoted.
    Command(Vec<String>),
}

impl Transport {
    /// Runs the program to its end and gives back what it printed. An answer that does not come in time is
    /// [`Kind::Unknown`]: the program may have done its work.
    pub(super) async fn run(&self, arguments: &[&str], limit: Duration) -> Result<String> {
        let doing = arguments.join(" ");
        match timeout(limit, self.begin(arguments, &doing)).await {
            Ok(Ok((0, stdout, _))) => Ok(stdout),
            Ok(Ok((code, _, stderr))) => {
                let said = stderr.lines().last().unwrap_or_default().to_owned();
                Err(self.error(&doing, Kind::Permanent).because(format!("it ended with {code}: {said}")))
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let why = format!("no answer in {} s", limit.as_secs_f32());
                Err(self.error(&doing, Kind::Unknown).because(why))
            }
        }
    }

    async fn begin(&self, arguments: &[&str], doing: &str) -> Result<(i64, String, String)> {
        match self {
            Self::Container(engine, container) => {
                let command = [PROGRAM].iter().chain(arguments).map(ToString::to_string).collect();
                let output = engine.exec(container, ExecOptions { command, ..ExecOptions::default() }).await?;
                Ok((output.exit_code, output.stdout, output.stderr))
            }
            Self::Command(command) => {
                let fault = |kind| self.error(doing, kind);
                let (program, before) =
                    command.split_first().ok_or_else(|| fault(Kind::Permanent).because("the command is empty"))?;
                let output = Command::new(program)
                    .args(before)
                    .args(arguments.iter().map(|word| for_program(program, word)))
                    .stdin(Stdio::null())
                    .kill_on_drop(true)
                    .output()
                    .await
                    .map_err(|why| {
                        fault(Kind::Permanent).because(why).next(format!("is `{program}` installed here?"))
                    })?;
                // 255 is ssh's own: the connection broke, and what the program did is not known.
                if output.status.code() == Some(255) {
                    let said = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned();
                    return Err(fault(Kind::Unknown).because(said));
                }
                let code = output.status.code().map_or(-1, i64::from);
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                Ok((code, text(&output.stdout), text(&output.stderr)))
            }
        }
    }

    fn error(&self, doing: &str, kind: Kind) -> Error {
        Error::new("front", self.to_string(), doing, kind)
    }
}

/// A word as `program` has to be given it: ssh joins its words with spaces and lets a shell on the other side
/// take them apart again.
fn for_program(program: &str, word: &str) -> String {
    if Path::new(program).file_name().is_some_and(|name| name == "ssh") {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    word.to_owned()
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container(_, container) => write!(f, "container {container}"),
            Self::Command(command) => f.write_str(&command.join(" ")),
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
