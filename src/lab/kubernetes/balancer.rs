//! The load balancer: ports 80 and 443 at one address in front of both nodes, and the controller that
//! gives a Service of type LoadBalancer its host name, as a managed cluster's cloud would.

use std::time::Duration;

use super::super::part::{State, health};
use super::super::{LABEL, Part, Recipe, Site, base};
use super::{NODES, nodes};
use crate::services::Result;
use crate::services::docker::{ContainerSpec, Context};

/// The container's name.
pub const CONTAINER: &str = "cutover-balancer";
/// Its address on the lab's network.
pub const ADDRESS: &str = "172.30.77.50";
/// The host name that a Service gets; the lab's DNS answers it with [`ADDRESS`].
pub const HOST_NAME: &str = "ingress-1.elb.lab.example";

const PART: Part = Part::Balancer;
const KUBECONFIG: &str = "etc/balancer/kubeconfig";

/// Makes what is missing and waits until it has the cluster's Services.
pub async fn up(site: &Site<'_>) -> Result<()> {
    let recipe = Recipe::embedded("balancer", base::ensure(site).await?, Duration::from_secs(30))?;
    let image = recipe.ensure(site, PART).await?;
    // Another cluster has other certificates: the balancer is made for one cluster.
    let cluster = site.engine.container(NODES[0].0).await?.map(|node| node.id).unwrap_or_default();
    let label = format!("{LABEL}.cluster");
    let there = site.engine.container(CONTAINER).await?;
    let same = there.is_some_and(|found| found.labels.get(&label) == Some(&cluster));
    if !same || !site.runs(CONTAINER, &image).await? {
        site.say(PART, "starting");
        site.engine.remove_container(CONTAINER).await?;
        let list = NODES.map(|(_, host, address)| format!("{host}={address}")).join(" ");
        let mut spec = ContainerSpec {
            hostname: Some("balancer".to_owned()),
            env: vec![format!("NODES={list}"), format!("HOST_NAME={HOST_NAME}"), format!("KUBECONFIG=/{KUBECONFIG}")],
            ..site.spec(PART, CONTAINER, &image, ADDRESS)
        };
        spec.labels.insert(label, cluster);
        site.engine.create(&spec).await?;
        let kubeconfig = nodes::handed_over(site, "cloud.conf", Duration::from_secs(30)).await?;
        site.engine.copy_in(CONTAINER, "/", Context::default().with(KUBECONFIG, kubeconfig, false)).await?;
        site.engine.start(CONTAINER).await?;
    }
    site.engine.wait_healthy(CONTAINER, Duration::from_secs(30)).await
}

/// Looks at it.
pub async fn ready(site: &Site<'_>) -> Result<State> {
    health(site, CONTAINER).await
}

/// Its Services go with the cluster's namespaces.
pub async fn reset(site: &Site<'_>) -> Result<()> {
    up(site).await
}

/// Takes it away.
pub async fn down(site: &Site<'_>) -> Result<()> {
    site.remove_all(PART, true).await
}
