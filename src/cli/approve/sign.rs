//! Signing with `ssh-keygen -Y sign`: a key file, an agent's key by its public half, or a hardware key; this
//! program never reads a private key.

use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::domain::Failure;
use crate::domain::approval::{NAMESPACE, Statement};

/// The program of OpenSSH that signs.
const PROGRAM: &str = "ssh-keygen";

/// Signs a statement; the signature in OpenSSH's armour. A passphrase, or a touch, is asked for on the terminal.
pub(super) async fn sign(statement: &Statement, key: &Path) -> Result<String, Failure> {
    let fault = |why: String| {
        Failure::permanent(format!("sign with {}", key.display()))
            .because(why)
            .next("is it a private key, or the public half of one that an agent has? `ssh-add -L` lists those")
    };
    let mut command = Command::new(PROGRAM);
    command.args(["-q", "-Y", "sign", "-n", NAMESPACE, "-f"]).arg(key);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|why| fault(format!("{PROGRAM}: {why}")))?;
    if let Some(mut input) = child.stdin.take() {
        // Where it does not read, it says why below.
        let _ = input.write_all(statement.to_string().as_bytes()).await;
    }
    let output = child.wait_with_output().await.map_err(|why| fault(why.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("; ");
        return Err(fault(format!("{PROGRAM} ended with {}: {said}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(|_| fault(format!("{PROGRAM} did not write a signature")))
}
