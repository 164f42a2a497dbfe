//! The front: what stands at the old address and passes requests to the old side, holds them, or relays
//! them to the new one.
//!
//! A program beside it, `front-switch`, does the work; this module calls it over a [`Transport`] and holds
//! it to its contract. Every action is idempotent, takes two seconds at most, and is proved by a request
//! that asks what is in force afterwards. Between `direct` and `relay` there is always `hold`, with no write in
//! flight to the side that is left: the order is kept here, not by the caller.

mod said;
mod transport;

use std::time::Duration;

use jiff::Timestamp;

pub use said::{Mode, Side, Status, Tested};
pub use transport::Transport;

use crate::services::{Error, Kind, Result};

/// The longest that an action may take; one that was not answered is asked once more.
const LIMIT: Duration = Duration::from_secs(2);
/// For a request through the staged relay, which the new side answers.
const TEST_LIMIT: Duration = Duration::from_secs(10);
/// Beyond the time that the program itself is given to wait for writes to end.
const GRACE: Duration = Duration::from_secs(2);

/// What stands at the old address.
#[derive(Debug, Clone)]
pub struct Front {
    transport: Transport,
}

impl Front {
    /// A front reached in this way; nothing is asked yet.
    pub fn over(transport: Transport) -> Self {
        Self { transport }
    }

    /// Which way is in force, as the front's own answer says.
    pub async fn status(&self) -> Result<Status> {
        let said = self.ask(&["status"], LIMIT).await?;
        said::status(&said).ok_or_else(|| self.fault("say which way is in force").because(format!("it said: {said}")))
    }

    /// Sends a real GET through the staged relay, whichever way is in force.
    pub async fn test(&self, path: &str) -> Result<Tested> {
        let said = self.ask(&["test", path], TEST_LIMIT).await?;
        said::tested(&said).ok_or_else(|| self.fault("test the staged relay").because(format!("it said: {said}")))
    }

    /// Points the staged relay at the new side, `host:port` for plain HTTP and for HTTPS. Refused while the
    /// relay is in force.
    pub async fn stage(&self, http: &str, https: &str) -> Result<()> {
        if self.status().await?.mode == Mode::Relay {
            return Err(self.fault("stage the relay").because("it is in force").next("hold first"));
        }
        self.ask(&["stage", http, https], TEST_LIMIT).await.map(drop)
    }

    /// Lets no new write through to either side; reads go on to the side they went to.
    pub async fn hold(&self) -> Result<()> {
        self.put_in_force(Mode::Hold).await
    }

    /// Waits until no write is in flight to `side`.
    pub async fn drained(&self, side: Side, patience: Duration) -> Result<()> {
        let seconds = patience.as_secs().max(1);
        self.ask(&["drained", side.word(), &seconds.to_string()], Duration::from_secs(seconds) + GRACE).await.map(drop)
    }

    /// Passes everything on to the new side; by way of hold.
    pub async fn relay(&self, patience: Duration) -> Result<()> {
        self.by_way_of_hold(Mode::Relay, Mode::Direct, Side::Old, patience).await
    }

    /// Passes everything to the old side again; by way of hold.
    pub async fn direct(&self, patience: Duration) -> Result<()> {
        self.by_way_of_hold(Mode::Direct, Mode::Relay, Side::New, patience).await
    }

    /// How many requests of clients the front has passed on to the new side since it was staged.
    pub async fn hits(&self) -> Result<u64> {
        self.counted(&["hits"]).await
    }

    /// How many of them came after that second, by the front's clock.
    pub async fn hits_since(&self, since: Timestamp) -> Result<u64> {
        self.counted(&["hits", &since.as_second().to_string()]).await
    }

    /// How many writes of clients were told to come again after that second, by the front's clock.
    pub async fn held_since(&self, since: Timestamp) -> Result<u64> {
        self.counted(&["held", &since.as_second().to_string()]).await
    }

    async fn counted(&self, arguments: &[&str]) -> Result<u64> {
        let said = self.ask(arguments, LIMIT).await?;
        let count = said.split_whitespace().rev().find_map(|word| word.parse().ok());
        count.ok_or_else(|| self.fault("count requests").because(format!("it said: {said}")))
    }

    /// Out of hold it is one call; whatever else is in force is left by way of hold first.
    async fn by_way_of_hold(&self, wanted: Mode, opposite: Mode, leaving: Side, patience: Duration) -> Result<()> {
        let Err(refused) = self.put_in_force(wanted).await else { return Ok(()) };
        if self.status().await?.mode != opposite {
            return Err(refused);
        }
        self.hold().await?;
        self.drained(leaving, patience).await?;
        self.put_in_force(wanted).await
    }

    /// The program proves each change by a request of its own through the front, and fails unless that found
    /// the way in force; a second look would cost a tenant's patience in a freeze and prove nothing more.
    async fn put_in_force(&self, wanted: Mode) -> Result<()> {
        self.ask(&[wanted.word()], LIMIT).await.map(drop)
    }

    async fn ask(&self, arguments: &[&str], limit: Duration) -> Result<String> {
        match self.transport.run(arguments, limit).await {
            // Every action is idempotent: a lost answer is resolved by asking again.
            Err(error) if error.kind == Kind::Unknown => self.transport.run(arguments, limit).await,
            other => other,
        }
    }

    fn fault(&self, doing: &str) -> Error {
        Error::new("front", self.transport.to_string(), doing, Kind::Permanent)
    }
}
