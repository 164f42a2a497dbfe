//! A channel's state, read from SHOW REPLICA STATUS: it needs REPLICATION CLIENT only and works with
//! `performance_schema` off.

use std::fmt;

use mysql_async::Row;
use serde::Serialize;

use super::Source;
use super::beside::Filters;
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

impl Fault {
    /// The source has no binary log any more that the replica lacks.
    fn is_of_purged_logs(&self) -> bool {
        self.message.contains("purged")
    }
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
    /// Every filter by table, by its name.
    pub filters: Filters,
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
        let filters = ["Replicate_Wild_Do_Table", "Replicate_Do_Table", "Replicate_Wild_Ignore_Table"];
        let filters: Filters = filters.map(|name| (name.to_owned(), text(name).unwrap_or_default())).to_vec();
        let mut filter: Vec<String> =
            filters[0].1.split(',').filter(|pattern| !pattern.is_empty()).map(str::to_owned).collect();
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
            filters,
        }))
    }

    /// Whether it is told to follow that source.
    pub fn is_from(&self, source: &Source) -> bool {
        (&*self.host, self.port) == (&*source.host, source.port)
    }

    /// Connected and applying, without an error.
    pub fn running(&self) -> bool {
        self.receiver == Working::Running && self.applier == Working::Running && self.applier_fault.is_none()
    }

    /// Stopped at an error that does not pass by itself: the applier at one of its own, or the receiver given up.
    /// A receiver that only reconnects is on, and the fault that it then shows passes once its source answers.
    pub fn broken(&self) -> bool {
        self.applier_fault.is_some() || (self.receiver == Working::Stopped && self.receiver_fault.is_some())
    }

    /// Whether it will never bring all of `set` by itself. What a receiver fetched before it gave up is still applied.
    pub fn ends_short_of(&self, set: &GtidSet) -> bool {
        self.applier_fault.is_some()
            || (self.broken() && !set.subtract(&self.executed).subtract(&self.retrieved).is_empty())
    }

    /// Neither thread on.
    pub fn stopped(&self) -> bool {
        self.receiver == Working::Stopped && self.applier == Working::Stopped
    }

    /// Whether a thread stands that a start would set going: stopped by somebody or by a restart, or a receiver that
    /// gave up, whose reason may have passed since. An applier's error does not pass, nor do purged logs come back.
    pub fn may_go_on(&self) -> bool {
        let lost = self.applier_fault.is_some() || self.receiver_fault.as_ref().is_some_and(Fault::is_of_purged_logs);
        let at_it = self.receiver.is_on() && self.applier.is_on();
        !lost && !at_it
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
                format!(
                    "check the password of '{}' and from which hosts it may log in at {source}, then start the channel again",
                    self.user
                )
            }
            (None, Some(fault)) if fault.is_of_purged_logs() => {
                format!("{source} has purged the binary logs that this server lacks: only a new copy brings them")
            }
            (None, Some(_)) if self.broken() => format!(
                "see that MySQL runs at {source} and that this server may reach it, then start the channel again"
            ),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(receiver: Working, receiver_fault: Option<Fault>, applier_fault: Option<Fault>) -> Channel {
        Channel {
            host: "db.target".to_owned(),
            port: 3306,
            user: "cutover_back".to_owned(),
            source_uuid: None,
            auto_position: true,
            tls: true,
            receiver,
            applier: if applier_fault.is_some() { Working::Stopped } else { Working::Running },
            receiver_fault,
            applier_fault,
            retrieved: GtidSet::default(),
            executed: GtidSet::default(),
            lag_seconds: None,
            filter: Vec::new(),
            filters: Filters::new(),
        }
    }

    fn fault(code: u32, message: &str) -> Fault {
        Fault { code, message: message.to_owned() }
    }

    #[test]
    fn broken_is_what_does_not_pass_by_itself_and_reconnecting_does() {
        let purged = "Got fatal error 1236 from source when reading data from binary log: 'Cannot replicate because the \
                      source purged required binary logs.'";
        let gone = channel(Working::Stopped, Some(fault(13114, purged)), None);
        assert!(gone.broken(), "the receiver gave up");
        assert!(gone.way_out().contains("new copy"), "{}", gone.way_out());
        assert!(channel(Working::Running, None, Some(fault(1062, "Duplicate entry"))).broken());
        assert!(
            !channel(Working::Connecting, Some(fault(2003, "Can't connect")), None).broken(),
            "its source is restarted"
        );
        assert!(!channel(Working::Running, None, None).broken());
        assert!(!channel(Working::Stopped, None, None).broken(), "stopped by somebody, or by a restart");
    }

    #[test]
    fn what_stands_may_go_on_unless_the_applier_has_a_fault() {
        let unreached = || Some(fault(2003, "Can't connect"));
        assert!(channel(Working::Stopped, unreached(), None).may_go_on(), "its source is there again, it may be");
        assert!(channel(Working::Stopped, None, None).may_go_on());
        let purged = fault(13114, "the source purged required binary logs");
        assert!(!channel(Working::Stopped, Some(purged), None).may_go_on(), "nothing brings them back");
        assert!(!channel(Working::Connecting, unreached(), None).may_go_on(), "it is at it by itself");
        assert!(!channel(Working::Running, None, None).may_go_on());
        assert!(!channel(Working::Stopped, None, Some(fault(1062, "Duplicate entry"))).may_go_on());
    }

    #[test]
    fn what_a_receiver_fetched_before_it_gave_up_is_waited_for_and_what_it_did_not_is_not() {
        let set = |last: u64| format!("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-{last}").parse::<GtidSet>().unwrap();
        let fetched = |receiver, receiver_fault, applier_fault| Channel {
            executed: set(5),
            retrieved: set(8),
            ..channel(receiver, receiver_fault, applier_fault)
        };
        let refused = || Some(fault(1045, "Access denied for user 'cutover_back'"));
        let gone = fetched(Working::Stopped, refused(), None);
        assert!(!gone.ends_short_of(&set(8)), "the applier still works on it");
        assert!(gone.ends_short_of(&set(9)), "nobody fetches that one");
        assert!(gone.way_out().contains("password"), "{}", gone.way_out());
        assert!(!fetched(Working::Connecting, refused(), None).ends_short_of(&set(9)), "it tries again");
        assert!(fetched(Working::Running, None, Some(fault(1062, "Duplicate entry"))).ends_short_of(&set(8)));
    }
}
