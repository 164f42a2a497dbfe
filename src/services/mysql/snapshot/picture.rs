//! The schemas as they are at one look, to be held against a second look: that is how DDL in between is found.
//!
//! Where the account may, the server itself keeps DDL away ([`super::freeze`]). Where it may not, and for the
//! moment before, the two looks tell: a snapshot with DDL inside it is refused, by the name of what changed.

use crate::services::error::{Error, Result};
use crate::services::mysql::fault::code;
use crate::services::mysql::quote::literals;
use crate::services::mysql::schema::{Schema, counter_in, read_schemas};
use crate::services::mysql::session::Session;
use crate::services::mysql::table::{Table, read_tables};

/// What the catalogue says.
pub(super) struct Picture {
    pub(super) tables: Vec<Table>,
    pub(super) schemas: Vec<Schema>,
    made: Vec<(String, String)>,
}

impl Picture {
    pub(super) async fn take(session: &mut Session, names: &[String]) -> Result<Self> {
        let tables = read_tables(session, names).await?;
        let schemas = read_schemas(session, names).await?;
        // TRUNCATE and a rebuild leave the statement as it is but make the table anew.
        let sql = format!(
            "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), CAST(CREATE_TIME AS CHAR) FROM information_schema.TABLES \
             WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN ({}) ORDER BY 1",
            literals(names)
        );
        let made = session.query("read when the tables were made", &sql).await?;
        Ok(Self { tables, schemas, made })
    }

    /// Every object by name, with whatever DDL would change about it.
    fn objects(&self) -> Vec<(String, String)> {
        let all = self.schemas.iter().flat_map(|schema| {
            let objects = [&schema.tables, &schema.views, &schema.routines, &schema.triggers, &schema.events];
            objects
                .into_iter()
                .flatten()
                .map(|object| (format!("{}.{}", schema.name, object.name), without_counter(&object.statement)))
        });
        all.chain(self.made.clone()).collect()
    }

    /// The first object that is not the same in both, in words.
    fn changed(&self, later: &Self) -> Option<String> {
        let (was, is) = (self.objects(), later.objects());
        let has = |all: &[(String, String)], name: &str| all.iter().any(|(other, _)| other == name);
        let gone_or_other = was.iter().find(|object| !is.contains(object)).map(|(name, _)| {
            if has(&is, name) { format!("{name} was altered or made anew") } else { format!("{name} was dropped") }
        });
        gone_or_other.or_else(|| {
            let fresh = is.iter().find(|object| !was.contains(object));
            fresh.map(|(name, _)| format!("{name} was made"))
        })
    }

    /// An error where something was changed between this look and a later one.
    pub(super) fn unchanged(&self, later: &Self, session: &Session) -> Result<()> {
        self.changed(later).map_or(Ok(()), |changed| Err(refusal(session, &changed)))
    }

    /// What a failed read means: DDL takes tables away from under it in several ways, and one more look says
    /// whether that is what happened.
    pub(super) async fn explain(&self, session: &mut Session, names: &[String], error: Error) -> Error {
        // No such column, schema, table; the table is another since the snapshot's moment.
        if !matches!(code(&error), Some(1054 | 1049 | 1146 | 1412)) {
            return error;
        }
        match Self::take(session, names).await.map(|now| self.changed(&now)) {
            Ok(Some(changed)) => refusal(session, &changed),
            // Made anew within the second: the server knows, though the catalogue looks the same.
            Ok(None) if code(&error) == Some(1412) => {
                let Error { why, next, .. } = refusal(session, "it was altered or made anew");
                Error { why, next, ..error }
            }
            Ok(None) => error,
            // The schema itself is gone, most likely: the second fault says more than the first.
            Err(second) => second,
        }
    }
}

fn refusal(session: &Session, changed: &str) -> Error {
    let why = format!("{changed} while the snapshot was being taken");
    session.refuse("take a snapshot", why).next(
        "keep changes of the schema away until the snapshot is there, then take it again; \
         an account with BACKUP_ADMIN makes them wait by itself",
    )
}

/// A table's statement without its `AUTO_INCREMENT=n`, which moves with every row.
#[must_use]
pub fn without_counter(statement: &str) -> String {
    let mut shape = statement.to_owned();
    if let Some(counter) = counter_in(statement) {
        shape.replace_range(counter, "");
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_no_part_of_a_tables_shape() {
        let statement = "CREATE TABLE `t` (\n) ENGINE=InnoDB AUTO_INCREMENT=12 DEFAULT CHARSET=utf8mb4";
        assert_eq!(without_counter(statement), "CREATE TABLE `t` (\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4");
    }
}
