//! Where an inventory is taken: the services of a runbook, and the directories where we leave files.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;

use crate::domain::resource::SOURCE;
use crate::domain::resource::Side;
use crate::domain::resource::TARGET;
use crate::domain::runbook::{Front, MySql, Tls as Wanted};
use crate::domain::{Plan, SecretRef};
use crate::services::docker::{Credentials, Engine};
use crate::services::front::{self, Transport};
use crate::services::kubernetes::{Cluster, Name};
use crate::services::mysql::{Endpoint, Tls};
use crate::services::registry::{Registry, from_docker_config};
use crate::services::route53::{Access, Route53};
use crate::services::{Result, secrets};

/// The services of one runbook, and the directories around one run.
#[derive(Debug, Clone)]
pub struct Places {
    plan: Plan,
    /// The lab directory.
    pub(super) lab: PathBuf,
    /// The run's state directory.
    pub(super) state: PathBuf,
    /// In somebody else's cluster: what is looked at there, by name.
    pub(super) ours: Option<Vec<Name>>,
}

impl Places {
    /// The places of a runbook whose run has its state in `state`, on the lab in `lab`.
    pub fn of(plan: &Plan, lab: &Path, state: &Path) -> Self {
        Self { plan: plan.clone(), lab: lab.to_owned(), state: state.to_owned(), ours: None }
    }

    /// The same with a cluster that is somebody else's, and moves by itself: of it only these namespaces are
    /// looked at, these names outside of any namespace, and whatever carries our label there.
    #[must_use]
    pub fn in_a_cluster_of_others(self, ours: Vec<Name>) -> Self {
        Self { ours: Some(ours), ..self }
    }

    /// The directory of the runbook.
    pub(super) fn runbooks(&self) -> PathBuf {
        self.plan.directory()
    }

    pub(super) async fn engine(&self) -> Result<Engine> {
        Engine::connect(self.plan.runbook.connections.docker.host.as_deref()).await
    }

    pub(super) async fn cluster(&self) -> Result<Option<Cluster>> {
        let Some(cluster) = &self.plan.runbook.connections.kubernetes else { return Ok(None) };
        let kubeconfig = cluster.kubeconfig.as_ref().map(|path| self.path(path));
        Cluster::connect(kubeconfig.as_deref(), Some(&cluster.context)).await.map(Some)
    }

    pub(super) async fn mysql(&self, side: Side) -> Result<Option<Endpoint>> {
        let connections = &self.plan.runbook.connections;
        let (label, section) = match side {
            Side::Source => (SOURCE, connections.source.as_ref().map(|source| &source.mysql)),
            Side::Target => (TARGET, connections.target.as_ref().map(|target| &target.mysql)),
        };
        match section {
            Some(section) => self.endpoint(label, section).await.map(Some),
            None => Ok(None),
        }
    }

    async fn endpoint(&self, label: &str, server: &MySql) -> Result<Endpoint> {
        let ca = server.ca.as_ref().map(|path| self.path(path));
        let tls = match server.tls {
            Wanted::Required => Tls::Required { ca },
            Wanted::Verify => Tls::VerifyIdentity { ca },
            Wanted::Off => Tls::Off,
        };
        Ok(Endpoint {
            label: label.to_owned(),
            host: server.host.clone(),
            port: server.port,
            user: server.user.clone(),
            password: self.secret(&server.password).await?,
            database: None,
            tls,
            identity: None,
        })
    }

    /// The registry, and the one repository that it can always be asked for.
    pub(super) async fn registry(&self) -> Result<Option<(Registry, String)>> {
        let Some(section) = &self.plan.runbook.connections.registry else { return Ok(None) };
        let credentials = match &section.account {
            Some(account) => {
                let password = self.secret(&account.password).await?;
                Some(Credentials::Basic { username: account.user.clone(), password })
            }
            None => from_docker_config(section.push.split("://").last().unwrap_or_default()).await?,
        };
        Ok(Some((Registry::new(&section.push, credentials)?, section.repository.clone())))
    }

    pub(super) async fn route53(&self) -> Result<Option<Route53>> {
        let Some(dns) = &self.plan.runbook.connections.dns else { return Ok(None) };
        let keys = match &dns.credentials {
            Some(key) => {
                let id = self.secret(&key.id).await?.expose_secret().to_owned();
                Some((id, self.secret(&key.secret).await?))
            }
            None => None,
        };
        Ok(Some(Route53::connect(Access { endpoint: dns.endpoint.clone(), region: None, keys }).await))
    }

    pub(super) async fn front(&self) -> Result<Option<front::Front>> {
        let transport = match &self.plan.runbook.connections.front {
            None => return Ok(None),
            Some(Front::Command(command)) => Transport::Command(command.clone()),
            Some(Front::Container(name)) => Transport::Container(Box::new(self.engine().await?), name.clone()),
        };
        Ok(Some(front::Front::over(transport)))
    }

    fn path(&self, path: &Path) -> PathBuf {
        secrets::expand(path, &self.plan.directory())
    }

    async fn secret(&self, reference: &SecretRef) -> Result<secrecy::SecretString> {
        secrets::fetch(reference, &self.plan.directory()).await
    }
}
