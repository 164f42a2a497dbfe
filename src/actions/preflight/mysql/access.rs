//! Who may log in, and what the accounts may do: the migration's, the application's, replication's.

use super::super::book::{Book, ahead};
use super::Side;
use crate::actions::Reading;
use crate::actions::servers::logged_in_as;
use crate::domain::finding::Topic;
use crate::domain::runbook::ActionSpec;
use crate::services::Result;
use crate::services::mysql::fence::managed::WRITING;
use crate::services::mysql::grants::{self, Account};
use crate::services::mysql::{Flavour, Session, identifier, rights};

/// What every administrator of a migration needs, everywhere.
const EVERYWHERE: &[&str] = &["SELECT", "CREATE USER", "PROCESS", "REPLICATION CLIENT", "REPLICATION SLAVE"];
/// To read everything that a schema holds.
const READING: &[&str] = &["SHOW VIEW", "TRIGGER", "EVENT"];
/// To make everything that a schema holds.
const MAKING: &[&str] = &[
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "ALTER",
    "INDEX",
    "REFERENCES",
    "CREATE VIEW",
    "SHOW VIEW",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
    "TRIGGER",
    "EVENT",
    "EXECUTE",
];
/// On a server of one's own: the variables, the channel, the sessions. SUPER is all of these. On a managed one
/// the provider's procedures stand for them.
const SERVER: &[&str] = &[
    "SYSTEM_VARIABLES_ADMIN",
    "PERSIST_RO_VARIABLES_ADMIN",
    "REPLICATION_SLAVE_ADMIN",
    "CONNECTION_ADMIN",
    "XA_RECOVER_ADMIN",
];

/// The account as the server matched it: `'admin'@'%'`.
pub(super) async fn account(session: &mut Session) -> Result<String> {
    Ok(rights::account(session).await?.to_string())
}

/// The migration's account: everything its steps do, in one list, with the one statement that mends it.
pub(super) async fn privileges(side: &mut Side, book: &mut Book) {
    let own = side.server.flavour == Flavour::Own;
    let mut wanted: Vec<&str> = EVERYWHERE.to_vec();
    wanted.extend(if side.is_source { READING } else { MAKING });
    if own {
        wanted.extend(SERVER);
    }
    // A snapshot holds writers by either.
    let may_hold = ["RELOAD", "FLUSH_TABLES", "LOCK TABLES"].iter().any(|right| side.server.may(right));
    if side.is_source && !may_hold {
        wanted.push("RELOAD");
    }
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|right| {
            let by_super = SERVER.contains(right) && side.server.may("SUPER");
            !by_super && !side.server.may(right)
        })
        .copied()
        .collect();
    let lines: Vec<String> = side.session.query("read our grants", "SHOW GRANTS").await.unwrap_or_default();
    let passes_on = lines.iter().any(|line| passes_on_replication(line));
    let account = account(&mut side.session).await.unwrap_or_else(|_| "the account".to_owned());
    let mut lacks: Vec<String> = missing.iter().map(ToString::to_string).collect();
    if !passes_on {
        lacks.push("GRANT OPTION (to let the replication account replicate)".to_owned());
    }
    let rights = if missing.is_empty() { "REPLICATION SLAVE".to_owned() } else { missing.join(", ") };
    let option = if passes_on { "" } else { " WITH GRANT OPTION" };
    book.fact(Topic::Privileges, "the migration's account may do what its steps do")
        .seen(if lacks.is_empty() {
            format!("all {} privileges", wanted.len())
        } else {
            format!("lacks {}", lacks.join(", "))
        })
        .fix(format!("GRANT {rights} ON *.* TO {account}{option};"))
        .holds(lacks.is_empty());
}

fn passes_on_replication(line: &str) -> bool {
    line.ends_with("WITH GRANT OPTION")
        && line.contains(" ON *.* TO ")
        && (line.contains("REPLICATION SLAVE") || line.starts_with("GRANT ALL PRIVILEGES"))
}

