//! Starting the stand-in: sockets, the addresses that come later, and the end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::service::{Manners, Service, lock};
use super::world::Seed;
use super::{api, dns};
use crate::services::{Error, Kind, Result};

/// How often a later address is tried.
const LATER: Duration = Duration::from_millis(250);

/// What the stand-in needs.
#[derive(Debug)]
pub struct Options {
    /// Where the API is served.
    pub api: SocketAddr,
    /// Where DNS is answered, by UDP and TCP.
    pub dns: Vec<SocketAddr>,
    /// Addresses that may not exist yet (a network's gateway): DNS is answered there from when they do.
    pub later: Vec<SocketAddr>,
    /// Where the zone is kept.
    pub directory: PathBuf,
    /// What a fresh zone looks like.
    pub seed: Seed,
    /// How it behaves in time.
    pub manners: Manners,
    /// The access key id and its secret.
    pub keys: (String, SecretString),
}

/// A running stand-in; it ends when this is dropped.
pub struct Standin {
    /// Where the API is.
    pub api: SocketAddr,
    /// Where DNS is answered at first, in the order of the options.
    pub dns: Vec<SocketAddr>,
    stop: CancellationToken,
}

impl Standin {
    /// The API's endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.api)
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Starts the stand-in inside this process.
pub async fn launch(options: Options) -> Result<Standin> {
    let directory = options.directory.display().to_string();
    let service = Service::open(options.directory, options.seed, options.manners, options.keys).map_err(|why| {
        fault(directory, "read the zone that was kept").because(why).next("move the file away for a fresh zone")
    })?;
    let service = Arc::new(service);
    let stop = CancellationToken::new();

    let listener = TcpListener::bind(options.api).await.map_err(|why| taken(options.api, why))?;
    let api = listener.local_addr().map_err(|why| taken(options.api, why))?;
    let mut bound = Vec::new();
    for address in options.dns {
        bound.push(answer_at(&service, address, &stop).await.map_err(|why| taken(address, why))?);
    }
    for address in options.later {
        tokio::spawn(answer_later(Arc::clone(&service), address, stop.clone()));
    }
    let until = stop.clone().cancelled_owned();
    let router = api::router(service);
    tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(until).await });
    Ok(Standin { api, dns: bound, stop })
}

/// Runs the stand-in until SIGTERM or SIGINT.
pub async fn serve(options: Options) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let standin = launch(options).await?;
    let hear =
        |kind| signal(kind).map_err(|why| fault(String::from("this process"), "listen for signals").because(why));
    let (mut term, mut int) = (hear(SignalKind::terminate())?, hear(SignalKind::interrupt())?);
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
    drop(standin);
    Ok(())
}

/// Answers at `address` until `stop`; gives the address with its real port.
async fn answer_at(
    service: &Arc<Service>,
    address: SocketAddr,
    stop: &CancellationToken,
) -> std::io::Result<SocketAddr> {
    let (mut server, bound) = dns::listen(Arc::clone(service), address).await?;
    lock(&service.bound).insert(bound);
    let (stop, service) = (stop.clone(), Arc::clone(service));
    tokio::spawn(async move {
        stop.cancelled().await;
        lock(&service.bound).remove(&bound);
        // Open TCP connections are not waited for: nobody has a use for an answer any more.
        let _ = tokio::time::timeout(Duration::from_millis(200), server.shutdown_gracefully()).await;
    });
    Ok(bound)
}

/// Waits for the address to exist, then answers there. A network that is made again keeps its gateway's
/// address, and with it this socket.
async fn answer_later(service: Arc<Service>, address: SocketAddr, stop: CancellationToken) {
    let mut tick = tokio::time::interval(LATER);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if answer_at(&service, address, &stop).await.is_ok() {
            return;
        }
    }
}

fn taken(address: SocketAddr, why: std::io::Error) -> Error {
    let next = format!("see who listens at {address} and end it, or give another address");
    fault(address.to_string(), "listen").because(why).next(next)
}

fn fault(address: String, doing: &str) -> Error {
    Error::new("the lab's Route 53", address, doing, Kind::Permanent)
}
