//! Logins that end by themselves: AWS's session, the registry's token, the cluster's credentials.

use crate::actions::push::credentials;
use crate::actions::{Reading, Result, cluster, record};
use crate::domain::limit::Limit;
use crate::domain::runbook::ActionSpec;
use crate::services::docker::Credentials;
use crate::services::registry::{Registry, expires};

/// Credentials that their provider renews end within minutes only where it no longer can.
const RENEWED_S: u32 = 10 * 60;
/// What a person has to log in for again, before the night rather than in it.
const BY_HAND_S: u32 = 4 * 3600;

/// What requests to Route 53 are signed with.
pub(super) async fn aws(cx: &Reading) -> Result<Option<Limit>> {
    if cx.connections().dns.is_none() {
        return Ok(None);
    }
    let login = record::route53(cx).await?.login().await?;
    let near = if login.renewed { RENEWED_S } else { BY_HAND_S };
    let value = format!("{} by {}", login.key, login.by);
    Ok(Some(
        Limit::holds("login at AWS", value)
            .until(login.ends, near)
            .fix("log in again (`aws sso login`), in the engine's own environment"),
    ))
}

/// The registry lets us in; ECR's tokens last twelve hours, and say so themselves.
pub(super) async fn registry(cx: &Reading) -> Result<Option<Limit>> {
    let Some(wanted) = &cx.connections().registry else { return Ok(None) };
    let credentials = credentials(cx).await?;
    let (whom, ends) = match &credentials {
        Some(Credentials::Basic { username, password }) => (format!("as {username}"), expires(password)),
        Some(Credentials::Token(token)) => ("with a token".to_owned(), expires(token)),
        None => ("as nobody".to_owned(), None),
    };
    let registry = Registry::new(&wanted.push, credentials)?;
    registry.ping().await?;
    Ok(Some(
        Limit::holds("login at the registry", format!("{} lets us in {whom}", registry.host()))
            .until(ends, BY_HAND_S)
            .fix("log in again (`docker login`), or give the password as a command that makes a new one"),
    ))
}

/// The cluster knows us: its plugins make a new token by themselves, as long as what they stand on lasts.
pub(super) async fn cluster(cx: &Reading) -> Result<Option<Limit>> {
    let adopted = cx.plan().runbook.steps.iter().find(|step| matches!(step.action, ActionSpec::Cluster(_)));
    // Before that step there may be none yet.
    if !adopted.is_some_and(|step| cx.state().is_over(&step.id)) {
        return Ok(None);
    }
    let user = cluster::connect(cx).await?.whoami().await?;
    Ok(Some(
        Limit::holds("login at the cluster", format!("it knows us as {user}"))
            .fix("log in again; EKS stands on the login at AWS"),
    ))
}
