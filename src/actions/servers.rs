//! The runbook's MySQL servers as endpoints: their passwords are fetched here, at the moment of use.

use super::{Reading, Result};
use crate::domain::resource::SOURCE;
use crate::domain::resource::TARGET;
use crate::domain::runbook::{Account, MySql, Tls as Wanted};
use crate::services::mysql::{Endpoint, Tls};

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
    })
}
