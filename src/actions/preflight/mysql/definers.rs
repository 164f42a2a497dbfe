//! Scheduled EVENTs at the source keep their definers through the switch, which disables them there, and through
//! the way back, which enables them again: to name another definer is a privilege of its own. (The target's are
//! made as whoever loads them, and ask for none; so are views, triggers and routines.)
//!
//! Seen on MySQL 9.7: SUPER does for the first two, and not for SYSTEM_USER.

use std::collections::BTreeSet;

use super::super::book::{Book, ahead};
use super::{Side, access};
use crate::actions::Reading;
use crate::domain::finding::Topic;
use crate::domain::runbook::ActionSpec;
use crate::services::Result;
use crate::services::mysql::grants::{self, Account};
use crate::services::mysql::{Session, Version, events, literal};

/// Who a definer is, besides not being the migration's account.
struct Definer {
    account: Account,
    exists: bool,
    /// It has SYSTEM_USER: only such an account may name it.
    system: bool,
}

/// Asks for what the events of the databases that move need; nothing where none of them runs.
pub(super) async fn ask(cx: &Reading, side: &mut Side, book: &mut Book) {
    let Some(source) = &cx.connections().source else { return };
    if ahead(cx, |action| matches!(action, ActionSpec::Switch(_))).is_none() {
        return;
    }
    let fact = "the migration's account may let the events keep their definers";
    let (us, definers) = match definers(&mut side.session, &source.schemas).await {
        Ok((_, definers)) if definers.is_empty() => return,
        Ok(found) => found,
        Err(error) => return book.fault(Topic::Privileges, fact, error),
    };
    let missing: Vec<&str> =
        wanted(&definers, &side.server.version).into_iter().filter(|right| !has(side, right)).collect();
    let named: Vec<String> = definers.iter().map(|definer| definer.account.to_string()).collect();
    let lacks = if missing.is_empty() { String::new() } else { format!("; lacks {}", missing.join(", ")) };
    book.fact(Topic::Privileges, fact)
        .seen(format!("events of {}{lacks}", named.join(", ")))
        .fix(format!("GRANT {} ON *.* TO {us};", missing.join(", ")))
        .holds(missing.is_empty());
}

/// The account that asks, and whoever else defines an event that runs.
async fn definers(session: &mut Session, schemas: &[String]) -> Result<(String, Vec<Definer>)> {
    let us = access::account(session).await?;
    let running = events::list(session, schemas).await?.into_iter().filter(events::Scheduled::enabled);
    let accounts: BTreeSet<Account> = running.map(|event| event.definer).collect();
    let mut definers = Vec::new();
    for account in accounts.into_iter().filter(|account| account.to_string() != us) {
        let exists = grants::exists(session, &account).await?;
        let query = format!(
            "SELECT COUNT(*) FROM information_schema.user_privileges WHERE privilege_type = 'SYSTEM_USER' AND grantee = {}",
            literal(&account.to_string())
        );
        let system: u64 = session.one(&format!("look whether {account} has SYSTEM_USER"), &query).await?;
        definers.push(Definer { account, exists, system: system > 0 });
    }
    Ok((us, definers))
}

/// The rights that naming these definers takes, by the release that divided them.
fn wanted(definers: &[Definer], version: &Version) -> Vec<&'static str> {
    let divided = version.at_least(8, 2, 0);
    let mut wanted = vec![if divided { "SET_ANY_DEFINER" } else { "SET_USER_ID" }];
    if divided && definers.iter().any(|definer| !definer.exists) {
        wanted.push("ALLOW_NONEXISTENT_DEFINER");
    }
    if definers.iter().any(|definer| definer.system) {
        wanted.push("SYSTEM_USER");
    }
    wanted
}

fn has(side: &Side, right: &str) -> bool {
    side.server.may(right) || right != "SYSTEM_USER" && side.server.may("SUPER")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_definer_asks_for_a_right_of_its_own() {
        let of = |exists, system| Definer { account: Account::anywhere("a"), exists, system };
        let newer = Version::of("9.7.0");
        assert_eq!(wanted(&[of(true, false)], &newer), ["SET_ANY_DEFINER"]);
        assert_eq!(
            wanted(&[of(true, false), of(false, false)], &newer),
            ["SET_ANY_DEFINER", "ALLOW_NONEXISTENT_DEFINER"]
        );
        assert_eq!(wanted(&[of(true, true)], &newer), ["SET_ANY_DEFINER", "SYSTEM_USER"]);
        assert_eq!(wanted(&[of(false, false)], &Version::of("8.0.36")), ["SET_USER_ID"]);
    }
}
