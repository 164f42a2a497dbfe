//! Native replication behind one interface, on a server of one's own and on a managed one.
//!
//! Which of the two a server is, is a fact read from it (does it offer the provider's procedures?), never
//! an option. Every call looks first and does only what is missing, so that repeating one is safe. There
//! is one channel, the unnamed one: managed servers offer no other.

mod beside;
mod channel;
mod filter;
mod follows;
mod manner;
mod purged;
mod retention;
mod wait;

use std::time::Duration;

use mysql_async::Row;
use secrecy::SecretString;
use tokio::time::{Instant, sleep};

use beside::pattern_of_all;
pub use beside::{Filters, beside, ignoring, lets_accounts_in};
pub use channel::{Channel, Fault, Working};
pub use filter::{patterns, set_filter};
pub use follows::{Follows, follows};
pub use manner::{Dialect, Manner};
pub use purged::add_purged;
pub use retention::{Retention, read_retention, set_retention};
pub use wait::{Applied, wait_applied};

use super::Session;
use super::gtid::GtidSet;
use crate::services::Result;

const READING: &str = "read the replication channels";
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const SETTLE: Duration = Duration::from_secs(10);

/// Where a replica gets its transactions from: always over TLS, always by GTID.
#[derive(Debug, Clone)]
pub struct Source {
    /// The address as the replica reaches it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The replication account on it.
    pub user: String,
    /// That account's password.
    pub password: SecretString,
}

/// Everything the server has executed.
pub async fn executed(session: &mut Session) -> Result<GtidSet> {
    let doing = "read gtid_executed";
    let text: Option<String> = session.first(doing, "SELECT @@GLOBAL.gtid_executed").await?;
    text.unwrap_or_default()
        .parse()
        .map_err(|error: super::gtid::ParseGtidError| session.refuse(doing, error.to_string()))
}

/// The server's own UUID, lower case.
pub async fn server_uuid(session: &mut Session) -> Result<String> {
    let uuid: Option<String> = session.first("read server_uuid", "SELECT @@GLOBAL.server_uuid").await?;
    Ok(uuid.unwrap_or_default().to_ascii_lowercase())
}

/// What the server shows of every channel, a row each.
async fn shown(session: &mut Session) -> Result<Vec<Row>> {
    session.rows_promptly(READING, "SHOW REPLICA STATUS").await
}

/// The channel as the server shows it; nothing when none is configured.
pub async fn status(session: &mut Session) -> Result<Option<Channel>> {
    let rows = shown(session).await?;
    rows.iter().find_map(Channel::of_row).transpose().map_err(|why| session.refuse(READING, why))
}

/// The names of channels other than the unnamed one: nobody here made them.
pub async fn foreign_channels(session: &mut Session) -> Result<Vec<String>> {
    let rows = shown(session).await?;
    let names = rows.iter().filter_map(|row| row.get_opt::<String, _>("Channel_Name")?.ok());
    Ok(names.filter(|name| !name.is_empty()).collect())
}

/// Points the channel at `source`. It must not be running; an idle one is pointed anew, with the password.
pub async fn configure(session: &mut Session, source: &Source) -> Result<()> {
    let doing = format!("configure the channel from {}:{}", source.host, source.port);
    if let Some(channel) = status(session).await?
        && !channel.stopped()
    {
        return Err(session.refuse(&doing, "the channel is running").next("stop and reset it first"));
    }
    let statement = Manner::of(session).await?.configure(source);
    session.run_with_password(&doing, &statement).await
}

/// Starts the channel and waits until its threads have left the stopped state.
pub async fn start(session: &mut Session) -> Result<()> {
    if status(session).await?.is_some_and(|channel| channel.receiver.is_on() && channel.applier.is_on()) {
        return Ok(());
    }
    let statement = Manner::of(session).await?.start();
    session.run_promptly("start the channel", statement).await
}

/// Waits until the channel is connected and applying, and gives it back; a broken one ends the wait.
pub async fn until_running(session: &mut Session, deadline: Instant) -> Result<Channel> {
    let doing = "see the channel run";
    loop {
        let channel = status(session).await?.ok_or_else(|| session.refuse(doing, "there is no channel"))?;
        if channel.running() {
            return Ok(channel);
        }
        let late = Instant::now() >= deadline;
        if channel.broken() || (late && channel.receiver_fault.is_some()) {
            return Err(session.refuse(doing, channel.to_string()).next(channel.way_out()));
        }
        if late {
            return Err(session.refuse(doing, format!("not in time: {channel}")).next(channel.way_out()));
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Lets the channel apply up to everything in `set` and stop there by itself. The applier must be
/// stopped; with nothing of `set` missing, it stays so.
pub async fn start_until(session: &mut Session, set: &GtidSet) -> Result<()> {
    let missing = set.subtract(&executed(session).await?);
    if missing.is_empty() {
        return Ok(());
    }
    let statement = Manner::of(session).await?.start_until(set, &missing);
    session.run_promptly("start the channel up to a GTID", &statement).await
}

/// Stops both threads and waits until they stand.
pub async fn stop(session: &mut Session) -> Result<()> {
    match status(session).await? {
        Some(channel) if !channel.stopped() => {}
        _ => return Ok(()),
    }
    let statement = Manner::of(session).await?.stop();
    session.run_promptly("stop the channel", statement).await?;
    let deadline = Instant::now() + SETTLE;
    while status(session).await?.is_some_and(|channel| !channel.stopped()) {
        if Instant::now() >= deadline {
            return Err(session.refuse("stop the channel", "its threads still run"));
        }
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// Stops the channel and forgets it: source, password, relay logs. Stopped alone, it could start again.
pub async fn reset(session: &mut Session) -> Result<()> {
    if status(session).await?.is_none() {
        return Ok(());
    }
    stop(session).await?;
    let statement = Manner::of(session).await?.reset();
    session.run_promptly("reset the channel", statement).await?;
    match status(session).await? {
        None => Ok(()),
        Some(channel) => Err(session.refuse("reset the channel", format!("it is still there: {channel}"))),
    }
}
