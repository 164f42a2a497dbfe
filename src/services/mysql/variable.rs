//! A global variable of a server as it was found, its persisted value included, and putting it back.
//!
//! `SET PERSIST` writes two places at once. An undo that restores only the running value would come back
//! after the next restart, so both are recorded, and a value that was not persisted is made so again.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Session, identifier, literal};
use crate::services::Result;

/// Every global variable by its name, as the server shows it; NULL is the empty text.
pub async fn all(session: &mut Session) -> Result<BTreeMap<String, String>> {
    let rows: Vec<(String, Option<String>)> = session.query("read the variables", "SHOW GLOBAL VARIABLES").await?;
    Ok(rows.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value.unwrap_or_default())).collect())
}

/// A variable's running value and what the server would start with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// The global value in force; absent when the server shows NULL.
    pub value: Option<String>,
    /// The value in `mysqld-auto.cnf`; absent when nothing is persisted.
    pub persisted: Option<String>,
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, ", self.name, self.value.as_deref().unwrap_or("NULL"))?;
        match &self.persisted {
            Some(persisted) => write!(f, "persisted {persisted}"),
            None => f.write_str("not persisted"),
        }
    }
}

impl Variable {
    /// Reads one variable.
    pub async fn read(session: &mut Session, name: &str) -> Result<Self> {
        let doing = format!("read {name}");
        let value: Option<Option<String>> = session.first(&doing, &format!("SELECT @@GLOBAL.{name}")).await?;
        let persisted = "SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME";
        let persisted: Option<Option<String>> =
            session.first(&doing, &format!("{persisted} = {}", literal(name))).await?;
        Ok(Self { name: name.to_owned(), value: value.flatten(), persisted: persisted.flatten() })
    }

    /// Whether the running value is on.
    pub fn is_on(&self) -> bool {
        self.value.as_deref().is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("on"))
    }

    /// Puts back what the server would start with; the running value is the caller's, who knows the order.
    pub async fn put_back_persisted(&self, session: &mut Session) -> Result<()> {
        let name = identifier(&self.name);
        let doing = format!("put back the persisted {}", self.name);
        match &self.persisted {
            Some(value) => session.run(&doing, &format!("SET PERSIST_ONLY {name} = {}", bare(value))).await,
            None => session.run(&doing, &format!("RESET PERSIST IF EXISTS {name}")).await,
        }
    }

    /// Puts back both, the running value first. Not for read-only variables.
    pub async fn put_back(&self, session: &mut Session) -> Result<()> {
        if let Some(value) = &self.value {
            let statement = format!("SET GLOBAL {} = {}", identifier(&self.name), bare(value));
            session.run(&format!("put back {}", self.name), &statement).await?;
        }
        self.put_back_persisted(session).await
    }
}

/// Numbers stand bare, everything else quoted: the server refuses `'1'` for a numeric variable.
fn bare(value: &str) -> String {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) { value.to_owned() } else { literal(value) }
}
