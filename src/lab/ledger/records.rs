//! The clients' side of the ledger: the traffic's records, read from disk.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::lab::traffic::ATTEMPTS;
use crate::lab::traffic::attempt::{Attempt, Kind, Outcome};
use crate::lab::traffic::totals::Totals;
use crate::services::{self, Error, Result};

/// What the clients saw: the sums, and how each write ended.
#[derive(Debug, Default)]
pub struct Records {
    /// The sums over all attempts.
    pub totals: Totals,
    /// How each write attempt ended, by id.
    pub writes: HashMap<String, Outcome>,
}

impl Records {
    /// Reads the records in the traffic's directory. The last line may be torn, by the death of its writer
    /// or because it is still being written; any other that cannot be read is a fault.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(ATTEMPTS);
        let fault = |doing: String| {
            Error::new("traffic's records", path.display().to_string(), doing, services::Kind::Permanent)
        };
        let mut file = BufReader::new(File::open(&path).map_err(|e| fault("open them".to_owned()).because(e))?);
        let (mut records, mut line, mut number) = (Self::default(), Vec::new(), 0_u64);
        loop {
            line.clear();
            number += 1;
            let length =
                file.read_until(b'\n', &mut line).map_err(|e| fault(format!("read line {number}")).because(e))?;
            if length == 0 || line.last() != Some(&b'\n') {
                return Ok(records);
            }
            let attempt =
                serde_json::from_slice(&line).map_err(|e| fault(format!("understand line {number}")).because(e))?;
            records.saw(&attempt);
        }
    }

    /// Takes one attempt.
    pub fn saw(&mut self, attempt: &Attempt) {
        self.totals.saw(attempt);
        if attempt.kind == Kind::Write {
            self.writes.insert(attempt.id.clone(), attempt.outcome);
        }
    }
}
