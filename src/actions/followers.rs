//! Who follows a server: asked before something is done to it that its followers would do as well, or that
//! would end them.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Reading, Result, Working};
use crate::domain::Failure;
use crate::services::mysql::replication::{Follows, follows};
use crate::services::mysql::sessions::{self, Listed};
use crate::services::mysql::{Endpoint, Session};

/// So long a server may go on serving a follower that is gone: it sees that at its next heartbeat, which a
/// provider's channel sends every half minute.
const HEARTBEAT: Duration = Duration::from_secs(75);
const TICK: Duration = Duration::from_millis(250);

/// The channel by which `follower` follows the server at one of these addresses, or with this UUID.
pub(super) async fn channel_from(
    follower: &mut Session,
    uuid: &str,
    addresses: &[(String, u16)],
) -> Result<Option<Follows>> {
    Ok(follows(follower).await?.into_iter().find(|channel| channel.is_of(uuid, addresses)))
}

/// Where the server sends its binary log to now, by sessions of one kind.
pub(super) async fn served(session: &mut Session, kind: impl Fn(&Listed) -> bool) -> Result<Vec<String>> {
    let listed = sessions::list(session).await?.into_iter().filter(|listed| kind(listed));
    Ok(listed.map(|one| format!("{} as {}", one.host, one.user)).collect())
}

/// Waits until the server sends its binary log to nobody of that kind; refuses where somebody goes on reading.
pub(super) async fn await_none(
    cx: &Working,
    session: &mut Session,
    kind: impl Fn(&Listed) -> bool,
    doing: &str,
    next: &str,
) -> Result<()> {
    let deadline = Instant::now() + HEARTBEAT;
    loop {
        let served = served(session, &kind).await?;
        if served.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(refused(session.endpoint(), doing, &served).next(next));
        }
        cx.check_cancelled()?;
        cx.progress("wait until nobody reads the binary log", served.len() as u64, None, "readers");
        sleep(TICK).await;
    }
}

fn refused(server: &Endpoint, doing: &str, by: &[String]) -> Failure {
    Failure::refused(format!("{} ({}): {doing} is refused while a server follows it", server.label, server.address()))
        .because(format!("its binary log is read from {}", by.join(", ")))
}

/// Refuses where `follower` has a channel from the server.
pub(super) async fn refuse_channel(
    cx: &Reading,
    follower: &mut Session,
    server: (&Endpoint, &str),
    doing: &str,
) -> Result<()> {
    let (endpoint, uuid) = server;
    let addresses = [(endpoint.host.clone(), endpoint.port)];
    let Some(channel) = channel_from(follower, uuid, &addresses).await? else { return Ok(()) };
    let named =
        if channel.channel.is_empty() { "its channel".to_owned() } else { format!("channel `{}`", channel.channel) };
    let follower = follower.endpoint();
    Err(Failure::refused(format!(
        "{} ({}): {doing} is refused while a server follows it",
        endpoint.label,
        endpoint.address()
    ))
    .because(format!(
        "{} ({}) does, by {named} from {}:{}",
        follower.label,
        follower.address(),
        channel.host,
        channel.port
    ))
    .next(format!("stop and reset that channel, then take `{}` back again", cx.step_id())))
}
