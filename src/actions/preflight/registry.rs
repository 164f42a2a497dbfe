//! The registry: the login, as whom, the repository, its clock.

use super::book::{Book, ahead};
use crate::actions::Reading;
use crate::actions::push::credentials;
use crate::domain::finding::{Finding, Topic};
use crate::domain::runbook::ActionSpec;
use crate::services::docker::Credentials;
use crate::services::registry::Registry;

pub(super) async fn ask(cx: &Reading) -> Vec<Finding> {
    let mut book = Book::of("registry");
    let Some(wanted) = &cx.connections().registry else { return book.close() };
    let credentials = match credentials(cx).await {
        Ok(credentials) => credentials,
        Err(failure) => {
            book.fault(Topic::Access, "there are credentials for it", failure);
            return book.close();
        }
    };
    let whom = match &credentials {
        Some(Credentials::Basic { username, .. }) => format!("as `{username}`"),
        Some(_) => "with a token".to_owned(),
        None => "as nobody: no credentials in the runbook or in Docker's configuration".to_owned(),
    };
    let registry = match Registry::new(&wanted.push, credentials) {
        Ok(registry) => registry,
        Err(error) => {
            book.fault(Topic::Access, "its address is one", error);
            return book.close();
        }
    };
    book.reach(&registry.address()).await;
    let login = format!("{} lets us in", registry.host());
    if let Err(error) = registry.ping().await {
        book.fault(Topic::Access, format!("{login} {whom}"), error);
        return book.close();
    }
    book.fact(Topic::Access, login).seen(whom).holds(true);
    let repository = format!("the repository {} can be read", wanted.repository);
    match registry.tags(&wanted.repository).await {
        Ok(tags) => book.fact(Topic::Privileges, repository).seen(format!("{} tags", tags.len())).holds(true),
        Err(error) => book.fault(Topic::Privileges, repository, error),
    }
    if let Some(step) = ahead(cx, |action| matches!(action, ActionSpec::Push(_))) {
        // A registry says who may push only to a push, which leaves something behind.
        book.fact(Topic::Privileges, format!("{} may be pushed to", wanted.repository))
            .seen("not tried: the push is the first proof")
            .made_by(false, Some(step));
    }
    if let Some(pull) = wanted.pull.as_ref().filter(|pull| **pull != wanted.push) {
        book.fact(Topic::Reach, format!("the nodes reach it as {pull}"))
            .seen("cannot be tried from here: `deploy`'s pods are the first proof")
            .noted();
    }
    match registry.drift().await {
        Ok(drift) => book.clock(drift),
        Err(error) => book.fault(Topic::Clock, "it says what time it is", error),
    }
    book.close()
}
