//! Whose server it is, and how each kind is told the same things.

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::Source;
use crate::services::Result;
use crate::services::mysql::gtid::GtidSet;
use crate::services::mysql::{Session, literal};

/// How often a receiver tries to reach its source again, every two seconds: for two days. Newer servers give up after
/// ten tries unless they are told, which a restart of the source may outlast.
const RETRIES: u32 = 86_400;

/// How replication is steered on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// By statements: a server of one's own.
    Own,
    /// By the provider's `mysql.rds_*` procedures: its admin is refused the statements.
    Managed(Dialect),
}

/// The words of the provider's procedures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// 8.4 and later: `rds_set_external_source_...`.
    Source,
    /// 8.0: `rds_set_external_master_...`. Never tried against a real one.
    Master,
}

impl Dialect {
    fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Master => "master",
        }
    }
}

impl Manner {
    /// Looks for the provider's procedures.
    pub async fn of(session: &mut Session) -> Result<Self> {
        let query = "SELECT routine_name FROM information_schema.routines WHERE routine_schema = 'mysql' AND routine_name IN \
                     ('rds_set_external_source_with_auto_position', 'rds_set_external_master_with_auto_position')";
        let names = session.rows("look for the provider's procedures", query).await?;
        let has = |word: &str| names.iter().filter_map(|row| row.get::<String, _>(0)).any(|name| name.contains(word));
        Ok(if has("_source_") {
            Self::Managed(Dialect::Source)
        } else if has("_master_") {
            Self::Managed(Dialect::Master)
        } else {
            Self::Own
        })
    }

    /// Whether a provider runs the server.
    pub fn managed(self) -> bool {
        matches!(self, Self::Managed(_))
    }

    /// The server hides the password in its own logs on both ways; the CALL may stand in a general log.
    pub(super) fn configure(self, source: &Source) -> String {
        let (host, port, user) = (literal(&source.host), source.port, literal(&source.user));
        let password = literal(source.password.expose_secret());
        match self {
            Self::Own => format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST = {host}, SOURCE_PORT = {port}, SOURCE_USER = {user}, \
                 SOURCE_PASSWORD = {password}, SOURCE_AUTO_POSITION = 1, SOURCE_SSL = 1, SOURCE_CONNECT_RETRY = 2, \
                 SOURCE_HEARTBEAT_PERIOD = 2, SOURCE_RETRY_COUNT = {RETRIES}"
            ),
            Self::Managed(dialect) => format!(
                "CALL mysql.rds_set_external_{}_with_auto_position({host}, {port}, {user}, {password}, 1, 0)",
                dialect.word()
            ),
        }
    }

    pub(super) fn start(self) -> &'static str {
        match self {
            Self::Own => "START REPLICA",
            Self::Managed(_) => "CALL mysql.rds_start_replication()",
        }
    }

    /// A managed server takes one GTID: the last of what is missing, since the applier works in order.
    pub(super) fn start_until(self, set: &GtidSet, missing: &GtidSet) -> String {
        match self {
            Self::Own => format!("START REPLICA UNTIL SQL_AFTER_GTIDS = {}", literal(&set.to_string())),
            Self::Managed(_) => {
                let mut origins = missing.iter();
                let until = match (origins.next(), origins.next()) {
                    (Some((origin, intervals)), None) if origin.tag.is_none() => {
                        format!("{}:{}", origin.uuid, intervals.last().map_or(1, super::super::gtid::Interval::last))
                    }
                    _ => missing.to_string(),
                };
                format!("CALL mysql.rds_start_replication_until_gtid({})", literal(&until))
            }
        }
    }

    pub(super) fn stop(self) -> &'static str {
        match self {
            Self::Own => "STOP REPLICA",
            Self::Managed(_) => "CALL mysql.rds_stop_replication()",
        }
    }

    pub(super) fn reset(self) -> &'static str {
        match self {
            Self::Own => "RESET REPLICA ALL",
            Self::Managed(Dialect::Source) => "CALL mysql.rds_reset_external_source()",
            Self::Managed(Dialect::Master) => "CALL mysql.rds_reset_external_master()",
        }
    }

    pub(super) fn add_purged(self) -> Option<&'static str> {
        match self {
            Self::Own => None,
            Self::Managed(Dialect::Source) => Some("mysql.rds_set_external_source_gtid_purged"),
            Self::Managed(Dialect::Master) => Some("mysql.rds_set_external_master_gtid_purged"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_managed_server_is_told_the_last_missing_transaction_only() {
        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        let set: GtidSet = format!("{uuid}:1-90").parse().unwrap();
        let missing: GtidSet = format!("{uuid}:60-70:80-90").parse().unwrap();
        let call = Manner::Managed(Dialect::Source).start_until(&set, &missing);
        assert_eq!(call, format!("CALL mysql.rds_start_replication_until_gtid('{uuid}:90')"));
        assert!(Manner::Own.start_until(&set, &missing).ends_with(&format!("'{uuid}:1-90'")));
    }
}
