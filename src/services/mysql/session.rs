//! One connection to a MySQL server, in a known state.
//!
//! UTF-8, UTC, a `sql_mode` of ours, no default isolation surprises, an idle time-out of a day. A session of a
//! step holds a named lock before its first statement, so that a later attempt can find and end it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, DriverError, Error as Mysql, Row};

use super::endpoint::{Endpoint, Tls};
use super::fault::{self, Intent};
use super::lock::LockName;
use super::quote::literal;
use crate::services::clock::Drift;
use crate::services::error::{Error, Kind, Result};

/// How long a server may take to answer a login.
const CONNECT: Duration = Duration::from_secs(15);

/// How long a statement may take that a server answers soon, or never: an applier ends its transaction before it stops.
const PROMPT: Duration = Duration::from_mins(5);

/// What every session starts with. `ALLOW_INVALID_DATES` without `NO_ZERO_DATE`: what the source holds is
/// compared and loaded as it is.
const STATE: &str = "SET NAMES utf8mb4, SESSION time_zone = '+00:00', \
    SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION', \
    SESSION net_read_timeout = 600, SESSION net_write_timeout = 600, \
    SESSION transaction_isolation = 'REPEATABLE-READ', SESSION autocommit = 1";

/// How long a session may ask nothing before the server ends it.
pub(super) const IDLE: Duration = Duration::from_hours(24);

/// One connection and whose it is.
#[derive(Debug)]
pub struct Session {
    conn: Conn,
    endpoint: Arc<Endpoint>,
}

impl Session {
    /// Logs in without a named lock: for reads, and for proofs with somebody else's account.
    pub async fn open(endpoint: &Endpoint) -> Result<Self> {
        Self::connect(endpoint, "look", None).await
    }

    /// Logs in and takes `lock` before anything else.
    ///
    /// A lock that another session holds is a [`Kind::Conflict`]: end the leftover first
    /// ([`super::lock::end_leftover`]).
    pub async fn locked(endpoint: &Endpoint, purpose: &str, lock: &LockName) -> Result<Self> {
        Self::connect(endpoint, purpose, Some(lock)).await
    }

    /// All of it within [`CONNECT`] and as much again: a server may take the login and answer nothing.
    async fn connect(endpoint: &Endpoint, purpose: &str, lock: Option<&LockName>) -> Result<Self> {
        let late = || {
            let error = endpoint.error("begin a session", Kind::Transient);
            error.because(format!("logged in, and no answer in {} s", 2 * CONNECT.as_secs()))
        };
        tokio::time::timeout(2 * CONNECT, Self::connected(endpoint, purpose, lock))
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    async fn connected(endpoint: &Endpoint, purpose: &str, lock: Option<&LockName>) -> Result<Self> {
        crate::services::tls::ready();
        let conn = match dial(endpoint, endpoint.tls != Tls::Off, purpose).await {
            Err(Mysql::Driver(DriverError::NoClientSslFlagFromServer)) if endpoint.tls == Tls::Preferred => {
                dial(endpoint, false, purpose).await
            }
            outcome => outcome,
        };
        let conn = conn.map_err(|error| fault::connecting(endpoint, error))?;
        let mut session = Self { conn, endpoint: Arc::new(endpoint.clone()) };
        if let Some(lock) = lock {
            session.take(lock).await?;
        }
        session
            .conn
            .query_drop(format!("{STATE}, SESSION wait_timeout = {}", IDLE.as_secs()))
            .await
            .map_err(|error| session.fault("set up the session", Intent::Read, error))?;
        if endpoint.identity.is_some() {
            let uuid: String = session.one("ask the server who it is", "SELECT @@GLOBAL.server_uuid").await?;
            endpoint.recognise(&uuid)?;
        }
        Ok(session)
    }

    async fn take(&mut self, lock: &LockName) -> Result<()> {
        let doing = format!("take the session lock {lock}");
        let taken: Option<Option<u8>> =
            self.first(&doing, &format!("SELECT GET_LOCK({}, 0)", literal(lock.as_str()))).await?;
        if taken.flatten() == Some(1) {
            return Ok(());
        }
        Err(self.endpoint.error(doing, Kind::Conflict).because("another session holds it: an attempt that is not over"))
    }

    /// The server's number for this session.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.conn.id()
    }

    /// Whose session it is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The driver's connection, for streams of rows.
    pub fn conn(&mut self) -> &mut Conn {
        &mut self.conn
    }

    /// Carries out a statement that may change something; a lost answer is [`Kind::Unknown`].
    pub async fn run(&mut self, doing: &str, sql: &str) -> Result<()> {
        self.conn.query_drop(sql).await.map_err(|error| self.fault(doing, Intent::Write, error))
    }

