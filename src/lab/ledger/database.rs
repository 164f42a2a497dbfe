//! One database's side of the ledger: how often each attempt's id stands in its table of writes.

use std::collections::HashMap;
use std::net::SocketAddr;

use futures_util::TryStreamExt;
use mysql_async::prelude::{Query, WithParams};
use mysql_async::{Conn, OptsBuilder, SslOpts};
use secrecy::{ExposeSecret, SecretString};

use crate::services::{Error, Kind, Result, tls};

/// Attempt ids with the number of rows that carry each.
pub type Counts = HashMap<String, u64>;

/// Where a database is, and as whom it is read.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its name for people.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Who reads.
    pub user: String,
    /// That account's password.
    pub password: SecretString,
    /// The schema with the table `writes`.
    pub schema: String,
}

impl Database {
    /// Every attempt id in the table, with its number of rows, in one statement: one moment.
    pub async fn attempts(&self) -> Result<Counts> {
        tls::ready();
        let mut session = Conn::new(self.options()).await.map_err(|e| self.fault("open a session", e))?;
        let schema = self.schema.replace('`', "``");
        let statement = format!("SELECT attempt, COUNT(*) FROM `{schema}`.writes GROUP BY attempt");
        let counts = self.read(&mut session, statement).await.map_err(|e| self.fault("count the writes", e))?;
        // The answer is complete; a farewell that fails changes nothing.
        let _ = session.disconnect().await;
        Ok(counts)
    }

    async fn read(&self, session: &mut Conn, statement: String) -> mysql_async::Result<Counts> {
        let mut counts = Counts::new();
        let mut rows = statement.with(()).stream::<(String, u64), _>(session).await?;
        while let Some((attempt, rows_of_it)) = rows.try_next().await? {
            // Added up: a case-sensitive column could hold one id in two spellings.
            *counts.entry(attempt.to_ascii_lowercase()).or_default() += rows_of_it;
        }
        Ok(counts)
    }

    fn options(&self) -> OptsBuilder {
        OptsBuilder::default()
            .ip_or_hostname(self.address.ip().to_string())
            .tcp_port(self.address.port())
            .user(Some(&self.user))
            .pass(Some(self.password.expose_secret()))
            .prefer_socket(Some(false))
            // The lab's servers sign their own certificates; TLS is for `caching_sha2_password`, not for trust.
            .ssl_opts(Some(SslOpts::default().with_danger_accept_invalid_certs(true)))
    }

    fn fault(&self, doing: &str, why: mysql_async::Error) -> Error {
        let kind = match &why {
            mysql_async::Error::Io(_) => Kind::Transient,
            _ => Kind::Permanent,
        };
        Error::new(
            format!("MySQL {}", self.name),
            self.address.to_string(),
            format!("{doing} as '{}'", self.user),
            kind,
        )
        .because(why)
    }
}
