//! The proof that a fence is shut: a write of the application's own account, refused, on a connection made
//! before the fence and on one made after it.
//!
//! The write changes nothing even where it is let through: it deletes no row. Before the fence it must be
//! taken, else its refusal later would prove nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::services::mysql::{Endpoint, Session, code, identifier};
use crate::services::{Error, Kind, Result};

const READ_ONLY: u16 = 1290;
const KILLED: u16 = 1927;
/// No right to the schema, the table, the statement; a locked account. A wrong password (1045) proves nothing.
const DENIED: [u16; 4] = [1044, 1142, 1227, 3118];

/// How a write was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The server is read-only (1290).
    ReadOnly,
    /// The account may not write, or not log in.
    Denied,
    /// The session was ended.
    Ended,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnly => "the server is read-only",
            Self::Denied => "the account may not write, or not log in",
            Self::Ended => "the session was ended",
        })
    }
}

/// A connection of the application's account that was there before the fence.
pub struct Held {
    endpoint: Endpoint,
    session: Session,
    write: String,
    /// `Handler_read_%` of the fresh connections, which are gone.
    spent: u64,
}

impl Held {
    /// Connects as the application does, with its schema, and shows that the write is taken now.
    pub async fn open(endpoint: &Endpoint, schema: &str, table: &str) -> Result<Self> {
        let endpoint = Endpoint { database: Some(schema.to_owned()), ..endpoint.clone() };
        let write = format!("DELETE FROM {}.{} WHERE 1 = 0", identifier(schema), identifier(table));
        let mut session = Session::open(&endpoint).await?;
        session.run("write as the application before the fence", &write).await?;
        Ok(Self { endpoint, session, write, spent: 0 })
    }

    /// Tries to write on the held connection, and gives back how it was refused.
    pub async fn refused(&mut self) -> Result<Refusal> {
        let outcome = self.session.run("write on a connection from before the fence", &self.write).await;
        refusal(&self.session, outcome)
    }

    /// Tries to write on a connection of its own, and gives back how it was refused.
    pub async fn refused_afresh(&mut self) -> Result<Refusal> {
        let (refusal, reads) = refused_afresh(&self.endpoint, &self.write).await?;
        self.spent += reads;
        Ok(refusal)
    }

    /// What the proof has cost the server so far: `Handler_read_%` of its connections.
    pub async fn handler_reads(&mut self) -> Result<u64> {
        Ok(self.spent + self.session.handler_reads().await?)
    }
}

/// Tries to write on a fresh connection of the application's account: for a resume, which holds none.
pub async fn fresh(endpoint: &Endpoint, schema: &str, table: &str) -> Result<Refusal> {
    let endpoint = Endpoint { database: Some(schema.to_owned()), ..endpoint.clone() };
    let write = format!("DELETE FROM {}.{} WHERE 1 = 0", identifier(schema), identifier(table));
    Ok(refused_afresh(&endpoint, &write).await?.0)
}

/// How it was refused, and what that cost the server.
async fn refused_afresh(endpoint: &Endpoint, write: &str) -> Result<(Refusal, u64)> {
    match Session::open(endpoint).await {
        Ok(mut session) => {
            let outcome = session.run("write on a fresh connection", write).await;
            let refusal = refusal(&session, outcome)?;
            // A session that was ended cannot be asked.
            Ok((refusal, session.handler_reads().await.unwrap_or(0)))
        }
        Err(error) if code(&error).is_some_and(|code| DENIED.contains(&code)) => Ok((Refusal::Denied, 0)),
        Err(error) => Err(error),
    }
}

/// Only a refusal for the right reason is one; a broken network is not a fence.
fn refusal(session: &Session, outcome: Result<()>) -> Result<Refusal> {
    match outcome {
        Ok(()) => {
            Err(Error { kind: Kind::Conflict, ..session.refuse("prove the fence", "a write was taken: it is open") })
        }
        Err(error) => match code(&error) {
            Some(READ_ONLY) => Ok(Refusal::ReadOnly),
            Some(number) if DENIED.contains(&number) => Ok(Refusal::Denied),
            Some(number) if number != KILLED => Err(error),
            _ if error.kind == Kind::Unknown => Ok(Refusal::Ended),
            _ => Err(error),
        },
    }
}
