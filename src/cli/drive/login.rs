//! What dies with the login, and what is done about it: named before an engine is started from one.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where systemd-logind is told to end what a user left running.
const LOGIND: &[&str] = &["/etc/systemd/logind.conf", "/etc/systemd/logind.conf.d", "/usr/lib/systemd/logind.conf.d"];

/// The words that put a command out of the login's reach; none where none are needed, or none would help.
pub(super) fn outlive() -> Vec<OsString> {
    if kills_user_processes() && user_manager_lingers() {
        return ["systemd-run", "--user", "--scope", "--quiet", "--collect", "--"].map(OsString::from).to_vec();
    }
    Vec::new()
}

/// Says what the engine would lose at the end of this login.
pub(super) fn name_what_dies_with_it(state: &Path) {
    for warning in warnings(state) {
        eprintln!("note: {warning}");
    }
}

fn warnings(state: &Path) -> Vec<String> {
    let mut found = Vec::new();
    if kills_user_processes() && !user_manager_lingers() {
        found.push(
            "THE ENGINE ENDS WITH THIS LOGIN: systemd ends a user's processes at logout here (KillUserProcesses). \
             `loginctl enable-linger` lets it live on; give it before a step is started"
                .to_owned(),
        );
    }
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if variable("SSH_CONNECTION").is_some()
        && let Some(socket) = variable("SSH_AUTH_SOCK")
    {
        found.push(format!(
            "SSH_AUTH_SOCK={socket} is forwarded and ends with this login: commands by ssh need a key of this machine"
        ));
    }
    if let Some(directory) = variable("XDG_RUNTIME_DIR").filter(|directory| state.starts_with(directory)) {
        found.push(format!("XDG_RUNTIME_DIR={directory} is removed at logout, and the state directory is in it"));
    }
    found
}

/// Whether systemd-logind ends a user's processes at logout.
fn kills_user_processes() -> bool {
    if !Path::new("/run/systemd/system").exists() {
        return false;
    }
    let manager = ["org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"];
    if let Some(said) = said("busctl", &[&["get-property"], &manager[..], &["KillUserProcesses"]].concat()) {
        return said.trim() == "b true";
    }
    LOGIND.iter().any(|path| configured(Path::new(path)))
}

/// Whether this user's manager outlives the login.
fn user_manager_lingers() -> bool {
    let user = nix::unistd::geteuid().to_string();
    said("loginctl", &["show-user", &user, "--property=Linger", "--value"]).is_some_and(|said| said.trim() == "yes")
}

fn configured(path: &Path) -> bool {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        return entries.map(|entry| entry.path()).any(|path| configured(&path));
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .any(|line| matches!(line.trim(), "KillUserProcesses=yes" | "KillUserProcesses=true" | "KillUserProcesses=1"))
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
