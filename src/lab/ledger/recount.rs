//! The ledger of a rehearsal that has ended, done again from what it left behind.

use std::net::SocketAddr;
use std::path::Path;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Database, Records, Summary, Tally, tally};
use crate::services::{Error, Kind, Result};

/// The file in a rehearsal's directory that says whom to ask.
const FILE: &str = "ledger.json";
/// Where the traffic's records are, in a rehearsal's directory.
const TRAFFIC: &str = "traffic";

/// A database of the lab, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Its name for people.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Who reads.
    pub user: String,
    /// The name of that account's password among the lab's secrets.
    pub secret: String,
}

/// What `ledger.json` holds: no secret, only names of secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// The database that serves at the end.
    pub serving: Party,
    /// The other one, where it is still to be asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub other: Option<Party>,
    /// The schema with the table `writes`.
    pub schema: String,
    /// When the target was opened for writes, if it was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub switched: Option<Timestamp>,
}

impl Book {
    /// Writes `ledger.json` into the rehearsal's directory, whole or not at all.
    pub fn save(&self, dir: &Path) -> Result<()> {
        let (path, temporary) = (dir.join(FILE), dir.join(".ledger.json.new"));
        let text = serde_json::to_vec_pretty(self).map_err(|e| fault(&path, "write it", e))?;
        std::fs::write(&temporary, text)
            .and_then(|()| std::fs::File::open(&temporary)?.sync_all())
            .and_then(|()| std::fs::rename(&temporary, &path))
            .and_then(|()| std::fs::File::open(dir)?.sync_all())
            .map_err(|e| fault(&path, "write it", e))
    }

    /// Reads it from there.
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        let text = std::fs::read(&path).map_err(|e| fault(&path, "read it", e))?;
        serde_json::from_slice(&text).map_err(|e| fault(&path, "understand it", e))
    }

    fn database(&self, party: &Party, secrets: &Path) -> Result<Database> {
        let path = secrets.join(&party.secret);
        let password = std::fs::read_to_string(&path).map_err(|e| fault(&path, "read the password", e))?;
        Ok(Database {
            name: party.name.clone(),
            address: party.address,
            user: party.user.clone(),
            password: SecretString::from(password.trim_end_matches('\n')),
            schema: self.schema.clone(),
        })
    }
}

/// Counts again what the rehearsal in `dir` left: its records against the databases named in its
/// `ledger.json`, with passwords from the lab's `secrets`.
///
/// An other database that does not answer any more is left out: after `settle` Rev1's is stopped.
pub async fn recount(dir: &Path, secrets: &Path) -> Result<(Summary, Tally)> {
    let book = Book::load(dir)?;
    let records = Records::read(&dir.join(TRAFFIC))?;
    let serving = book.database(&book.serving, secrets)?;
    let other = match &book.other {
        Some(party) => Some(book.database(party, secrets)?),
        None => None,
    };
    let tally = match tally(&records, &serving, other.as_ref()).await {
        Err(error) if error.kind == Kind::Transient && other.is_some() => tally(&records, &serving, None).await?,
        result => result?,
    };
    Ok((Summary::of(&records, Some(&tally), book.switched), tally))
}

fn fault(path: &Path, doing: &str, why: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new("ledger", path.display().to_string(), doing, Kind::Permanent).because(why)
}
