//! What tells a screen to go: a terminal that is closed, somebody who ends the process. The terminal is given back,
//! and nothing else ends with it.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::domain::Failure;

/// Listens for SIGTERM, SIGHUP and SIGINT; from then on none of them ends the process by itself.
pub(super) struct Signals([Signal; 3]);

impl Signals {
    pub(super) fn listen() -> Result<Self, Failure> {
        let hear = |kind| signal(kind).map_err(|why| Failure::permanent("listen for signals").because(why.to_string()));
        Ok(Self([hear(SignalKind::terminate())?, hear(SignalKind::hangup())?, hear(SignalKind::interrupt())?]))
    }

    /// Waits for one of them.
    pub(super) async fn heard(&mut self) {
        let Self([terminate, hangup, interrupt]) = self;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}
