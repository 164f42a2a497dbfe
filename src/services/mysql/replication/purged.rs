//! Telling a server that it has transactions it will never be sent: only what it lacks, and never behind
//! the back of a running channel.

use crate::services::Result;
use crate::services::mysql::gtid::GtidSet;
use crate::services::mysql::{Session, literal};

use super::{Manner, executed, server_uuid, status};

/// Adds to `gtid_purged` what of `set` the server has not executed, and gives that back. Refused while a
/// channel is on, and on a managed server for what its procedure cannot take: tags, its own transactions.
pub async fn add_purged(session: &mut Session, set: &GtidSet) -> Result<GtidSet> {
    let doing = "add to gtid_purged";
    let missing = set.subtract(&executed(session).await?);
    if missing.is_empty() {
        return Ok(missing);
    }
    if let Some(channel) = status(session).await?
        && !channel.stopped()
    {
        return Err(session.refuse(doing, format!("a channel is on: {channel}")));
    }
    let manner = Manner::of(session).await?;
    if let Some(procedure) = manner.add_purged() {
        refuse_untakeable(session, &missing).await?;
        for (origin, intervals) in missing.iter() {
            for interval in intervals {
                let (first, last) = (interval.first(), interval.last());
                session.run(doing, &format!("CALL {procedure}({}, {first}, {last})", literal(&origin.uuid))).await?;
            }
        }
    } else {
        session.run(doing, &format!("SET GLOBAL gtid_purged = {}", literal(&format!("+{missing}")))).await?;
    }
    let left = missing.subtract(&executed(session).await?);
    if left.is_empty() { Ok(missing) } else { Err(session.refuse(doing, format!("the server still lacks {left}"))) }
}

async fn refuse_untakeable(session: &mut Session, missing: &GtidSet) -> Result<()> {
    let doing = "add to gtid_purged";
    if let Some(origin) = missing.first_tagged() {
        let tag = origin.tag.as_deref().unwrap_or_default();
        return Err(
            session.refuse(doing, format!("the set has transactions tagged {tag:?}, which the provider cannot take"))
        );
    }
    let own = missing.of_server(&server_uuid(session).await?);
    if own.is_empty() {
        return Ok(());
    }
    Err(session.refuse(doing, format!("{own} are numbered by this very server, and it has not executed them")))
}
