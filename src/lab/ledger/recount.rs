//! The ledger of a rehearsal that has ended, done again from what it left behind.

use std::net::SocketAddr;
use std::path::Path;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Counts, Database, Records, Summary, Tally, compare};
use crate::lab::files;
use crate::services::{Error, Kind, Result};

/// The file in a rehearsal's directory that says whom to ask.
const FILE: &str = "ledger.json";
/// The file there with what a database held before it was stopped.
const LOOK: &str = "other-writes.json";
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
        let path = dir.join(FILE);
        let text = serde_json::to_vec_pretty(self).map_err(|e| fault(&path, "write it", e))?;
        files::write(&path, &text, 0o644).map_err(|e| fault(&path, "write it", e))
    }

    /// Reads it from there.
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        let text = std::fs::read(&path).map_err(|e| fault(&path, "read it", e))?;
        serde_json::from_slice(&text).map_err(|e| fault(&path, "understand it", e))
    }
}

impl Party {
    fn database(&self, schema: &str, secrets: &Path) -> Result<Database> {
        let path = secrets.join(&self.secret);
        let password = std::fs::read_to_string(&path).map_err(|e| fault(&path, "read the password", e))?;
        Ok(Database {
            name: self.name.clone(),
            address: self.address,
            user: self.user.clone(),
            password: SecretString::from(password.trim_end_matches('\n')),
            schema: schema.to_owned(),
        })
    }
}

/// What a database held before it was stopped.
#[derive(Debug, Serialize, Deserialize)]
struct Look {
    party: Party,
    writes: Counts,
}

/// Keeps what `party`'s database holds now in `dir`, for the count after it was stopped: a fenced one takes
/// no write of a client any more, so what is in it alone stays what it is.
pub async fn remember(dir: &Path, secrets: &Path, party: &Party, schema: &str) -> Result<()> {
    let writes = party.database(schema, secrets)?.attempts().await?;
    let path = dir.join(LOOK);
    let look = Look { party: party.clone(), writes };
    let text = serde_json::to_vec(&look).map_err(|e| fault(&path, "write it", e))?;
    files::write(&path, &text, 0o644).map_err(|e| fault(&path, "write it", e))
}

/// What the other database holds, or what it held when it was looked at last; nothing where neither is known.
async fn other_writes(dir: &Path, secrets: &Path, party: &Party, schema: &str) -> Result<Option<Counts>> {
    match party.database(schema, secrets)?.attempts().await {
        Ok(writes) => return Ok(Some(writes)),
        Err(error) if error.kind == Kind::Transient => {}
        Err(error) => return Err(error),
    }
    let path = dir.join(LOOK);
    let text = match std::fs::read(&path) {
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|e| fault(&path, "read it", e))?,
    };
    let look: Look = serde_json::from_slice(&text).map_err(|e| fault(&path, "understand it", e))?;
    Ok((look.party.name == party.name).then_some(look.writes))
}

/// Counts again what the rehearsal in `dir` left: its records against the databases named in its
/// `ledger.json`, with passwords from the lab's `secrets`.
///
/// Of an other database that does not answer any more, as after `settle`, the last look counts.
pub async fn recount(dir: &Path, secrets: &Path) -> Result<(Summary, Tally)> {
    let book = Book::load(dir)?;
    let records = Records::read(&dir.join(TRAFFIC))?;
    let serving = book.serving.database(&book.schema, secrets)?.attempts().await?;
    let other = match &book.other {
        Some(party) => other_writes(dir, secrets, party, &book.schema).await?,
        None => None,
    };
    let tally = compare(&records, &serving, other.as_ref());
    Ok((Summary::of(&records, Some(&tally), book.switched), tally))
}

fn fault(path: &Path, doing: &str, why: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new("ledger", path.display().to_string(), doing, Kind::Permanent).because(why)
}
