//! How long a server keeps its binlogs: long enough for the other side to come back to it.

use serde::{Deserialize, Serialize};

use super::Manner;
use crate::services::Result;
use crate::services::mysql::Session;
use crate::services::mysql::variable::Variable;

const HOURS: &str = "binlog retention hours";

/// What the server is told about its binlogs, as found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retention {
    /// `binlog_expire_logs_seconds` of a server of one's own; 0 keeps them for ever.
    Own(Variable),
    /// `binlog retention hours` of a managed one; absent means: gone as soon as they are not needed.
    Managed(Option<u64>),
}

impl Retention {
    /// Whole hours kept; nothing when for ever.
    pub fn hours(&self) -> Option<u64> {
        match self {
            Self::Own(variable) => variable
                .value
                .as_deref()
                .and_then(|value| value.parse::<u64>().ok())
                .filter(|s| *s > 0)
                .map(|s| s / 3600),
            Self::Managed(hours) => Some(hours.unwrap_or(0)),
        }
    }

    /// Whether binlogs are kept at least that long.
    pub fn covers(&self, hours: u64) -> bool {
        self.hours().is_none_or(|kept| kept >= hours)
    }

    /// Puts back what was found.
    pub async fn put_back(&self, session: &mut Session) -> Result<()> {
        match self {
            Self::Own(variable) => variable.put_back(session).await,
            Self::Managed(hours) => {
                let value = hours.map_or_else(|| "NULL".to_owned(), |hours| hours.to_string());
                session
                    .run(
                        "put back the binlog retention",
                        &format!("CALL mysql.rds_set_configuration('{HOURS}', {value})"),
                    )
                    .await
            }
        }
    }
}

/// Reads it.
pub async fn read_retention(session: &mut Session) -> Result<Retention> {
    if !Manner::of(session).await?.managed() {
        return Ok(Retention::Own(Variable::read(session, "binlog_expire_logs_seconds").await?));
    }
    let rows = session.rows("read the binlog retention", "CALL mysql.rds_show_configuration()").await?;
    let named = |row: &&mysql_async::Row| row.get::<String, _>(0).as_deref() == Some(HOURS);
    let hours = rows.iter().find(named).and_then(|row| row.get_opt::<Option<String>, _>(1)?.ok()?);
    Ok(Retention::Managed(hours.and_then(|hours| hours.parse().ok())))
}

/// Makes the server keep its binlogs for at least that many hours; longer is left as it is.
pub async fn set_retention(session: &mut Session, hours: u64) -> Result<()> {
    let found = read_retention(session).await?;
    if found.covers(hours) {
        return Ok(());
    }
    let statement = match found {
        Retention::Own(_) => format!("SET PERSIST binlog_expire_logs_seconds = {}", hours * 3600),
        Retention::Managed(_) => format!("CALL mysql.rds_set_configuration('{HOURS}', {hours})"),
    };
    session.run(&format!("keep binlogs for {hours} hours"), &statement).await
}
