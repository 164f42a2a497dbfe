//! How each thing that `mysql.prepare` changed is put back, and what refuses it: what somebody else relies on, or
//! changed after the run.

use tokio::time::Instant;

use super::back::named;
use super::made::OTHERS;
use crate::actions::followers::await_none;
use crate::actions::{Result, Working};
use crate::domain::Failure;
use crate::domain::resource::Side;
use crate::services::mysql::Session;
use crate::services::mysql::grants::{self, Account};
use crate::services::mysql::gtid_mode::{GtidSettings, Stair, climb};
use crate::services::mysql::replication::{Retention, follows, read_retention};
use crate::services::mysql::sessions::Listed;

const HISTORY_WHY: &str = "a server's GTID history only grows: transactions keep the ids that they got, and the next \
                           ones go on counting from there";

/// Stands just below a stair; at the value that was found, what was persisted is so again.
pub(super) async fn stair_down(
    cx: &Working,
    side: Side,
    session: &mut Session,
    stair: Stair,
    before: &GtidSettings,
) -> Result<()> {
    let down = GtidSettings::read(session).await?.down_below(stair);
    if matches!(stair, Stair::Mode(_)) && !down.is_empty() {
        nobody_follows_by_gtid(cx, session).await?;
        cx.keep(None, format!("the GTID history of the {}", named(side)), HISTORY_WHY)?;
    }
    for stair in down {
        climb(session, stair, Instant::now() + OTHERS).await?;
    }
    let now = GtidSettings::read(session).await?;
    let (now, before) = match stair {
        Stair::Mode(_) => (now.mode, &before.mode),
        Stair::Consistency(_) => (now.consistency, &before.consistency),
    };
    if now.value == before.value && now.persisted != before.persisted {
        before.put_back_persisted(session).await?;
    }
    Ok(())
}

/// GTIDs do not go off under a follower that asks for them, whoever made it, nor on a server that follows so.
async fn nobody_follows_by_gtid(cx: &Working, session: &mut Session) -> Result<()> {
    let next = format!("stop and reset that channel, then take `{}` back again", cx.step_id());
    if let Some(channel) = follows(session).await?.into_iter().find(|channel| channel.by_gtid) {
        let server = session.endpoint();
        return Err(Failure::refused(format!("{} ({}): GTIDs cannot go off", server.label, server.address()))
            .because(format!("it follows {}:{} by GTID", channel.host, channel.port))
            .next(next));
    }
    await_none(cx, session, Listed::follows_by_gtid, "switching GTIDs off", &next).await
}

pub(super) async fn drop_account(cx: &Working, session: &mut Session, account: &Account) -> Result<()> {
    refuse_other_grants(session, account).await?;
    let next = "stop and reset the channel that logs in with it, then take the step back again";
    let reads = |listed: &Listed| listed.follows() && listed.user == account.user;
    await_none(cx, session, reads, &format!("dropping account {account}"), next).await?;
    Ok(session.run(&format!("drop account {account}"), &format!("DROP USER IF EXISTS {account}")).await?)
}

/// An account that somebody gave more than the run did is used for something else by now.
pub(super) async fn refuse_other_grants(session: &mut Session, account: &Account) -> Result<()> {
    if !grants::exists(session, account).await? {
        return Ok(());
    }
    let ours = |line: &String| {
        ["GRANT USAGE ON *.* ", "GRANT REPLICATION SLAVE ON *.* "].iter().any(|own| line.starts_with(own))
    };
    let odd: Vec<String> = grants::lines(session, account).await?.into_iter().filter(|line| !ours(line)).collect();
    if odd.is_empty() {
        return Ok(());
    }
    let server = session.endpoint();
    Err(Failure::refused(format!(
        "{} ({}): account {account} is not as this run left it",
        server.label,
        server.address()
    ))
    .because(format!("it has {}", odd.join(", ")))
    .next("revoke what the run did not give, or drop the account yourself, then take the step back again"))
}

/// Whether there is something to put back; refuses what is neither as found nor as the run set it.
pub(super) async fn as_set(session: &mut Session, before: &Retention, hours: u64) -> Result<bool> {
    let now = read_retention(session).await?;
    if now == *before {
        return Ok(false);
    }
    if now.hours() == Some(hours) || now.hours() == before.hours() {
        return Ok(true);
    }
    let server = session.endpoint();
    Err(Failure::refused(format!(
        "{} ({}): somebody changed how long binlogs are kept",
        server.label,
        server.address()
    ))
    .because(format!("it was {} and the run made it {hours} h; now it is {}", words(before), words(&now)))
    .next(format!("set it to {hours} h or to {} again, then take the step back again", words(before))))
}

/// How long binlogs are kept.
pub(super) fn words(retention: &Retention) -> String {
    match retention {
        Retention::Managed(None) => "as long as the platform needs them".to_owned(),
        other => other.hours().map_or_else(|| "ever".to_owned(), |hours| format!("{hours} h")),
    }
}
