//! What an account has to be allowed before it may say that it has seen a schema.
//!
//! A server leaves what an account may not see out of its catalogue without a word: without TRIGGER or EVENT on a
//! schema there are no triggers and no events in it, without a right on a view no view. A copy made so is not
//! whole, and a comparison made with the same eyes finds it equal.

use std::collections::BTreeSet;

use super::Session;
use super::grants::{Account, as_granted, like};
use crate::services::Result;

/// What shows tables, views, triggers and events. Any of these rights on a schema shows its views.
const SEEING: [&str; 4] = ["SELECT", "SHOW VIEW", "TRIGGER", "EVENT"];
/// What shows routines, on everything: no right on one schema does so with their bodies.
const ROUTINES: [&str; 2] = ["SELECT", "SHOW_ROUTINE"];

/// A line of SHOW GRANTS about everything, or about the schemas of a pattern.
struct Line {
    given: bool,
    rights: Vec<String>,
    /// Nothing means everything.
    pattern: Option<String>,
}

impl Line {
    /// Nothing for a line about a table, a routine or a role.
    fn read(line: &str) -> Option<Self> {
        let (given, rest) = match line.strip_prefix("GRANT ") {
            Some(rest) => (true, rest),
            None => (false, line.strip_prefix("REVOKE ")?),
        };
        let (rights, on) = rest.split_once(" ON ")?;
        let pattern = if on.starts_with("*.* ") {
            None
        } else {
            Some(on.strip_prefix('`')?.split_once("`.* ")?.0.replace("``", "`"))
        };
        let rights = rights.split(',').map(|right| right.trim().to_ascii_uppercase()).collect();
        Some(Self { given, rights, pattern })
    }

    fn names(&self, right: &str) -> bool {
        self.rights.iter().any(|named| named == right || named.starts_with("ALL"))
    }

    fn is_about(&self, schema: &str) -> bool {
        self.pattern.as_deref().is_some_and(|pattern| like(pattern, schema))
    }
}

/// Whether a right is held on a schema: given there, or given on everything and not revoked there.
fn held(lines: &[Line], right: &str, schema: &str) -> bool {
    let there =
        |given: bool| lines.iter().any(|line| line.given == given && line.is_about(schema) && line.names(right));
    there(true) || (held_everywhere(lines, right) && !there(false))
}

fn held_everywhere(lines: &[Line], right: &str) -> bool {
    lines.iter().any(|line| line.given && line.pattern.is_none() && line.names(right))
}

/// The rights that these lines of SHOW GRANTS give on everything, each once, in order.
pub(super) fn everywhere(grants: &[String]) -> Vec<String> {
    let lines = grants.iter().filter_map(|line| Line::read(line));
    let given = lines.filter(|line| line.given && line.pattern.is_none());
    given.flat_map(|line| line.rights).collect::<BTreeSet<_>>().into_iter().collect()
}

/// What the session's account may not see of these schemas, each with the GRANT that shows it.
pub async fn unseen(session: &mut Session, schemas: &[String]) -> Result<Vec<String>> {
    let lines: Vec<String> = session.query("read our grants", "SHOW GRANTS").await?;
    let lines: Vec<Line> = lines.iter().filter_map(|line| Line::read(line)).collect();
    let account = account(session).await?;
    let mut found = Vec::new();
    for schema in schemas {
        let lacks: Vec<&str> = SEEING.into_iter().filter(|right| !held(&lines, right, schema)).collect();
        if !lacks.is_empty() {
            let (lacks, name) = (lacks.join(", "), as_granted(session, schema).await?);
            found.push(format!(
                "{account} lacks {lacks} on `{schema}`: what it may not see would be left out without a word \
                 (GRANT {lacks} ON {name}.* TO {account})"
            ));
        }
    }
    if !ROUTINES.iter().any(|right| held_everywhere(&lines, right)) {
        found.push(format!(
            "{account} lacks SHOW_ROUTINE: procedures and functions would be left out without a word \
             (GRANT SHOW_ROUTINE ON *.* TO {account})"
        ));
    }
    Ok(found)
}

/// The account as the server matched it: `'admin'@'%'`.
pub async fn account(session: &mut Session) -> Result<Account> {
    let matched: String = session.one("ask who we are", "SELECT CURRENT_USER()").await?;
    let (user, host) = matched.rsplit_once('@').unwrap_or((&matched, "%"));
    Ok(Account { user: user.to_owned(), host: host.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<Line> {
        lines.iter().filter_map(|line| Line::read(line)).collect()
    }

    #[test]
    fn a_right_is_held_on_everything_or_on_the_schema_and_not_on_one_of_its_tables() {
        let of = lines(&[
            "GRANT SELECT, EVENT ON *.* TO `a`@`%`",
            "GRANT SHOW_ROUTINE ON *.* TO `a`@`%`",
            r"GRANT TRIGGER ON `shop\_eu`.* TO `a`@`%`",
            "GRANT SHOW VIEW ON `shop_eu`.`v` TO `a`@`%`",
            "GRANT EXECUTE ON PROCEDURE `shop_eu`.`p` TO `a`@`%`",
            "GRANT `reader`@`%` TO `a`@`%`",
            "REVOKE EVENT ON `wiki`.* FROM `a`@`%`",
        ]);
        assert_eq!(of.len(), 4);
        let lacks = |schema: &str| SEEING.into_iter().filter(|right| !held(&of, right, schema)).collect::<Vec<_>>();
        assert_eq!(lacks("shop_eu"), ["SHOW VIEW"]);
        assert_eq!(lacks("shopXeu"), ["SHOW VIEW", "TRIGGER"]);
        assert_eq!(lacks("wiki"), ["SHOW VIEW", "TRIGGER", "EVENT"]);
        assert!(held_everywhere(&of, "SHOW_ROUTINE") && !held_everywhere(&of, "TRIGGER"));
        let all = lines(&["GRANT ALL PRIVILEGES ON `sh%`.* TO `a`@`%`"]);
        assert!(SEEING.iter().all(|right| held(&all, right, "shop") && !held(&all, right, "wiki")));
    }

    #[test]
    fn only_grants_on_everything_count() {
        let grants = [
            "GRANT SELECT, RELOAD ON *.* TO `a`@`%`".to_owned(),
            "GRANT INSERT ON `shop`.* TO `a`@`%`".to_owned(),
            "GRANT BACKUP_ADMIN,FLUSH_TABLES ON *.* TO `a`@`%` WITH GRANT OPTION".to_owned(),
        ];
        assert_eq!(everywhere(&grants), ["BACKUP_ADMIN", "FLUSH_TABLES", "RELOAD", "SELECT"]);
    }
}
