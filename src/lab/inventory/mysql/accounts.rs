//! Accounts, and what each may do. Password hashes are in no inventory: their hashes are.

use serde_json::json;

use super::{Facts, Thing, facts, take, thing};
use crate::domain::resource::{Side, part};
use crate::services::Result;
use crate::services::mysql::Session;
use crate::services::mysql::grants::{self, Account};

/// Every account and every scope that it may do something on.
pub(super) async fn things(session: &mut Session, side: Side) -> Result<Vec<Thing>> {
    let mut things = Vec::new();
    for mut found in facts(session, "list the accounts", "SELECT * FROM mysql.user").await? {
        let account = Account { user: take(&mut found, "user"), host: take(&mut found, "host") };
        // A column for each old privilege: the grants say them all.
        found.retain(|column, _| !column.ends_with("_priv"));
        things.push(thing(side.user(&account), found));
        let mut scopes: Vec<(String, Vec<String>)> = Vec::new();
        for line in grants::lines(session, &account).await? {
            let scope = scope_of(&line).unwrap_or_else(|| "roles".to_owned());
            match scopes.iter_mut().find(|(known, _)| *known == scope) {
                Some((_, lines)) => lines.push(line),
                None => scopes.push((scope, vec![line])),
            }
        }
        for (scope, lines) in scopes {
            // What every account has, which may log in and no more.
            if lines.iter().all(|line| line.starts_with("GRANT USAGE ON *.*")) {
                continue;
            }
            let facts = Facts::from_iter([("lines".to_owned(), json!(lines))]);
            things.push(thing(side.grant(&account, &scope), facts));
        }
    }
    Ok(things)
}

/// The scope in `GRANT ... ON SCOPE TO ...`, as [`Side::grant`] writes it; none for a role.
fn scope_of(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(" ON ")?;
    let end = [" TO `", " FROM `"].iter().filter_map(|word| rest.rfind(word)).max()?;
    let mut scope = String::new();
    let mut rest = &rest[..end];
    while let Some((plain, quoted)) = rest.split_once('`') {
        let (name, after) = unquoted(quoted);
        scope.push_str(plain);
        scope.push_str(&part(&name));
        rest = after;
    }
    Some(scope + rest)
}

/// A name up to its closing backtick, without what keeps `_` and `%` from being wildcards; and what follows.
fn unquoted(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match (letter, letters.peek()) {
            ('`', Some((_, '`'))) => {
                letters.next();
                name.push('`');
            }
            ('`', _) => return (name, &text[at + 1..]),
            ('\\', Some(_)) => {}
            _ => name.push(letter),
        }
    }
    (name, "")
}

#[cfg(test)]
mod tests {
    use super::scope_of;

    #[test]
    fn a_grants_scope_reads_as_effects_write_it() {
        for (line, scope) in [
            ("GRANT SELECT ON *.* TO `a`@`%` WITH GRANT OPTION", Some("*.*")),
            (r"GRANT SELECT ON `my\_app`.* TO `a`@`%`", Some("my_app.*")),
            ("REVOKE INSERT ON `mysql`.* FROM `a`@`%`", Some("mysql.*")),
            ("GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `a`@`%`", Some("PROCEDURE shop.p")),
            ("GRANT SELECT (`c`) ON `a.b`.`t` TO `a`@`%`", Some("`a.b`.t")),
            ("GRANT `reader`@`%` TO `a`@`%`", None),
        ] {
            assert_eq!(scope_of(line).as_deref(), scope, "{line}");
        }
    }
}
