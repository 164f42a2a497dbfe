//! A channel's state, read from SHOW REPLICA STATUS: it needs REPLICATION CLIENT only and works with
//! `performance_schema` off.

use std::fmt;

use mysql_async::Row;
use serde::Serialize;

use crate::services::mysql::gtid::GtidSet;

/// What a thread of the channel is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Working {
    /// At work.
    Running,
    /// The receiver only: on, not connected.
    Connecting,
    /// Off.
    Stopped,
}

impl Working {
    /// On, connected or not.
    pub fn is_on(self) -> bool {
        self != Self::Stopped
    }

    fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Connecting => "connecting",
            Self::Stopped => "stopped",
        }
    }
}

/// A thread's last error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// MySQL's number.
    pub code: u32,
    /// Its words.
    pub message: String,
}

/// One replication channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Channel {
    /// The configured source's host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The account the channel logs in with.
    pub user: String,
    /// The source's UUID; absent before the first connection.
    pub source_uuid: Option<String>,
    /// By GTID, not by file and position.
    pub auto_position: bool,
    /// Over TLS.
    pub tls: bool,
    /// The thread that fetches.
    pub receiver: Working,
    /// The thread that applies.
    pub applier: Working,
    /// What last stopped the receiver.
    pub receiver_fault: Option<Fault>,
    /// What last stopped the applier.
    pub applier_fault: Option<Fault>,
    /// What the receiver has fetched since it was configured.
    pub retrieved: GtidSet,
    /// What the replica has executed, from anywhere.
    pub executed: GtidSet,
    /// Seconds behind; absent while it cannot be known.
    pub lag_seconds: Option<u64>,
    /// `replicate_wild_do_table`, sorted.
    pub filter: Vec<String>,
}

impl Channel {
    /// Reads a row of SHOW REPLICA STATUS; nothing for a channel with a name.
    pub(super) fn of_row(row: &Row) -> Option<Result<Self, String>> {
        let text = |name: &str| row.get_opt::<Option<String>, _>(name)?.ok()?;
        if text("Channel_Name").is_some_and(|name| !name.is_empty()) {
            return None;
        }
        let number = |name: &str| row.get_opt::<Option<u64>, _>(name)?.ok()?;
        let set = |name: &str| text(name).unwrap_or_default().parse::<GtidSet>().map_err(|error| error.to_string());
        let working = |name: &str| match text(name).as_deref() {
            Some("Yes") => Working::Running,
            Some("Connecting") => Working::Connecting,
            _ => Working::Stopped,
        };
        let fault = |code: &str, message: &str| {
            let code = u32::try_from(number(code)?).ok().filter(|code| *code != 0)?;
            Some(Fault { code, message: text(message).unwrap_or_default() })
        };
        let (retrieved, executed) = match (set("Retrieved_Gtid_Set"), set("Executed_Gtid_Set")) {
            (Ok(retrieved), Ok(executed)) => (retrieved, executed),
            (Err(why), _) | (_, Err(why)) => return Some(Err(why)),
        };
        let mut filter: Vec<String> = text("Replicate_Wild_Do_Table")
            .unwrap_or_default()
            .split(',')
            .filter(|pattern| !pattern.is_empty())
            .map(str::to_owned)
            .collect();
        filter.sort_unstable();
        Some(Ok(Self {
            host: text("Source_Host").unwrap_or_default(),
            port: number("Source_Port").and_then(|port| u16::try_from(port).ok()).unwrap_or_default(),
            user: text("Source_User").unwrap_or_default(),
            source_uuid: text("Source_UUID").filter(|uuid| !uuid.is_empty()).map(|uuid| uuid.to_ascii_lowercase()),
            auto_position: number("Auto_Position") == Some(1),
            tls: text("Source_SSL_Allowed").as_deref() == Some("Yes"),
            receiver: working("Replica_IO_Running"),
            applier: working("Replica_SQL_Running"),
            receiver_fault: fault("Last_IO_Errno", "Last_IO_Error"),
            applier_fault: fault("Last_SQL_Errno", "Last_SQL_Error"),
            retrieved,
            executed,
            lag_seconds: number("Seconds_Behind_Source"),
            filter,
        }))
    }

    /// Connected and applying, without an error.
    pub fn running(&self) -> bool {
        self.receiver == Working::Running && self.applier == Working::Running && self.applier_fault.is_none()
    }

    /// Neither thread on.
    pub fn stopped(&self) -> bool {
        self.receiver == Working::Stopped && self.applier == Working::Stopped
    }

    /// What to do about a channel that does not run.
    pub fn way_out(&self) -> String {
        let source = format!("{}:{}", self.host, self.port);
        match (&self.applier_fault, &self.receiver_fault) {
            (Some(_), _) => {
                "mend on this server what the applier names (more in its error log), then start the channel \
                             again, or the step that made it"
                    .to_owned()
            }
            (None, Some(fault)) if fault.message.contains("Access denied") => {
                format!("check the password of '{}' and from which hosts it may log in at {source}", self.user)
            }
            (None, Some(_)) => format!("is MySQL running at {source}, and may this server reach it?"),
            (None, None) => "start the channel again".to_owned(),
        }
    }

    /// How many of the source's transactions are not applied here.
    pub fn behind(&self, source_executed: &GtidSet) -> u64 {
        source_executed.subtract(&self.executed).count()
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {}:{}, receiver {}", self.host, self.port, self.receiver.word())?;
        if let Some(fault) = &self.receiver_fault {
            write!(f, " ({}: {})", fault.code, fault.message)?;
        }
        write!(f, ", applier {}", self.applier.word())?;
        match &self.applier_fault {
            Some(fault) => write!(f, " ({}: {})", fault.code, fault.message),
            None => Ok(()),
        }
    }
}
