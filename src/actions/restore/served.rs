//! After the load the backend has its schema: its pods become ready, and a tenant is read through the ingress.

use std::time::Duration;

use crate::actions::dns::service;
use crate::actions::{Checking, Result, cluster};
use crate::domain::Check;
use crate::domain::runbook::ActionSpec;

/// How long pods may take to become ready: they have been asking for their schema all the while.
const READY: Duration = Duration::from_mins(3);
/// For the ingress to know of them.
const SERVED: Duration = Duration::from_secs(30);

/// Both facts; nothing where this run deployed nothing.
pub(super) async fn look(cx: &Checking) -> Result<Vec<Check>> {
    let deployed = cx.plan().runbook.steps.iter().find(|step| matches!(step.action, ActionSpec::Deploy(_)));
    if !deployed.is_some_and(|step| cx.state().is_over(&step.id)) {
        return Ok(Vec::new());
    }
    let (name, namespace) = (&cx.connections().service.name, &cx.kubernetes()?.namespace);
    let cluster = cluster::recognised(cx).await?;
    let pods = cluster.wait_rolled_out(namespace, name, READY, |how_far| cx.progress(how_far, 0, None, "")).await?;
    let ready = pods.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>().join(", ");
    let mut checks = vec![Check::passed("every pod of the backend is ready, with the schema", ready)];

    let switch = cx.plan().runbook.steps.iter().find_map(|step| match &step.action {
        ActionSpec::Switch(switch) => Some(switch),
        _ => None,
    });
    if let Some(switch) = switch {
        let address = cx.resolve(&switch.address)?;
        let first = service::first_ingress(cx, &address).await?;
        let digest = service::deployed(cx)?;
        let answer = service::until_served(cx, first, &cx.probe()?.read, &digest, SERVED).await?;
        checks.push(Check::passed("a tenant is read through the ingress", format!("{first} answered {answer}")));
    }
    Ok(checks)
}
