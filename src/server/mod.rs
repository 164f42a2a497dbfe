//! The engine's listeners: what `protocol` says, over a Unix socket in the run's state directory; and over another,
//! with connections of its own, for those who look on: no order is taken there, whoever says that they drive.
//!
//! Everything goes through the engine's [`Handle`]. One task folds what the engine tells into figures and log
//! lines ([`feed`]), another makes a view whenever something changed and keeps its bytes ready ([`publish`]);
//! a client gets the newest one when it is ready for it, never a queue. Orders are compared with the state here
//! ([`orders`]) before the engine decides them, and only the driver's are taken ([`wheel`]).

mod answer;
mod feed;
mod figures;
pub mod logs;
mod orders;
mod outlook;
mod people;
mod publish;
mod recall;
mod router;
mod shared;
mod socket;
mod stream;
mod telemetry;
#[cfg(test)]
mod tests;
mod wheel;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::domain::Failure;
use crate::engine::Handle;
use crate::protocol::derive::History;
use crate::protocol::serving;
pub use outlook::{Outlook, Present};
use shared::Shared;
use socket::Bounds;

/// The most connections at one time, of each socket: 50 watchers and their requests, twice over.
const CONNECTIONS: usize = 256;

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The run's state directory, whose lock the engine holds.
    pub directory: PathBuf,
    /// What rehearsals took.
    pub history: History,
    /// What drives the run where no client does: `cutover run` in a script. Clients only look on then.
    pub driven_by: Option<String>,
    /// The process that watches over this one.
    pub supervisor: Option<i32>,
}

/// A listening server; it ends with [`Server::stop`], or when a driver shuts the engine down.
pub struct Server {
    sockets: [PathBuf; 2],
    shared: Arc<Shared>,
    listening: JoinHandle<((), ())>,
}

/// Listens for clients of that engine.
///
/// # Errors
/// That there can be no socket.
pub fn start(handle: Handle, options: Options) -> Result<Server, Failure> {
    let directory = options.directory.clone();
    let Bounds { clients, watchers } = socket::listen(&directory)?;
    let shared = Arc::new(Shared::new(handle, options)?);
    tokio::spawn(feed::feed(Arc::clone(&shared)));
    tokio::spawn(publish::publish(Arc::clone(&shared)));
    let over = shared.over.clone();
    let sockets = [clients.path, watchers.path];
    let driving = serving::serve(clients.door, CONNECTIONS, router::clients(Arc::clone(&shared)), over.clone());
    let watching = serving::serve(watchers.door, CONNECTIONS, router::watchers(Arc::clone(&shared)), over);
    let listening = tokio::spawn(async move { tokio::join!(driving, watching) });
    Ok(Server { sockets, shared, listening })
}

impl Server {
    /// The socket that takes orders.
    pub fn address(&self) -> &Path {
        &self.sockets[0]
    }

    /// What a window for others may reach of it.
    pub fn outlook(&self) -> Outlook {
        Outlook(Arc::clone(&self.shared))
    }

    /// Makes the newest view now: what happens at an engine's end is told as well.
    pub fn publish(&self) {
        self.shared.views.send_replace(Some(Arc::new(self.shared.view())));
    }

    /// Returns when a driver asked for the engine's end.
    pub async fn shut_down(&self) {
        self.shared.over.cancelled().await;
    }

    /// Ends every stream, answers what was asked, and takes the sockets away.
    pub async fn stop(self) {
        self.shared.over.cancel();
        // A client that never reads its last answer does not keep the engine.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), self.listening).await;
        // One that is left behind is replaced by the next engine, which has the lock.
        for socket in &self.sockets {
            let _ = std::fs::remove_file(socket);
        }
    }
}
