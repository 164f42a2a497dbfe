//! Who follows whom, whatever the channels are called and whoever made them.

use std::fmt;

use crate::services::Result;
use crate::services::mysql::Session;

/// A channel of any name, as far as it says whom it follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follows {
    /// The channel's name; empty for the unnamed one.
    pub channel: String,
    /// The followed server's host, as the channel has it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its UUID, lower case; absent before the first connection.
    pub uuid: Option<String>,
    /// By GTID, not by file and position.
    pub by_gtid: bool,
}

/// Every channel of the server, running or not.
pub async fn follows(session: &mut Session) -> Result<Vec<Follows>> {
    let rows = super::shown(session).await?;
    let read = |row: &mysql_async::Row| {
        let text = |name: &str| row.get_opt::<Option<String>, _>(name)?.ok()?;
        let number = |name: &str| row.get_opt::<Option<u64>, _>(name)?.ok()?;
        Follows {
            channel: text("Channel_Name").unwrap_or_default(),
            host: text("Source_Host").unwrap_or_default(),
            port: number("Source_Port").and_then(|port| u16::try_from(port).ok()).unwrap_or_default(),
            uuid: text("Source_UUID").filter(|uuid| !uuid.is_empty()).map(|uuid| uuid.to_ascii_lowercase()),
            by_gtid: number("Auto_Position") == Some(1),
        }
    };
    Ok(rows.iter().map(read).collect())
}

impl fmt::Display for Follows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.channel.is_empty() { "the unnamed channel" } else { &self.channel };
        write!(f, "{name} from {}:{}", self.host, self.port)
    }
}

impl Follows {
    /// Whether it follows the server with this UUID, or, before it ever connected, one of these addresses.
    pub fn is_of(&self, uuid: &str, addresses: &[(String, u16)]) -> bool {
        match &self.uuid {
            Some(followed) => followed.eq_ignore_ascii_case(uuid),
            None => addresses.iter().any(|(host, port)| *host == self.host && *port == self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_uuid_and_by_its_address_only_before_that() {
        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        let at = [("rev1".to_owned(), 3306)];
        let follows = |uuid: Option<&str>| Follows {
            channel: String::new(),
            host: "rev1".to_owned(),
            port: 3306,
            uuid: uuid.map(str::to_owned),
            by_gtid: true,
        };
        assert!(follows(Some(uuid)).is_of(uuid, &[]));
        assert!(!follows(Some("another")).is_of(uuid, &at), "the address was given to another server since");
        assert!(follows(None).is_of(uuid, &at));
    }
}
