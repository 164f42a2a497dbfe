//! A real two-node Kubernetes, a container per node, built from the Go module proxy; in front of it a
//! load balancer, and for it the ingress controller's image.
//!
//! ```text
//! programs   kube-apiserver to kubelet, CoreDNS, metrics-server: built once into a volume
//! nodes      the containers; node1 carries the control plane
//! api        the cluster's own API: ready, add-ons applied, whatever a rehearsal left behind removed
//! balancer   the part `balancer`: ports 80 and 443 in front of both nodes, and a cloud controller
//! ingress    the part `ingress-image`: F5's controller if it is to be had, else the stand-in
//! ```

mod api;
pub mod balancer;
pub mod ingress;
mod nodes;
mod programs;

use std::path::PathBuf;
use std::time::Duration;

use super::part::State;
use super::{Part, Site, files};
use crate::services::Result;
use crate::services::kubernetes::Cluster;

/// The kubeconfig's context.
pub const CONTEXT: &str = "cutover-lab";
/// The nodes' names, hosts and containers: (container, host name, address).
pub const NODES: [(&str, &str, &str); 2] =
    [("cutover-node1", "node1", "172.30.77.41"), ("cutover-node2", "node2", "172.30.77.42")];

const PART: Part = Part::Kubernetes;

/// Where the kubeconfig stands.
#[must_use]
pub fn kubeconfig(site: &Site<'_>) -> PathBuf {
    site.directory.join("kubeconfig")
}

/// Makes what is missing and waits until both nodes, CoreDNS and metrics-server are ready.
pub async fn up(site: &Site<'_>) -> Result<()> {
    let programs = programs::ensure(site).await?;
    nodes::ensure(site, &programs).await?;
    let text = nodes::kubeconfig(site, Duration::from_mins(2)).await?;
    let path = kubeconfig(site);
    files::write(&path, text.as_bytes(), 0o600)
        .map_err(|why| super::site::fault(&path, "keep the kubeconfig").because(why))?;
    let client = api::client(&path).await?;
    api::wait_for_nodes(site, &client, Duration::from_mins(2)).await?;
    api::apply_addons(&client).await?;
    api::wait_for_addons(site, &path, Duration::from_mins(3)).await
}

/// Looks at it.
pub async fn ready(site: &Site<'_>) -> Result<State> {
    let mut there = false;
    for (container, ..) in NODES {
        match site.engine.container(container).await? {
            None if !there && container == NODES[0].0 => return Ok(State::Absent),
            None => return Ok(State::Down(format!("{container} is not there"))),
            Some(found) if !found.running => return Ok(State::Down(format!("{container} does not run"))),
            Some(_) => there = true,
        }
    }
    let cluster = match Cluster::connect(Some(&kubeconfig(site)), Some(CONTEXT)).await {
        Ok(cluster) => cluster,
        Err(why) => return Ok(State::Down(why.to_string())),
    };
    Ok(match cluster.nodes().await {
        Err(why) => State::Down(why.to_string()),
        Ok(nodes) => match nodes.iter().find(|node| !node.ready) {
            Some(node) => State::Down(format!("{} is not ready: {}", node.name, node.reason)),
            None if nodes.len() < NODES.len() => State::Down(format!("{} of {} nodes", nodes.len(), NODES.len())),
            None => State::Ready,
        },
    })
}

/// Everything that is not the cluster's own is deleted, namespaces first, and waited for.
pub async fn reset(site: &Site<'_>) -> Result<()> {
    up(site).await?;
    let client = api::client(&kubeconfig(site)).await?;
    api::clean(site, &client, Duration::from_mins(1)).await
}

/// Takes the nodes away with everything on them. What was built stays in the cache volumes.
pub async fn down(site: &Site<'_>) -> Result<()> {
    site.remove_all(PART, true).await?;
    match tokio::fs::remove_file(kubeconfig(site)).await {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
            Err(super::site::fault(&kubeconfig(site), "remove it").because(why))
        }
        _ => Ok(()),
    }
}