    /// The same, for a statement that is answered soon or never, as one that waits for replication's threads. Without
    /// an answer it may have been done, and the session is good for nothing more.
    pub async fn run_promptly(&mut self, doing: &str, sql: &str) -> Result<()> {
        let late = self.late(doing);
        tokio::time::timeout(PROMPT, self.run(doing, sql)).await.unwrap_or(Err(late))
    }

    /// Reads rows that are there soon or never.
    pub async fn rows_promptly(&mut self, doing: &str, sql: &str) -> Result<Vec<Row>> {
        let late = self.late(doing);
        tokio::time::timeout(PROMPT, self.rows(doing, sql)).await.unwrap_or(Err(late))
    }

    fn late(&self, doing: &str) -> Error {
        let why = format!("no answer in {} s", PROMPT.as_secs());
        let next = "SHOW PROCESSLIST on that server says what it waits for";
        self.endpoint.error(doing, Kind::Unknown).because(why).next(next)
    }

    /// As [`Self::run`], for a statement with a password in it: what is said of it afterwards is without.
    pub async fn run_with_password(&mut self, doing: &str, sql: &str) -> Result<()> {
        let done = self.conn.query_drop(sql).await;
        done.map_err(|error| self.fault(doing, Intent::Write, fault::without_statement(error)))
    }

    /// As [`Self::run`], for a statement in another character set than this session's UTF-8.
    pub async fn run_bytes(&mut self, doing: &str, sql: Vec<u8>) -> Result<()> {
        self.conn.query_drop(sql).await.map_err(|error| self.fault(doing, Intent::Write, error))
    }

    /// Carries out a statement and says how many rows it changed.
    pub async fn change(&mut self, doing: &str, sql: &str) -> Result<u64> {
        self.run(doing, sql).await?;
        Ok(self.conn.affected_rows())
    }

    /// Reads rows.
    pub async fn rows(&mut self, doing: &str, sql: &str) -> Result<Vec<Row>> {
        self.conn.query(sql).await.map_err(|error| self.fault(doing, Intent::Read, error))
    }

    /// Reads rows into a type; a column that does not fit is an error, never a panic.
    pub async fn query<T: FromRow>(&mut self, doing: &str, sql: &str) -> Result<Vec<T>> {
        let rows = self.rows(doing, sql).await?;
        rows.into_iter()
            .map(|row| T::from_row_opt(row).map_err(|error| self.refuse(doing, error.to_string())))
            .collect()
    }

    /// Reads the first row into a type.
    pub async fn first<T: FromRow>(&mut self, doing: &str, sql: &str) -> Result<Option<T>> {
        Ok(self.query(doing, sql).await?.into_iter().next())
    }

    /// Reads one row that has to be there.
    pub async fn one<T: FromRow>(&mut self, doing: &str, sql: &str) -> Result<T> {
        self.first(doing, sql).await?.ok_or_else(|| self.refuse(doing, "the server gave no row"))
    }

    /// The server's clock against ours.
    pub async fn drift(&mut self) -> Result<Drift> {
        let doing = "ask for the time";
        let before = Timestamp::now();
        let theirs: i64 = self.one(doing, "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)").await?;
        let after = Timestamp::now();
        let theirs = Timestamp::from_microsecond(theirs).map_err(|why| self.refuse(doing, why.to_string()))?;
        Ok(Drift::between(before, theirs, SignedDuration::ZERO, after))
    }

    /// How often the server has read a row, or an index entry, for this session: the sum of `Handler_read_%`.
    pub async fn handler_reads(&mut self) -> Result<u64> {
        let doing = "read what this session has cost";
        let counters: Vec<(String, u64)> = self.query(doing, "SHOW SESSION STATUS LIKE 'Handler\\_read\\_%'").await?;
        Ok(counters.into_iter().map(|(_, count)| count).sum())
    }

    /// Says goodbye; the server frees the session's locks and rolls its transaction back.
    pub async fn close(self) -> Result<()> {
        let endpoint = self.endpoint;
        self.conn
            .disconnect()
            .await
            .map_err(|error| fault::of_statement(&endpoint, "close a session", Intent::Read, error))
    }

    /// A permanent fault of this server, in our own words.
    pub fn refuse(&self, doing: &str, why: impl Into<String>) -> Error {
        self.endpoint.error(doing, Kind::Permanent).because(why.into())
    }

    /// What a driver's error means here.
    pub fn fault(&self, doing: &str, intent: Intent, error: Mysql) -> Error {
        fault::of_statement(&self.endpoint, doing, intent, error)
    }
}

async fn dial(endpoint: &Endpoint, encrypted: bool, purpose: &str) -> std::result::Result<Conn, Mysql> {
    let late = |_| Mysql::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer to the login").into());
    tokio::time::timeout(CONNECT, Conn::new(endpoint.options(encrypted, purpose))).await.map_err(late)?
}
