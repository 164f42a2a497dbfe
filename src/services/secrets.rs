//! Secrets, fetched at the moment of use: from the environment, a file, or a program's output.
//!
//! What comes back is a `SecretString`: it has no `Display`, its `Debug` shows nothing, and it is wiped
//! when it goes. Errors here name the reference, never the content.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use tokio::process::Command;

use super::error::{Error, Kind, Result};
use crate::domain::secret::{self, SecretRef};

/// Follows a reference. Relative files start from `directory`; a program gets no standard input, so that
/// it cannot ask.
pub async fn fetch(reference: &SecretRef, directory: &Path) -> Result<SecretString> {
    let fault = || Error::new("secret", reference.to_string(), "read it", Kind::Permanent);
    let mut text = match reference {
        SecretRef::Env(name) => std::env::var(name)
            .map_err(|_| fault().because("the variable is not set, or not text").next(format!("export {name}=...")))?,
        SecretRef::File(path) => {
            let path = expand(path, directory);
            tokio::fs::read_to_string(&path).await.map_err(|why| {
                fault().because(why).next(format!("put the secret into {}, mode 0600", path.display()))
            })?
        }
        SecretRef::Command(argv) => run(argv, directory, fault).await?,
    };
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(fault().because("it is empty"));
    }
    Ok(SecretString::from(text))
}

/// A path with `~/` as the home directory, and relative ones starting from `directory`.
pub fn expand(path: &Path, directory: &Path) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => std::env::home_dir().unwrap_or_else(|| PathBuf::from("/")).join(rest),
        Err(_) => directory.join(path),
    }
}

async fn run(argv: &[String], directory: &Path, fault: impl Fn() -> Error) -> Result<String> {
    let (program, arguments) = argv.split_first().ok_or_else(|| fault().because("the command is empty"))?;
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|why| fault().because(why).next(format!("is `{program}` installed here?")))?;
    if !output.status.success() {
        // Its standard error may be shown, but for what stands on its standard output too: that may be the secret.
        let printed = String::from_utf8_lossy(&output.stdout);
        let said = secret::hidden(&String::from_utf8_lossy(&output.stderr), [("its output", &*printed)]);
        let said = said.lines().last().unwrap_or_default();
        return Err(fault().because(format!("it ended with {}: {said}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(|_| fault().because("its output is not text"))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[tokio::test]
    async fn a_command_gives_its_output_without_the_last_line_break() {
        let reference = SecretRef::Command(vec!["printf".into(), "a b\\n".into()]);
        let secret = fetch(&reference, Path::new(".")).await.unwrap();
        assert_eq!(secret.expose_secret(), "a b");
    }

    #[tokio::test]
    async fn a_failing_command_is_named_without_its_arguments() {
        let reference = SecretRef::Command(vec!["false".into(), "hunter2".into()]);
        let error = fetch(&reference, Path::new(".")).await.unwrap_err();
        assert!(error.to_string().contains("command false"));
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn a_failing_command_is_quoted_without_what_it_printed() {
        let script = "echo hunter2; echo \"cannot renew hunter2\" >&2; exit 3";
        let reference = SecretRef::Command(["sh", "-c", script].map(str::to_owned).to_vec());
        let error = fetch(&reference, Path::new(".")).await.unwrap_err();
        assert_eq!(error.why.unwrap().to_string(), "it ended with exit status: 3: cannot renew [its output]");
    }

    #[tokio::test]
    async fn an_empty_file_is_no_secret() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("empty"), "\n").unwrap();
        let error = fetch(&SecretRef::File("empty".into()), directory.path()).await.unwrap_err();
        assert_eq!(error.why.unwrap().to_string(), "it is empty");
    }
}
