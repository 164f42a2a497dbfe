//! What a server is: its version, identity, logging, and what the account may do there.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::quote::literal;
use super::rights;
use super::session::Session;
use crate::services::Result;

/// Facts of a server, read in one go.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of the server's own")]
pub struct Server {
    /// Its version.
    pub version: Version,
    /// `@@server_uuid`: its identity.
    pub uuid: String,
    /// `@@server_id`.
    pub id: u64,
    /// `@@gtid_mode`.
    pub gtid_mode: String,
    /// `@@enforce_gtid_consistency`.
    pub enforce_gtid_consistency: String,
    /// Whether it keeps a binary log.
    pub log_bin: bool,
    /// `@@binlog_format`; `ROW` is what replication here needs.
    pub binlog_format: String,
    /// `@@binlog_row_image`; `FULL` is what replication here needs.
    pub binlog_row_image: String,
    /// Partial JSON updates: has to be empty for a follower.
    pub binlog_row_value_options: String,
    /// Whether LOAD DATA LOCAL is taken.
    pub local_infile: bool,
    /// The largest packet, in bytes.
    pub max_allowed_packet: u64,
    /// How names are compared.
    pub lower_case_table_names: u8,
    /// Whether it is fenced against everybody.
    pub super_read_only: bool,
    /// Whether `performance_schema` shows anything.
    pub performance_schema: bool,
    /// Whether a routine may be made without SUPER while there is a binary log.
    pub trusts_function_creators: bool,
    /// Who runs it.
    pub flavour: Flavour,
    /// What the account may do everywhere, upper case: `SELECT`, `RELOAD`, `SYSTEM_VARIABLES_ADMIN`.
    pub privileges: Vec<String>,
}

/// Who runs a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// Somebody with its root account.
    Own,
    /// A platform, with `mysql.rds_*` procedures in place of SUPER.
    Managed,
}

/// A version, with the text it was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// 9 of 9.7.4.
    pub major: u32,
    /// 7 of 9.7.4.
    pub minor: u32,
    /// 4 of 9.7.4.
    pub patch: u32,
    /// As the server says it.
    pub text: String,
}

impl Version {
    /// Reads `9.7.4-log`, `8.0.36`, `10.11.6-MariaDB`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        Self { major: next(), minor: next(), patch: next(), text: text.to_owned() }
    }

    /// Whether this is MariaDB, which is another product by now.
    #[must_use]
    pub fn is_mariadb(&self) -> bool {
        self.text.contains("MariaDB")
    }

    /// Whether it is at least this release.
    #[must_use]
    pub fn at_least(&self, major: u32, minor: u32, patch: u32) -> bool {
        (self.major, self.minor, self.patch) >= (major, minor, patch)
    }

    /// The statement that shows the binary log's position: its name changed in 8.2, the old one went in 8.4.
    #[must_use]
    pub fn show_position(&self) -> &'static str {
        if self.at_least(8, 2, 0) && !self.is_mariadb() { "SHOW BINARY LOG STATUS" } else { "SHOW MASTER STATUS" }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Server {
    /// Reads the facts.
    pub async fn read(session: &mut Session) -> Result<Self> {
        let doing = "read the server's facts";
        let rows: Vec<(String, Option<String>)> = session.query(doing, "SHOW GLOBAL VARIABLES").await?;
        let value = |name: &str| {
            let found = rows.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.and_then(|(_, value)| value.clone()).unwrap_or_default()
        };
        let on = |name: &str| matches!(value(name).to_ascii_uppercase().as_str(), "ON" | "1" | "YES");
        let number = |name: &str| value(name).parse::<u64>().unwrap_or(0);
        let mut server = Self {
            version: Version::of(&value("version")),
            uuid: value("server_uuid"),
            id: number("server_id"),
            gtid_mode: value("gtid_mode"),
            enforce_gtid_consistency: value("enforce_gtid_consistency"),
            log_bin: on("log_bin"),
            binlog_format: value("binlog_format"),
            binlog_row_image: value("binlog_row_image"),
            binlog_row_value_options: value("binlog_row_value_options"),
            local_infile: on("local_infile"),
            max_allowed_packet: number("max_allowed_packet"),
            lower_case_table_names: u8::try_from(number("lower_case_table_names")).unwrap_or(0),
            super_read_only: on("super_read_only"),
            performance_schema: on("performance_schema"),
            trusts_function_creators: on("log_bin_trust_function_creators"),
            flavour: Flavour::Own,
            privileges: Vec::new(),
        };
        if has_procedure(session, "mysql", "rds_kill").await? {
            server.flavour = Flavour::Managed;
        }
        let grants: Vec<String> = session.query(doing, "SHOW GRANTS").await?;
        server.privileges = rights::everywhere(&grants);
        Ok(server)
    }

    /// Whether the account has a privilege on everything.
    #[must_use]
    pub fn may(&self, privilege: &str) -> bool {
        self.privileges.iter().any(|have| have == privilege || have == "ALL PRIVILEGES")
    }
}

/// Whether `old` could follow `new`, so that a switch can be taken back without loss; why not, else.
pub fn way_back(old: &Server, new: &Server) -> std::result::Result<(), String> {
    follows(&old.version, &new.version)
}

fn follows(old: &Version, new: &Version) -> std::result::Result<(), String> {
    if old.is_mariadb() != new.is_mariadb() {
        return Err(format!("{old} cannot follow {new}: they are two products"));
    }
    if (old.major, old.minor) >= (new.major, new.minor) {
        return Ok(());
    }
    Err(format!(
        "{old} cannot follow {new}: a replica older than its source is not supported, so writes made after the switch \
         could not be carried back"
    ))
}

/// Whether a procedure is there.
pub async fn has_procedure(session: &mut Session, schema: &str, name: &str) -> Result<bool> {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = {} AND ROUTINE_NAME = {}",
        literal(schema),
        literal(name)
    );
    Ok(session.one::<u64>(&format!("look for {schema}.{name}"), &sql).await? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        let version = Version::of("9.7.4-log");
        assert!(version.at_least(8, 4, 10) && !version.at_least(9, 7, 5));
        assert_eq!(Version::of("8.0.36").show_position(), "SHOW MASTER STATUS");
        assert!(Version::of("10.11.6-MariaDB-0+deb12u1").is_mariadb());
    }

    #[test]
    fn a_server_cannot_follow_a_newer_one() {
        let series = |text: &str| Version::of(text);
        assert_eq!(follows(&series("8.4.3"), &series("8.4.9")), Ok(()));
        assert!(follows(&series("8.0.42"), &series("8.4.3")).unwrap_err().contains("could not be carried back"));
        assert!(follows(&series("10.11.6-MariaDB"), &series("9.7.4")).unwrap_err().contains("two products"));
    }
}
