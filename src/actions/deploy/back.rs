//! The way back: the pods first, then what they were reached by, then what they logged in to.

use std::time::Duration;

use super::{Workload, database_back as database};
use crate::actions::dns::relay::Relay;
use crate::actions::{Reading, Result, Working, cluster, objects, stragglers};
use crate::domain::preview::Verb;
use crate::domain::{Check, Preview};
use crate::services::kubernetes::{Cluster, Name, Stands};

/// How long an object without pods may take to be gone.
const GONE: Duration = Duration::from_mins(1);

pub(super) async fn way_back(cx: &Reading) -> Result<Preview> {
    let cluster = cluster::recognised(cx).await?;
    let mut preview = Preview::undone_by("driving the step again: its inputs and the image are still there");
    preview.identity("Kubernetes", cluster.identity().await?);
    preview.loses = Some(0);
    preview.takes = cx.measured(|_| false).or_else(|| cx.way_there());
    if cx.standing().is_empty() {
        return Ok(preview);
    }
    stragglers::way_back(cx, &cluster, &mut preview).await?;
    for name in relay(cx, &cluster).await? {
        preview.change(Verb::Remove, name.to_string(), vec!["made when the switch was taken back".to_owned()]);
    }
    objects::way_back(&cluster, cx, &mut preview).await?;
    database::way_back(cx, &mut preview).await?;
    Ok(preview)
}

pub(super) async fn rollback(cx: &Working) -> Result<Vec<Check>> {
    if cx.standing().is_empty() {
        return Ok(Vec::new());
    }
    let cluster = cluster::recognised(cx).await?;
    let workload = Workload::of(cx)?;
    // Before anything goes: what the databases hold by now may be a reason to keep all of it.
    database::way_back(cx, &mut Preview::default()).await?;
    stragglers::let_go(cx, &cluster).await?;
    objects::take_back(&cluster, cx, |name| name.kind != "Namespace").await?;
    for name in relay(cx, &cluster).await? {
        cluster.delete(&name, &objects::owner(cx), GONE).await?;
    }
    objects::take_back(&cluster, cx, |name| name.kind == "Namespace").await?;
    database::take_back(cx).await?;
    let selector = format!("app in ({0},{0}-jobs)", workload.name);
    let mut checks = vec![
        objects::nothing_left(&cluster, cx, &workload.taken(true)?).await?,
        objects::no_pods(&cluster, cx, &workload.namespace, &selector).await?,
    ];
    checks.extend(database::look(cx).await?);
    Ok(checks)
}

/// What the switch's way back made for clients with the new answer, as far as it is this run's.
async fn relay(cx: &Reading, cluster: &Cluster) -> Result<Vec<Name>> {
    let Some(relay) = Relay::open(cx).await? else { return Ok(Vec::new()) };
    let mut ours = Vec::new();
    for name in relay.names() {
        if matches!(cluster.stands(&name, &objects::owner(cx)).await?, Stands::Ours { .. }) {
            ours.push(name);
        }
    }
    Ok(ours)
}
