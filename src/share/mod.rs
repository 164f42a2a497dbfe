//! The team's window: a web page with the same view as the terminal's, live, for people without one.
//!
//! It listens by itself, beside the engine's socket, and can do three things to a run: let somebody in ([`links`]),
//! take a word, and take an approval whose signature the engine verifies. All that it can reach is an [`Ear`],
//! which has no way to give orders: this layer cannot even name the type of one.

mod assets;
mod limit;
pub mod links;
mod listen;
mod previews;
mod requests;
mod router;
mod stream;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::domain::approval::Approval;
use crate::domain::{Failure, Preview, StepId};
use crate::protocol::serving;
use crate::protocol::view::View;
use limit::Limits;
pub use listen::Certificate;
use previews::Previews;

/// The most connections at one time: a browser keeps one for its stream, and asks on another.
const CONNECTIONS: usize = 128;

/// What the page's people may say to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// For everybody to read.
    Note(String),
    /// To be answered before the next gate is passed.
    Hand(String),
}

/// Everything of an engine that the window can reach.
pub trait Ear: Send + Sync + 'static {
    /// The newest view, and each one after it.
    fn views(&self) -> watch::Receiver<Option<Arc<View>>>;

    /// Somebody looks on, until what is given back is dropped.
    fn looks_on(&self, name: &str) -> Box<dyn Send + Sync>;

    /// Looks up in the world what a step would change.
    fn preview<'a>(&'a self, step: &'a StepId) -> BoxFuture<'a, Result<Preview, Failure>>;

    /// Records a word.
    ///
    /// # Errors
    /// Why it is not taken.
    fn say(&self, by: &str, said: Said) -> Result<(), Failure>;

    /// Records an approval, once its signature is verified.
    ///
    /// # Errors
    /// Why it is not taken.
    fn approve(&self, approval: Approval) -> Result<(), Failure>;
}

/// What a window is opened with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The run's state directory, where the links are.
    pub directory: PathBuf,
    /// Where to listen.
    pub address: SocketAddr,
    /// What proves the address; nothing for plain HTTP.
    pub certificate: Option<Certificate>,
    /// Plain HTTP on an address that others reach.
    pub insecure: bool,
}

/// An open window.
pub struct Share {
    address: SocketAddr,
    over: CancellationToken,
    listening: JoinHandle<()>,
}

/// What requests share.
struct Window {
    directory: PathBuf,
    /// The cookie's name, the run's own: browsers keep one jar for all ports of a machine.
    cookie: String,
    secure: bool,
    ear: Arc<dyn Ear>,
    frames: watch::Receiver<axum::body::Bytes>,
    previews: Previews,
    limits: Limits,
    over: CancellationToken,
}

/// Opens the window.
///
/// # Errors
/// Refused: an address that others reach, with neither a certificate nor consent. Permanent: it cannot listen there.
pub async fn start(ear: Arc<dyn Ear>, options: Options) -> Result<Share, Failure> {
    let Options { directory, address, certificate, insecure } = options;
    if certificate.is_none() && !address.ip().is_loopback() && !insecure {
        return Err(Failure::refused(format!("share on {address} without encryption"))
            .because("links, names and notes would go over the network in clear, for everybody on the way to read")
            .next("give --share-cert and --share-key, share on 127.0.0.1 behind a proxy that has them, or say --insecure-share"));
    }
    let over = CancellationToken::new();
    let (listener, address) = listen::bind(address, certificate.as_ref()).await?;
    let frames = stream::frames(ear.views(), over.clone());
    let secure = certificate.is_some();
    let cookie = format!("cutover_{}", &hex::encode(Sha256::digest(directory.as_os_str().as_encoded_bytes()))[..8]);
    let (previews, limits) = (Previews::default(), Limits::default());
    let window = Window { directory, cookie, secure, ear, frames, previews, limits, over: over.clone() };
    let listening = tokio::spawn(serving::serve(listener, CONNECTIONS, router::router(Arc::new(window)), over.clone()));
    Ok(Share { address, over, listening })
}

impl Share {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every stream and connection.
    pub async fn stop(self) {
        self.over.cancel();
        // A browser that never reads its last answer does not keep the engine.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), self.listening).await;
    }
}
