//! The pieces of the lab and their common shape. An enum, so that a forgotten piece does not compile.

use std::fmt;
use std::str::FromStr;

use super::kubernetes::{self, balancer, ingress};
use super::route53::part as route53;
use super::{Site, managed_mysql, registry, rev1};
use crate::services::Result;
use crate::services::docker::Health;

/// One piece of the lab, in the order in which they come up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The one box that runs the service today.
    Rev1,
    /// The managed MySQL.
    ManagedMysql,
    /// The container registry.
    Registry,
    /// Route 53, and the DNS that it is the front of.
    Route53,
    /// The two nodes of the cluster.
    Kubernetes,
    /// What gives a Service of type LoadBalancer an address.
    Balancer,
    /// The ingress controller's image, in the registry.
    IngressImage,
}

/// How a part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It answers as it should.
    Ready,
    /// It is there and does not answer; the reason.
    Down(String),
    /// It is not there.
    Absent,
}

impl Part {
    /// Every part, in the order in which they come up.
    pub const ALL: &'static [Self] = &[
        Self::Rev1,
        Self::ManagedMysql,
        Self::Registry,
        Self::Route53,
        Self::Kubernetes,
        Self::Balancer,
        Self::IngressImage,
    ];

    /// Those that a rehearsal in somebody's own cluster needs: all but the lab's cluster and its balancer.
    pub const WITHOUT_CLUSTER: &[Self] =
        &[Self::Rev1, Self::ManagedMysql, Self::Registry, Self::Route53, Self::IngressImage];

    /// Its name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rev1 => "rev1",
            Self::ManagedMysql => "managed-mysql",
            Self::Registry => "registry",
            Self::Route53 => "route53",
            Self::Kubernetes => "kubernetes",
            Self::Balancer => "balancer",
            Self::IngressImage => "ingress-image",
        }
    }

    /// The parts that have to be up before this one.
    #[must_use]
    pub fn needs(self) -> &'static [Self] {
        match self {
            Self::Rev1 | Self::ManagedMysql | Self::Registry | Self::Route53 | Self::Kubernetes => &[],
            Self::Balancer => &[Self::Kubernetes],
            Self::IngressImage => &[Self::Registry],
        }
    }

    /// Makes what is missing, keeps what is right; returns when the part answers.
    pub async fn up(self, site: &Site<'_>) -> Result<()> {
        match self {
            Self::Rev1 => rev1::up(site).await,
            Self::ManagedMysql => managed_mysql::up(site).await,
            Self::Registry => registry::up(site).await,
            Self::Route53 => route53::up(site).await,
            Self::Kubernetes => kubernetes::up(site).await,
            Self::Balancer => balancer::up(site).await,
            Self::IngressImage => ingress::up(site).await,
        }
    }

    /// Looks at the part and changes nothing.
    pub async fn ready(self, site: &Site<'_>) -> Result<State> {
        match self {
            Self::Rev1 => rev1::ready(site).await,
            Self::ManagedMysql => managed_mysql::ready(site).await,
            Self::Registry => registry::ready(site).await,
            Self::Route53 => route53::ready(site).await,
            Self::Kubernetes => kubernetes::ready(site).await,
            Self::Balancer => balancer::ready(site).await,
            Self::IngressImage => ingress::ready(site).await,
        }
    }

    /// A fresh world in seconds. Images and caches are kept.
    pub async fn reset(self, site: &Site<'_>) -> Result<()> {
        match self {
            Self::Rev1 => rev1::reset(site).await,
            Self::ManagedMysql => managed_mysql::reset(site).await,
            Self::Registry => registry::reset(site).await,
            Self::Route53 => route53::reset(site).await,
            Self::Kubernetes => kubernetes::reset(site).await,
            Self::Balancer => balancer::reset(site).await,
            Self::IngressImage => ingress::reset(site).await,
        }
    }

    /// Takes the part's containers, volumes and processes away; safe when it was never up.
    pub async fn down(self, site: &Site<'_>) -> Result<()> {
        match self {
            Self::Rev1 => rev1::down(site).await,
            Self::ManagedMysql => managed_mysql::down(site).await,
            Self::Registry => registry::down(site).await,
            Self::Route53 => route53::down(site).await,
            Self::Kubernetes => kubernetes::down(site).await,
            Self::Balancer => balancer::down(site).await,
            Self::IngressImage => ingress::down(site).await,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let names = || Self::ALL.iter().map(|part| part.name()).collect::<Vec<_>>().join(", ");
        let found = Self::ALL.iter().copied().find(|part| part.name() == text);
        found.ok_or_else(|| format!("'{text}' is no part of the lab; there are: {}", names()))
    }
}

/// The state of a part that is one container with a health check.
pub async fn health(site: &Site<'_>, container: &str) -> Result<State> {
    Ok(match site.engine.container(container).await? {
        None => State::Absent,
        Some(found) if !found.running => State::Down(format!("{container} does not run")),
        Some(found) => match found.health {
            Health::Healthy | Health::None => State::Ready,
            Health::Starting => State::Down(format!("{container} is starting")),
            Health::Unhealthy => State::Down(format!("the health check of {container} fails")),
        },
    })
}
