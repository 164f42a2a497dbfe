//! What stands in the way of the fence: statements that are writing, sessions that hold table locks, and
//! transactions somebody prepared and left.

use serde::{Deserialize, Serialize};

use crate::services::Result;
use crate::services::mysql::Session;
use crate::services::mysql::replication::Manner;
use crate::services::mysql::sessions::{self, Listed};

/// What is done with a session that keeps the fence open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blockers {
    /// Wait for it within the budget.
    Wait,
    /// End it if it belongs to one of these users, else wait.
    EndOf(Vec<String>),
    /// End it, whosever it is.
    EndAll,
}

/// The sessions that hold what the fence needs. With `performance_schema` on the server names them; else
/// every busy session is taken for one.
pub async fn find(session: &mut Session) -> Result<Vec<Listed>> {
    let query = "SELECT t.processlist_id FROM performance_schema.metadata_locks l \
                 JOIN performance_schema.threads t ON t.thread_id = l.owner_thread_id \
                 WHERE l.object_type IN ('GLOBAL', 'COMMIT') AND l.lock_status = 'GRANTED' \
                 AND t.processlist_id IS NOT NULL AND t.processlist_id <> CONNECTION_ID()";
    let holders = session.rows("look for what blocks the fence", query).await?;
    let holders: Vec<u64> = holders.iter().filter_map(|row| row.get_opt::<u64, _>(0)?.ok()).collect();
    let listed = sessions::list(session).await?;
    if listed.iter().any(|listed| holders.contains(&listed.id)) {
        return Ok(listed.into_iter().filter(|listed| holders.contains(&listed.id)).collect());
    }
    Ok(listed.into_iter().filter(Listed::busy).collect())
}

/// Ends those of `found` that the policy lets go, and gives back which.
pub async fn end(session: &mut Session, policy: &Blockers, found: &[Listed]) -> Result<Vec<u64>> {
    let mut ended = Vec::new();
    for listed in found.iter().filter(|listed| policy.covers(&listed.user)) {
        sessions::end(session, Manner::Own, listed.id).await?;
        ended.push(listed.id);
    }
    Ok(ended)
}

impl Blockers {
    fn covers(&self, user: &str) -> bool {
        match self {
            Self::Wait => false,
            Self::EndOf(users) => users.iter().any(|named| named == user),
            Self::EndAll => !matches!(user, "system user" | "event_scheduler"),
        }
    }
}

/// XA transactions that are prepared: they survive a fence and could commit behind it.
pub async fn prepared_transactions(session: &mut Session) -> Result<usize> {
    Ok(session.rows("look for prepared XA transactions", "XA RECOVER").await?.len())
}
