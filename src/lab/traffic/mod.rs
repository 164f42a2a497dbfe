//! The tenants of a rehearsal: they follow the sun, in a process of their own.
//!
//! ```text
//! curve -> arrivals -> seat (a client, its cached DNS answer) -> http -> classify -> recorder -> attempts.jsonl
//!            steady -^                                                                    \---> live.jsonl
//! ```
//!
//! Whatever happens to the engine, these clients go on, and what each of them saw is on disk a tenth of a
//! second later. The ledger reads it from there. `curve`, `classify`, `answer`, `stall` and `totals` are pure.

pub mod answer;
mod arrivals;
pub mod attempt;
pub mod classify;
pub mod curve;
pub mod options;
mod process;
mod recorder;
mod rota;
mod seat;
pub mod stall;
mod steady;
pub mod totals;

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use attempt::Attempt;
pub use options::Options;
pub use process::Traffic;
pub use recorder::{ATTEMPTS, LIVE, Live};

use crate::services::{Error, Kind, Result};
use attempt::Way;
use seat::{Seat, Street};

/// Runs the tenants until SIGTERM, an interrupt, or (with [`Options::until_stdin_closes`]) the end of
/// standard input; then finishes what is outstanding, each attempt within its timeout, and returns.
pub async fn run(options: Options) -> Result<()> {
    let stop = CancellationToken::new();
    listen_for_the_end(&stop, options.until_stdin_closes)?;
    serve(options, stop).await
}

/// The same, ended by `stop`: for a test that has the tenants in its own process.
pub async fn serve(options: Options, stop: CancellationToken) -> Result<()> {
    let (records, recorder) = recorder::open(&options)?;
    let street = Arc::new(Street::new(options, records, stop.clone())?);
    let tasks = TaskTracker::new();
    let mut number = 0;
    for way in [Way::Stale, Way::Resolving] {
        for scheme in street.options.schemes() {
            tasks.spawn(steady::write_on(Seat::new(street.clone(), number, way, scheme)));
            number += 1;
        }
    }
    tasks.spawn(arrivals::follow_the_sun(street.clone(), number, tasks.clone()));
    let recording = tokio::spawn(recorder.run(street.pending.clone()));
    stop.cancelled().await;
    tasks.close();
    tasks.wait().await;
    // The last sender goes with the street: the recorder then writes its last line and ends.
    drop(street);
    recording
        .await
        .map_err(|e| Error::new("traffic", "this process", "record the attempts", Kind::Permanent).because(e))?
}

/// Cancels `stop` when this process is asked to end. A hang-up of the terminal is not such a wish.
fn listen_for_the_end(stop: &CancellationToken, stdin: bool) -> Result<()> {
    let fault = |e| Error::new("traffic", "this process", "listen for signals", Kind::Permanent).because(e);
    let mut ended = signal(SignalKind::terminate()).map_err(fault)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(fault)?;
    let mut hung_up = signal(SignalKind::hangup()).map_err(fault)?;
    let token = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = ended.recv() => break,
                _ = interrupted.recv() => break,
                _ = hung_up.recv() => {}
            }
        }
        token.cancel();
    });
    if stdin {
        let token = stop.clone();
        // A plain thread: the runtime would wait for its own blocked reader at the end.
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            token.cancel();
        });
    }
    Ok(())
}
