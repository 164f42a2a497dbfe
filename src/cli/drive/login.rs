//! What dies with the login, and what is done about it: named before an engine is started from one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::domain::Plan;
use crate::services::{kubernetes, secrets};

/// A scope of its own for a command, which the end of a login leaves alone.
const SCOPE: &[&str] = &["systemd-run", "--user", "--scope", "--quiet", "--collect", "--"];

/// Where systemd-logind is told to end what a user left running.
const LOGIND: &[&str] = &["/etc/systemd/logind.conf", "/etc/systemd/logind.conf.d", "/usr/lib/systemd/logind.conf.d"];

/// The words that put a command out of the login's reach; none where none are needed, or none would help.
pub(super) fn outlive() -> Vec<OsString> {
    if kills_user_processes() && user_manager_lingers() && has_scopes() {
        return SCOPE.iter().map(OsString::from).collect();
    }
    Vec::new()
}

/// What the engine would lose at the end of this login.
pub(super) fn warnings(plan: &Plan, state: &Path) -> Vec<String> {
    let mut found = Vec::new();
    if kills_user_processes() && !(user_manager_lingers() && has_scopes()) {
        let why = if user_manager_lingers() {
            "`systemd-run --user --scope` gives it no scope of its own: see what it says, mend it"
        } else {
            "`loginctl enable-linger` lets it live on; give it"
        };
        found.push(format!(
            "THE ENGINE ENDS WITH THIS LOGIN: systemd ends a user's processes at logout here (KillUserProcesses). {why} \
             before a step is started"
        ));
    }
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if variable("SSH_CONNECTION").is_some()
        && let Some(socket) = variable("SSH_AUTH_SOCK")
    {
        found.push(format!(
            "SSH_AUTH_SOCK={socket} is forwarded and ends with this login: commands by ssh need a key of this machine"
        ));
    }
    if let Some(directory) = variable("XDG_RUNTIME_DIR") {
        if state.starts_with(&directory) {
            found.push(format!("XDG_RUNTIME_DIR={directory} is removed at logout, and the state directory is in it"));
        }
        // Sockets of an agent and of a Docker engine without root, which user services keep there.
        let sockets = ["SSH_AUTH_SOCK", "DOCKER_HOST"].into_iter().filter_map(|name| Some((name, variable(name)?)));
        found.extend(sockets.filter_map(|(name, value)| in_it(name, &value, &directory)));
    }
    found.extend(programs(plan));
    found
}

/// What to say of a socket that is in the directory which is removed at logout.
fn in_it(name: &str, socket: &str, directory: &str) -> Option<String> {
    let is_in_it = Path::new(socket.trim_start_matches("unix://")).starts_with(directory);
    is_in_it
        .then(|| format!("{name}={socket} is in XDG_RUNTIME_DIR, which is removed at logout unless the user lingers"))
}

/// The programs that the engine asks for credentials: one that keeps its login in this session, or that prompts, has
/// none once it is over.
fn programs(plan: &Plan) -> Option<String> {
    let connections = &plan.runbook.connections;
    let mut found = BTreeSet::new();
    commands(&serde_json::to_value(connections).unwrap_or_default(), &mut found);
    if let Some(cluster) = &connections.kubernetes {
        let kubeconfig = cluster.kubeconfig.as_ref().map(|path| secrets::expand(path, &plan.directory()));
        found.extend(kubernetes::login_program(kubeconfig.as_deref(), &cluster.context));
    }
    if found.is_empty() {
        return None;
    }
    let named = found.into_iter().collect::<Vec<_>>().join(", ");
    Some(format!(
        "credentials come from {named}: whatever prompts, or keeps its login in this session, gives none after logout"
    ))
}

/// The programs of references to secrets: `{ command = [...] }`, wherever one stands; the front's command is none.
fn commands(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(program)) = fields.get("command").and_then(|command| command.get(0)) {
                found.insert(program.clone());
            }
            fields.iter().filter(|(name, _)| *name != "front").for_each(|(_, value)| commands(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| commands(value, found)),
        _ => {}
    }
}

/// Whether systemd gives a scope here: it may be there and refuse.
fn has_scopes() -> bool {
    said(SCOPE[0], &[&SCOPE[1..], &["true"]].concat()).is_some()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_in_the_login_s_own_directory_is_named() {
        let said = in_it("DOCKER_HOST", "unix:///run/user/1000/docker.sock", "/run/user/1000").unwrap();
        assert!(said.contains("DOCKER_HOST=unix:///run/user/1000/docker.sock"), "{said}");
        assert_eq!(in_it("DOCKER_HOST", "unix:///run/docker.sock", "/run/user/1000"), None);
        assert_eq!(in_it("DOCKER_HOST", "tcp://10.0.0.7:2376", "/run/user/1000"), None);
    }

    #[test]
    fn programs_that_give_credentials_are_named_and_the_front_is_none() {
        let connections = serde_json::json!({
            "front": { "command": ["ssh", "rev1"] },
            "source": { "mysql": { "password": { "command": ["vault", "read"] } } },
            "target": { "mysql": { "password": { "env": "PW" } } },
            "registry": { "account": { "password": { "command": ["aws", "ecr"] } } },
        });
        let mut found = BTreeSet::new();
        commands(&connections, &mut found);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["aws", "vault"]);
    }
}
