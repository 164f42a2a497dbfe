//! What an account may do in a schema: read, given, taken away, and read back.
//!
//! A GRANT or REVOKE does not reach a session that has a default schema until its next USE, so whoever
//! changes rights also ends sessions. In a grant's schema name `_` and `%` are wildcards unless they are
//! escaped, or unless the server has `partial_revokes`, which takes names as they are.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Session, identifier, literal};
use crate::services::Result;

/// An account of a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Account {
    /// The user's name.
    pub user: String,
    /// The host part, usually `%`.
    pub host: String,
}

impl Account {
    /// `user` from anywhere.
    pub fn anywhere(user: impl Into<String>) -> Self {
        Self { user: user.into(), host: "%".to_owned() }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", literal(&self.user), literal(&self.host))
    }
}

/// Whether there is such an account.
pub async fn exists(session: &mut Session, account: &Account) -> Result<bool> {
    Ok(locked_or_absent(session, account).await?.is_some())
}

/// Whether the account is locked; an account that is not there is an error.
pub async fn is_locked(session: &mut Session, account: &Account) -> Result<bool> {
    let locked = locked_or_absent(session, account).await?;
    locked.ok_or_else(|| session.refuse(&format!("look at account {account}"), "there is no such account"))
}

async fn locked_or_absent(session: &mut Session, account: &Account) -> Result<Option<bool>> {
    let (user, host) = (literal(&account.user), literal(&account.host));
    let query = format!("SELECT account_locked = 'Y' FROM mysql.user WHERE user = {user} AND host = {host}");
    session.first(&format!("look at account {account}"), &query).await
}

/// Locks or unlocks the account: a locked one cannot log in, sessions it has go on.
pub async fn set_locked(session: &mut Session, account: &Account, locked: bool) -> Result<()> {
    let word = if locked { "LOCK" } else { "UNLOCK" };
    session
        .run(&format!("{} account {account}", word.to_lowercase()), &format!("ALTER USER {account} ACCOUNT {word}"))
        .await
}

/// Every grant of the account as the server shows it, in order: to be recorded and compared.
pub async fn lines(session: &mut Session, account: &Account) -> Result<Vec<String>> {
    let rows = session.rows(&format!("read the grants of {account}"), &format!("SHOW GRANTS FOR {account}")).await?;
    let mut lines: Vec<String> = rows.iter().filter_map(|row| row.get_opt::<String, _>(0)?.ok()).collect();
    lines.sort_unstable();
    Ok(lines)
}

/// The account's rights on the whole of one schema.
pub async fn on_schema(session: &mut Session, account: &Account, schema: &str) -> Result<BTreeSet<String>> {
    let query = format!(
        "SELECT privilege_type FROM information_schema.schema_privileges WHERE grantee = {} AND table_schema IN ({}, {})",
        literal(&account.to_string()),
        literal(schema),
        literal(&escaped(schema)),
    );
    let rows = session.rows(&format!("read the rights of {account} on {schema}"), &query).await?;
    Ok(rows.iter().filter_map(|row| row.get_opt::<String, _>(0)?.ok()).collect())
}

/// Gives rights on a schema; none is nothing to do.
pub async fn give(session: &mut Session, account: &Account, schema: &str, rights: &BTreeSet<String>) -> Result<()> {
    change(session, account, schema, rights, "GRANT", "TO").await
}

/// Takes rights on a schema away; the caller names only such as are there.
pub async fn take(session: &mut Session, account: &Account, schema: &str, rights: &BTreeSet<String>) -> Result<()> {
    change(session, account, schema, rights, "REVOKE", "FROM").await
}

async fn change(
    session: &mut Session,
    account: &Account,
    schema: &str,
    rights: &BTreeSet<String>,
    verb: &str,
    whom: &str,
) -> Result<()> {
    if rights.is_empty() {
        return Ok(());
    }
    let listed = rights.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let doing = format!("{} {listed} on {schema}", verb.to_lowercase());
    if let Some(odd) = rights.iter().find(|right| !right.chars().all(|c| c.is_ascii_uppercase() || c == ' ')) {
        return Err(session.refuse(&doing, format!("{odd:?} is not the name of a right")));
    }
    let name = as_granted(session, schema).await?;
    session.run(&doing, &format!("{verb} {listed} ON {name}.* {whom} {account}")).await
}

/// A schema's name as a GRANT takes it on this server, quoted.
pub async fn as_granted(session: &mut Session, schema: &str) -> Result<String> {
    let asked = "SHOW GLOBAL VARIABLES LIKE 'partial_revokes'";
    let found: Option<(String, String)> = session.first("ask how grants name schemas", asked).await?;
    let plain = found.is_some_and(|(_, value)| value == "ON");
    Ok(identifier(&if plain { schema.to_owned() } else { escaped(schema) }))
}

/// `my_app` as a pattern that matches only itself.
pub fn escaped(schema: &str) -> String {
    schema.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%")
}

/// SQL's LIKE, with the backslash as its escape.
#[must_use]
pub fn like(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match (rest.next(), text.chars().next()) {
        (None, first) => first.is_none(),
        (Some('%'), _) => {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| like(rest.as_str(), &text[at..]))
        }
        (Some('_'), Some(first)) => like(rest.as_str(), &text[first.len_utf8()..]),
        (Some('\\'), Some(first)) => {
            rest.next().is_some_and(|escaped| escaped == first) && like(rest.as_str(), &text[first.len_utf8()..])
        }
        (Some(wanted), Some(first)) => wanted == first && like(rest.as_str(), &text[first.len_utf8()..]),
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_with_wildcards_in_its_name_matches_only_itself() {
        assert_eq!(escaped("my_app%"), "my\\_app\\%");
        assert_eq!(Account::anywhere("o'b").to_string(), "'o''b'@'%'");
    }

    #[test]
    fn a_pattern_means_what_it_means_to_the_server() {
        assert!(like("shop\\_eu", "shop_eu") && !like("shop\\_eu", "shopXeu") && like("shop_eu", "shopXeu"));
        assert!(like("%", "") && like("w%i", "wiki") && !like("w%x", "wiki") && !like("wiki", "wikis"));
    }
}
