//! Databases beside those that move: a channel carries their writes too, unless a filter keeps them out.

use crate::services::mysql::Session;
use crate::services::mysql::grants::{escaped, like};
use crate::services::mysql::literals;
use crate::services::{Kind, Result};

use super::status;

/// A server's or a channel's filters, by name.
pub type Filters = Vec<(String, String)>;

/// What a server has for itself, a provider's server too.
const SYSTEM: &[&str] = &["information_schema", "performance_schema", "mysql", "sys", "ndbinfo", "innodb"];

/// The source's databases beside `schemas` that a channel of the target's would carry too.
pub async fn beside(source: &mut Session, target: &mut Session, schemas: &[String]) -> Result<Vec<String>> {
    let others = others(source, schemas).await?;
    let_in(target, others).await
}

/// What keeps all of these out, as a value of `replicate_wild_ignore_table`.
pub fn ignoring(databases: &[String]) -> String {
    databases.iter().map(|database| pattern_of_all(database)).collect::<Vec<_>>().join(",")
}

/// The server's databases that are neither its own nor among `schemas`.
async fn others(session: &mut Session, schemas: &[String]) -> Result<Vec<String>> {
    let known: Vec<&str> = SYSTEM.iter().copied().chain(schemas.iter().map(String::as_str)).collect();
    let query = format!(
        "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN ({}) ORDER BY SCHEMA_NAME",
        literals(&known)
    );
    session.query("list the databases that do not move", &query).await
}

/// Those of `databases` that the server's channel would let in: all, where it does not show its filters.
async fn let_in(session: &mut Session, databases: Vec<String>) -> Result<Vec<String>> {
    if databases.is_empty() {
        return Ok(databases);
    }
    let filters = filters(session).await?.unwrap_or_default();
    Ok(databases.into_iter().filter(|database| !keeps_out(&filters, database)).collect())
}

/// Whether the server's channel lets in what its source does to its own accounts; nothing where the server does not
/// show its filters before there is a channel.
pub async fn lets_accounts_in(session: &mut Session) -> Result<Option<bool>> {
    Ok(filters(session).await?.map(|filters| !keeps_out(&filters, "mysql")))
}

/// The filters of the server's channel, or what a channel will get; nothing where it does not show them.
async fn filters(session: &mut Session) -> Result<Option<Filters>> {
    // A channel has filters of its own from when it is made; until then the server's are what it will get.
    if let Some(channel) = status(session).await? {
        return Ok(Some(channel.filters));
    }
    let doing = "read the replication filters";
    if !session.one::<bool>(doing, "SELECT @@GLOBAL.performance_schema").await? {
        return Ok(None);
    }
    let query = "SELECT filter_name, filter_rule FROM performance_schema.replication_applier_global_filters";
    match session.query(doing, query).await {
        Ok(filters) => Ok(Some(filters)),
        // A provider may not show them.
        Err(error) if error.kind == Kind::Permanent => Ok(None),
        Err(error) => Err(error),
    }
}

/// Every table of a database, as a pattern of `replicate_wild_do_table` and `replicate_wild_ignore_table`.
pub fn pattern_of_all(database: &str) -> String {
    format!("{}.%", escaped(database))
}

/// Only the filters with wildcards are trusted: those by database judge a statement by its session's default one.
fn keeps_out(rules: &[(String, String)], database: &str) -> bool {
    let patterns = |name: &str| {
        let named = rules.iter().filter(|(filter, _)| filter.eq_ignore_ascii_case(name));
        named.flat_map(|(_, rule)| rule.split(',')).filter(|part| !part.is_empty()).collect::<Vec<_>>()
    };
    let all_of_it = |pattern: &&str| pattern.strip_suffix(".%").is_some_and(|schema| like(schema, database));
    let some_of_it = |pattern: &&str| pattern.split_once('.').is_none_or(|(schema, _)| like(schema, database));
    let wanted = patterns("REPLICATE_WILD_DO_TABLE");
    // A table that is let in is asked for before what is ignored.
    if wanted.iter().chain(&patterns("REPLICATE_DO_TABLE")).any(some_of_it) {
        return false;
    }
    !wanted.is_empty() || patterns("REPLICATE_WILD_IGNORE_TABLE").iter().any(all_of_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(rules: &[(&str, &str)]) -> Vec<(String, String)> {
        rules.iter().map(|(name, rule)| ((*name).to_owned(), (*rule).to_owned())).collect()
    }

    #[test]
    fn a_database_is_kept_out_by_a_pattern_for_all_of_it_or_by_not_being_among_those_let_in() {
        assert!(!keeps_out(&[], "wiki"));
        assert!(!keeps_out(&rules(&[("REPLICATE_WILD_IGNORE_TABLE", "mysql.%")]), "wiki"), "the provider's own");
        assert!(keeps_out(&rules(&[("REPLICATE_WILD_IGNORE_TABLE", "mysql.%,wiki.%")]), "wiki"));
        assert!(!keeps_out(&rules(&[("REPLICATE_WILD_IGNORE_TABLE", "wiki.log%")]), "wiki"), "some tables only");
        assert!(keeps_out(&rules(&[("REPLICATE_WILD_DO_TABLE", "shop.%")]), "wiki"));
        assert!(!keeps_out(&rules(&[("REPLICATE_WILD_DO_TABLE", "shop.%,w%.log")]), "wiki"));
        let one_table = rules(&[("REPLICATE_DO_TABLE", "wiki.log"), ("REPLICATE_WILD_IGNORE_TABLE", "wiki.%")]);
        assert!(!keeps_out(&one_table, "wiki"));
        let by_default = rules(&[("REPLICATE_IGNORE_DB", "wiki"), ("REPLICATE_DO_DB", "shop")]);
        assert!(!keeps_out(&by_default, "wiki"), "a statement from another default database comes through");
    }

    #[test]
    fn a_pattern_lets_in_one_database_only() {
        assert_eq!(pattern_of_all("shop_eu"), "shop\\_eu.%");
    }
}
