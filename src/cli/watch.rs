//! `cutover watch`: looks on, and gives no orders; the engine sees to that, not this client.

use std::path::PathBuf;

use clap::Args;

use super::drive::{Attached, Look, follow};
use super::{Stop, Which};
use crate::journal::lock;
use crate::protocol::address;
use crate::protocol::client::{Client, Me};

#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    #[command(flatten)]
    pub(super) which: Which,
    /// The engine's socket, where it is not found by the runbook: one that SSH forwards, say.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The name that the others see [default: the login name].
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    look: Look,
}

/// Attaches, looks on, detaches.
pub(super) async fn watch(args: &WatchArgs) -> Result<(), Stop> {
    let socket = match &args.socket {
        Some(socket) => socket.clone(),
        None => address::of(&args.which.directory(&args.which.plan()?)),
    };
    let client = Client::unix(&socket, Me::new(args.name.clone().unwrap_or_else(|| lock::myself().who)))?;
    let view = client.view().await.map_err(|failure| {
        failure.while_doing(format!("look on at {}", socket.display())).next("`cutover drive` starts an engine")
    })?;
    let back = format!("cutover watch {}", args.which.runbook.display());
    let (json, look, copies) = (args.which.json, args.look.clone(), std::env::temp_dir());
    follow(Attached { client, view, back, json, watch: true, look, copies }).await
}
