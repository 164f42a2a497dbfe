//! The fence of a server of one's own: `super_read_only`, persisted, so that it survives a restart.
//!
//! The statement waits for every statement that is writing, and while it waits every other writer waits
//! behind it: so it waits a second at most, then the blockers are dealt with by policy, and it tries again
//! until the deadline.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::blockers::{self, Blockers};
use crate::services::mysql::variable::Variable;
use crate::services::mysql::{Session, code};
use crate::services::{Error, Kind, Result};

const LOCK_WAIT_TIMEOUT: u16 = 1205;
/// Time for ended statements to roll back before the next try.
const BREATH: Duration = Duration::from_millis(50);

/// Whether the server took writes before it was fenced, running and persisted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenState {
    /// `read_only`.
    pub read_only: Variable,
    /// `super_read_only`.
    pub super_read_only: Variable,
}

impl fmt::Display for OpenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.read_only, self.super_read_only)
    }
}

impl OpenState {
    /// Reads it: to be recorded before [`shut`].
    pub async fn read(session: &mut Session) -> Result<Self> {
        let read_only = Variable::read(session, "read_only").await?;
        Ok(Self { read_only, super_read_only: Variable::read(session, "super_read_only").await? })
    }

    /// Whether the server refuses every client's writes.
    pub fn is_shut(&self) -> bool {
        self.super_read_only.is_on()
    }
}

/// Shuts the fence, or says by the deadline what keeps it open. Gives back the sessions it ended.
pub async fn shut(session: &mut Session, policy: &Blockers, deadline: Instant) -> Result<Vec<u64>> {
    let doing = "fence the server";
    let mut ended = Vec::new();
    loop {
        session.run(doing, "SET SESSION lock_wait_timeout = 1").await?;
        match session.run(doing, "SET PERSIST super_read_only = ON").await {
            Ok(()) => return Ok(ended),
            Err(error) if code(&error) == Some(LOCK_WAIT_TIMEOUT) => {}
            Err(error) => return Err(error),
        }
        let found = blockers::find(session).await?;
        if Instant::now() >= deadline {
            let named: Vec<String> = found.iter().map(|listed| format!("{} of {}", listed.id, listed.user)).collect();
            let why = format!("not in time; in its way: sessions {}", named.join(", "));
            return Err(Error { kind: Kind::Transient, ..session.refuse(doing, why) });
        }
        ended.extend(blockers::end(session, policy, &found).await?);
        sleep(BREATH).await;
    }
}

/// Opens the server exactly as it was found. `super_read_only=OFF` alone would leave `read_only` on.
pub async fn open(session: &mut Session, before: &OpenState) -> Result<()> {
    let doing = "open the server as it was";
    session.run(doing, "SET SESSION lock_wait_timeout = 1").await?;
    if !before.super_read_only.is_on() {
        session.run(doing, "SET GLOBAL super_read_only = OFF").await?;
    }
    if !before.read_only.is_on() {
        session.run(doing, "SET GLOBAL read_only = OFF").await?;
    }
    before.super_read_only.put_back_persisted(session).await?;
    before.read_only.put_back_persisted(session).await?;
    let found = OpenState::read(session).await?;
    if found == *before {
        return Ok(());
    }
    Err(session.refuse(doing, format!("read back: {found}; recorded was: {before}")))
}
