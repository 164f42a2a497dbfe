//! The runbook's MySQL servers as endpoints: their passwords are fetched here, at the moment of use, and each session
//! is had only of the server that the run began with; and the session that a step changes one by, which nobody else
//! of the step has.

use std::time::Duration;

use super::{Reading, Result};
use crate::domain::resource::SOURCE;
use crate::domain::resource::TARGET;
use crate::domain::runbook::{Account, MySql, Tls as Wanted};
use crate::services::mysql::lock::end_leftover;
use crate::services::mysql::replication::Source;
use crate::services::mysql::{Endpoint, LockName, Session, Tls};

/// How long a session of an earlier attempt may take to be gone.
const LEFTOVER: Duration = Duration::from_secs(30);

/// The source, as the migration's account.
pub(super) async fn source(cx: &Reading) -> Result<Endpoint> {
    endpoint(cx, SOURCE, &cx.source()?.mysql).await
}

/// The target, as the migration's account.
pub(super) async fn target(cx: &Reading) -> Result<Endpoint> {
    endpoint(cx, TARGET, &cx.target()?.mysql).await
}

/// The same server as another account.
pub(super) async fn logged_in_as(cx: &Reading, endpoint: &Endpoint, account: &Account) -> Result<Endpoint> {
    let password = cx.secret(&account.password).await?;
    Ok(Endpoint { user: account.user.clone(), password, ..endpoint.clone() })
}

/// How the other server follows this one.
pub(super) async fn followed(cx: &Reading, server: &MySql) -> Result<Source> {
    let (host, port) = server.as_the_other_sees_it();
    let password = cx.secret(&server.replication.password).await?;
    Ok(Source { host: host.to_owned(), port, user: server.replication.user.clone(), password })
}

/// A session of the step alone: what an earlier attempt left at work on that server is ended first.
pub(super) async fn alone(cx: &Reading, endpoint: &Endpoint) -> Result<Session> {
    let lock = LockName::new(cx.run().as_str(), cx.step_id().as_str(), &endpoint.label);
    let mut first = Session::open(endpoint).await?;
    end_leftover(&mut first, &lock, LEFTOVER).await?;
    let locked = Session::locked(endpoint, cx.step_id().as_str(), &lock).await?;
    // A goodbye that is lost costs nothing: the server notices the closed connection.
    let _ = first.close().await;
    Ok(locked)
}

/// Ends whatever an earlier attempt left at work under these names.
pub(super) async fn end_all<'a>(session: &mut Session, locks: impl Iterator<Item = &'a LockName>) -> Result<()> {
    for lock in locks {
        end_leftover(session, lock, LEFTOVER).await?;
    }
    Ok(())
}

async fn endpoint(cx: &Reading, label: &str, server: &MySql) -> Result<Endpoint> {
    let ca = server.ca.as_ref().map(|path| cx.path(path));
    Ok(Endpoint {
        label: label.to_owned(),
        host: server.host.clone(),
        port: server.port,
        user: server.user.clone(),
        password: cx.secret(&server.password).await?,
        database: None,
        tls: match server.tls {
            Wanted::Required => Tls::Required { ca },
            Wanted::Verify => Tls::VerifyIdentity { ca },
            Wanted::Off => Tls::Off,
        },
        identity: cx.state().identities.get(label).cloned(),
    })
}
