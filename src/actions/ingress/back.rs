//! The way back: the controller goes with all that was made for it, as long as nobody else relies on it.

use super::{CONTROLLER, Class, NAME, handshake};
use crate::actions::{Reading, Result, Working, cluster, objects, stragglers};
use crate::domain::preview::Verb;
use crate::domain::runbook::inputs::Ingress;
use crate::domain::{Check, Failure, Preview};
use crate::services::kubernetes::{Cluster, Stands};

/// The checkpoint with the load balancer's address: nothing can be asked for it once its Service is gone.
const ADDRESS: &str = "address";

pub(super) async fn way_back(inputs: &Ingress, cx: &Reading) -> Result<Preview> {
    let cluster = cluster::recognised(cx).await?;
    let mut preview = Preview::undone_by("installing it again; a cloud may give its load balancer another address");
    preview.identity("Kubernetes", cluster.identity().await?);
    preview.loses = Some(0);
    preview.takes = cx.measured(|_| false).or_else(|| cx.way_there());
    if cx.standing().is_empty() {
        let whose = match inputs.class_is(&cluster).await? {
            Class::Theirs(controller) if controller == CONTROLLER => "others installed it",
            _ => "this run made nothing of it",
        };
        preview.change(Verb::Keep, format!("ingress class {}", inputs.class), vec![whose.to_owned()]);
        return Ok(preview);
    }
    relied_on(inputs, cx, &cluster).await?;
    stragglers::way_back(cx, &cluster, &mut preview).await?;
    objects::way_back(&cluster, cx, &mut preview).await?;
    if let Some(address) = address(inputs, cx, &cluster).await? {
        preview.figure("load balancer", format!("{address}: its Service is gone only when the cloud took it down"));
    }
    Ok(preview)
}

pub(super) async fn rollback(inputs: &Ingress, cx: &Working) -> Result<Vec<Check>> {
    if cx.standing().is_empty() {
        return Ok(Vec::new());
    }
    let cluster = cluster::recognised(cx).await?;
    relied_on(inputs, cx, &cluster).await?;
    stragglers::let_go(cx, &cluster).await?;
    let address = address(inputs, cx, &cluster).await?;
    cx.checkpoint(ADDRESS, &address)?;
    objects::take_back(&cluster, cx, |_| true).await?;
    let mut checks = vec![
        objects::nothing_left(&cluster, cx, &inputs.taken()?).await?,
        objects::no_pods(&cluster, cx, &inputs.namespace, &format!("app={NAME}")).await?,
    ];
    if let Some(address) = address {
        checks.push(silent(cx, &cluster, &address).await?);
    }
    Ok(checks)
}

/// The load balancer's address, while its Service is ours, or as it was noted then.
async fn address(inputs: &Ingress, cx: &Reading, cluster: &Cluster) -> Result<Option<String>> {
    match cluster.load_balancer(&inputs.namespace, NAME).await? {
        Some(address) => Ok(Some(address)),
        None => Ok(cx.checkpointed::<Option<String>>(ADDRESS)?.flatten()),
    }
}

/// Refuses while others' Ingresses are of the class: their traffic would end.
async fn relied_on(inputs: &Ingress, cx: &Reading, cluster: &Cluster) -> Result<()> {
    let class = inputs.class_name();
    if !matches!(cluster.stands(&class, &objects::owner(cx)).await?, Stands::Ours { .. }) {
        return Ok(());
    }
    let others = cluster.ingresses_of_others(&inputs.class, &objects::owner(cx)).await?;
    if others.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = others.iter().map(ToString::to_string).collect();
    Err(Failure::refused(format!("others rely on the ingress controller of {} at {}", inputs.class, cluster.address()))
        .because(format!("these are of its class, and not this run's: {}", named.join(", ")))
        .next("ask whose they are; give them another class, or delete them, and take the step back again"))
}

/// That nothing answers where the load balancer was, unless another Service has that address by now.
async fn silent(cx: &Reading, cluster: &Cluster, address: &str) -> Result<Check> {
    let fact = format!("nothing answers at the load balancer's address {address}");
    let heir = cluster.load_balancers(None).await?.into_iter().find(|(_, theirs)| theirs == address);
    if let Some((service, _)) = heir {
        return Ok(Check::noted(fact, format!("Service {service} of others has it now")));
    }
    let gone = handshake::gone(cx, address).await?;
    let evidence = if gone { "no connection is accepted" } else { "connections to port 443 are still accepted" };
    Ok(Check::of(gone, fact, evidence))
}
