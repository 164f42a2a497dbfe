//! Taking a lock that others may hold up, by small tries; when patience is over, the error names them.
//!
//! A waiting lock holds up every other writer behind it, so no try may last long.

use std::time::{Duration, Instant};

use super::freeze::Patience;
use crate::services::error::{Error, Kind, Result};
use crate::services::mysql::fault::code;
use crate::services::mysql::session::Session;
use crate::services::mysql::sessions::{self, Listed};

const LOCK_WAIT_TIMEOUT: u16 = 1205;
/// So many sessions are named.
const NAMED: usize = 5;
/// A statement that has run for so long may go on for longer than any try.
const LONG: Duration = Duration::from_secs(1);

/// Tries the statement once: the moment it began, or nothing where others held it up for too long.
pub(super) async fn once(control: &mut Session, doing: &str, sql: &str) -> Result<Option<Instant>> {
    let began = Instant::now();
    match control.run(doing, sql).await {
        Ok(()) => Ok(Some(began)),
        Err(error) if code(&error) == Some(LOCK_WAIT_TIMEOUT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Tries it until patience is over.
pub(super) async fn patiently(control: &mut Session, doing: &str, sql: &str, patience: Patience) -> Result<Instant> {
    let mut tries = Tries::new(patience);
    loop {
        if let Some(began) = once(control, doing, sql).await? {
            return Ok(began);
        }
        tries.another(control, doing).await?;
    }
}

/// Counts tries.
pub(super) struct Tries {
    patience: Patience,
    made: u32,
}

impl Tries {
    pub(super) fn new(patience: Patience) -> Self {
        Self { patience, made: 0 }
    }

    /// Lets held writers through before the next try; the last one failed for good, and says who was in the way.
    pub(super) async fn another(&mut self, control: &mut Session, doing: &str) -> Result<()> {
        self.made += 1;
        if self.made < self.patience.tries {
            tokio::time::sleep(self.patience.between).await;
            return Ok(());
        }
        let named = in_the_way(control).await?;
        let named = if named.is_empty() { "nobody that this account may see".to_owned() } else { named.join(", ") };
        let why = format!("it was tried {} times; in its way: {named}", self.made);
        Err(Error { kind: Kind::Transient, ..control.refuse(doing, why) }
            .next("wait until that is over, or end it (KILL with the session's number), then try again"))
    }
}

/// Whether anybody's statement has run for long.
pub(super) async fn anything_long(control: &mut Session) -> Result<bool> {
    Ok(working(control).await?.iter().any(|listed| listed.busy() && listed.seconds >= LONG.as_secs()))
}

/// Everybody but the server itself.
async fn working(control: &mut Session) -> Result<Vec<Listed>> {
    let mut found = sessions::list(control).await?;
    found.retain(|listed| listed.user != "system user" && listed.user != "event_scheduler");
    Ok(found)
}

/// Sessions that run a statement, and those that stand in a transaction with writes in it; the longest first.
/// Of the statement only its first word: the rest may hold anybody's data.
async fn in_the_way(control: &mut Session) -> Result<Vec<String>> {
    let sql = "SELECT trx_mysql_thread_id FROM information_schema.INNODB_TRX WHERE trx_rows_modified > 0";
    let writing: Vec<u64> = match control.query("look for open transactions", sql).await {
        Ok(writing) => writing,
        // Without PROCESS an account sees only its own sessions, and no transactions.
        Err(error) if code(&error) == Some(1227) => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut found = working(control).await?;
    found.retain(|listed| listed.busy() || writing.contains(&listed.id));
    found.sort_by_key(|listed| std::cmp::Reverse(listed.seconds));
    let named = found.iter().take(NAMED).map(|listed| {
        let word = listed.statement.as_deref().and_then(|text| text.split_whitespace().next());
        let doing = word.map_or_else(|| "idle in a transaction".to_owned(), |word| format!("at a {word}"));
        format!("session {} of '{}', {doing} for {} s", listed.id, listed.user, listed.seconds)
    });
    Ok(named.collect())
}
