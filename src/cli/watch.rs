//! `cutover watch`: looks on by a socket that takes no orders; the engine sees to that, not this client.

use std::ffi::OsString;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::drive::{Attached, Look, come_back, follow};
use super::{Stop, Which};
use crate::journal::lock;
use crate::protocol::address;
use crate::protocol::client::{Client, Me};

#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    #[command(flatten)]
    pub(super) which: Which,
    /// The engine's `watch.sock`, where it is not found by the runbook: one that SSH forwards, say.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The name that the others see [default: the login name].
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    look: Look,
}

/// In the runbook's place an engine's address may stand.
fn is_socket(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// Attaches, looks on, detaches.
pub(super) async fn watch(args: &WatchArgs) -> Result<(), Stop> {
    let named = || is_socket(&args.which.runbook).then(|| args.which.runbook.clone());
    let socket = match args.socket.clone().or_else(named) {
        Some(socket) => socket,
        None => address::of_watchers(&args.which.directory(&args.which.plan()?)),
    };
    let client = Client::unix(&socket, Me::new(args.name.clone().unwrap_or_else(|| lock::myself().who)))?;
    let view = client.view().await.map_err(|failure| {
        failure.while_doing(format!("look on at {}", socket.display())).next("`cutover drive` starts an engine")
    })?;
    let given =
        |word: &str, value: Option<OsString>| value.into_iter().flat_map(|value| [word.into(), value]).collect();
    let socket: Vec<OsString> = given("--socket", args.socket.clone().map(Into::into));
    let name: Vec<OsString> = given("--as", args.name.clone().map(Into::into));
    let back = come_back::command("watch", &args.which, &[socket, name].concat());
    let (json, look, copies) = (args.which.json, args.look.clone(), std::env::temp_dir());
    follow(Attached { client, view, back, json, watch: true, look, copies, warnings: Vec::new() }).await
}
