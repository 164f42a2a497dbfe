//! Finding what an earlier attempt left running on a server.
//!
//! Every session of a step holds `GET_LOCK('cutover:RUN:STEP:WORKER')`. A later attempt asks `IS_USED_LOCK`,
//! ends that session, and has the lock itself before it goes on: then nothing of the old attempt is at work.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::quote::literal;
use super::server::has_procedure;
use super::session::Session;
use crate::services::error::{Kind, Result};

/// The server's limit for a lock's name, in characters.
const LONGEST: usize = 64;

/// The name of a session's lock.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LockName(String);

impl LockName {
    /// The lock of one worker of one step of one run. A name that is too long ends in a digest of it.
    #[must_use]
    pub fn new(run: &str, step: &str, worker: &str) -> Self {
        let name = format!("cutover:{run}:{step}:{worker}");
        if name.chars().count() <= LONGEST {
            return Self(name);
        }
        let digest = hex::encode(&Sha256::digest(&name)[..16]);
        let head: String = name.chars().take(LONGEST - digest.len() - 1).collect();
        Self(format!("{head}:{digest}"))
    }

    /// The name as the server knows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Ends the session that holds `name`, if any, and waits up to `patience` until it is gone.
///
/// Gives the number of the session that was ended.
pub async fn end_leftover(session: &mut Session, name: &LockName, patience: Duration) -> Result<Option<u64>> {
    let doing = format!("end what holds {name}");
    let quoted = literal(name.as_str());
    let holder: Option<Option<u64>> = session.first(&doing, &format!("SELECT IS_USED_LOCK({quoted})")).await?;
    let Some(id) = holder.flatten() else { return Ok(None) };
    let kill = if has_procedure(session, "mysql", "rds_kill").await? {
        format!("CALL mysql.rds_kill({id})")
    } else {
        format!("KILL {id}")
    };
    match session.run(&doing, &kill).await {
        // It went away by itself in between.
        Err(error) if super::code(&error) == Some(1094) => {}
        // A platform's procedure wraps the same refusal in words of its own: having the lock decides.
        Err(error) if super::code(&error) == Some(1644) => {}
        outcome => outcome?,
    }
    let wait = format!("SELECT GET_LOCK({quoted}, {})", patience.as_secs().max(1));
    if session.one::<Option<u8>>(&doing, &wait).await? != Some(1) {
        return Err(session.endpoint().error(doing, Kind::Transient).because(format!("session {id} is still there")));
    }
    let _: Option<u8> = session.one(&doing, &format!("SELECT RELEASE_LOCK({quoted})")).await?;
    Ok(Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_within_the_servers_limit_and_stays_unlike_others() {
        let long = "x".repeat(80);
        let (a, b) = (LockName::new(&long, "restore", "1"), LockName::new(&long, "restore", "2"));
        assert_eq!(a.as_str().len(), 64);
        assert_ne!(a, b);
        assert_eq!(LockName::new("r", "s", "3").as_str(), "cutover:r:s:3");
    }
}