/// The account with which the other server follows this one: `prepare` makes it.
pub(super) async fn replication(cx: &Reading, side: &mut Side, book: &mut Book) {
    let connections = cx.connections();
    let of_source = connections.source.as_ref().filter(|_| side.is_source).map(|source| &source.mysql.replication);
    let of_target = connections.target.as_ref().filter(|_| !side.is_source).map(|target| &target.mysql.replication);
    let Some(wanted) = of_source.or(of_target) else { return };
    let account = Account::anywhere(&wanted.user);
    let fact = format!("the other server can log in as {account}");
    let follower = match logged_in_as(cx, &side.endpoint, wanted).await {
        Ok(follower) => follower,
        Err(failure) => return book.fault(Topic::Access, fact, failure),
    };
    match grants::exists(&mut side.session, &account).await {
        Ok(false) => book
            .fact(Topic::Access, fact)
            .seen("there is no such account")
            .fix(format!(
                "CREATE USER {account} IDENTIFIED BY '...' REQUIRE SSL; GRANT REPLICATION SLAVE ON *.* TO {account};"
            ))
            .made_by(false, ahead(cx, |action| matches!(action, ActionSpec::Prepare(_)))),
        Ok(true) => match Session::open(&follower).await {
            Ok(_) => book.fact(Topic::Access, fact).seen("logged in from here").holds(true),
            // Somebody made it with another password: no step will change it.
            Err(error) => book.fault(Topic::Access, fact, error),
        },
        Err(error) => book.fault(Topic::Access, fact, error),
    }
}

/// The application's account at the source: it proves the fence, and its rights are what the target's gets.
pub(super) async fn application(cx: &Reading, side: &mut Side, book: &mut Book) {
    let Some(source) = &cx.connections().source else { return };
    let account = Account::anywhere(&source.application.user);
    let login = format!("the application's account {account} can log in");
    match logged_in_as(cx, &side.endpoint, &source.application).await {
        Ok(endpoint) => match Session::open(&endpoint).await {
            Ok(mut session) => {
                let matched = self::account(&mut session).await.unwrap_or_default();
                book.fact(Topic::Access, login)
                    .seen(format!("as {matched}"))
                    .fix(format!("name an account that stands as {account}: fences and grants speak of that one"))
                    .holds(matched == account.to_string());
            }
            Err(error) => book.fault(Topic::Access, login, error),
        },
        Err(failure) => return book.fault(Topic::Access, login, failure),
    }
    for schema in &source.schemas {
        let fact =
            format!("its rights on `{schema}` stand on the schema, so the target's account can be given the same");
        match grants::on_schema(&mut side.session, &account, schema).await {
            Ok(rights) => {
                let listed: Vec<&str> = rights.iter().map(String::as_str).collect();
                book.fact(Topic::Privileges, fact)
                    .seen(if listed.is_empty() { "none: they stand elsewhere".to_owned() } else { listed.join(", ") })
                    .fix(format!(
                        "GRANT SELECT, INSERT, UPDATE, DELETE ON {}.* TO {account}; and whatever else it uses",
                        identifier(schema)
                    ))
                    .holds(listed.iter().any(|right| WRITING.contains(right)));
            }
            Err(error) => book.fault(Topic::Privileges, fact, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::passes_on_replication;

    #[test]
    fn a_right_is_passed_on_only_with_the_option_on_everything() {
        assert!(passes_on_replication("GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION"));
        assert!(passes_on_replication("GRANT SELECT, REPLICATION SLAVE ON *.* TO `a`@`%` WITH GRANT OPTION"));
        assert!(!passes_on_replication("GRANT SELECT, REPLICATION SLAVE ON *.* TO `a`@`%`"));
        assert!(!passes_on_replication("GRANT SELECT ON `shop`.* TO `a`@`%` WITH GRANT OPTION"));
    }
}
