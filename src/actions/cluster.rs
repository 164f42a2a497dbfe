//! `kubernetes.adopt`: a cluster that others made, taken as it is once it is what the later steps need.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::access::wishes;
use super::{Action, Checking, Outputs, Reading, Result, Working};
use crate::domain::preview::Verb;
use crate::domain::runbook::ActionSpec;
use crate::domain::runbook::inputs::Cluster as Adopt;
use crate::domain::{Check, Failure, Preview};
use crate::services::Error;
use crate::services::kubernetes::{Cluster, Node, Trouble, trouble};

/// How often a cluster that is being made is looked for.
const LOOK: Duration = Duration::from_secs(5);

/// The runbook's cluster. Nothing is sent yet.
pub(super) async fn connect(cx: &Reading) -> Result<Cluster> {
    let wanted = cx.kubernetes()?;
    let kubeconfig = wanted.kubeconfig.as_ref().map(|path| cx.path(path));
    let connected = Cluster::connect(kubeconfig.as_deref(), Some(&wanted.context)).await;
    connected.map_err(|error| explained(error, &wanted.context, wanted_nodes(cx)))
}

/// How many nodes the runbook asks for.
fn wanted_nodes(cx: &Reading) -> usize {
    let adopt = cx.plan().runbook.steps.iter().find_map(|step| match &step.action {
        ActionSpec::Cluster(adopt) => Some(adopt.nodes),
        _ => None,
    });
    adopt.unwrap_or(2)
}

/// The runbook's cluster, known to be the one that the run began with.
pub(super) async fn recognised(cx: &Reading) -> Result<Cluster> {
    let cluster = connect(cx).await?;
    cx.recognise("Kubernetes", &cluster.identity().await?)?;
    Ok(cluster)
}

/// Why the cluster is not what is needed yet; nothing if it is.
pub(super) fn lacking(nodes: &[Node], wanted: usize) -> Option<String> {
    let ready = nodes.iter().filter(|node| node.ready).count();
    let unready: Vec<String> =
        nodes.iter().filter(|node| !node.ready).map(|node| format!("{}: {}", node.name, node.reason)).collect();
    (ready < wanted).then(|| {
        format!("{ready} of {wanted} nodes are Ready; {}", unready.join("; ")).trim_end_matches("; ").to_owned()
    })
}

/// How to make one, where there is none.
fn recipe(context: &str, nodes: usize) -> String {
    format!(
        "make it, then run the step again: `eksctl create cluster --name {context} --nodes {nodes}` and `aws eks update-kubeconfig \
         --name {context} --alias {context}`; or `gcloud container clusters create {context} --num-nodes {nodes}` and `gcloud \
         container clusters get-credentials {context}`; or name another `context` under [kubernetes]"
    )
}

/// A fault of the cluster with the next step that fits it: a cluster that is not there is made, one that does
/// not answer is reached, one that refuses us is asked for rights.
pub(super) fn explained(error: Error, context: &str, nodes: usize) -> Failure {
    let with_context = format!("kubectl --context {context}");
    let next = match trouble(&error) {
        Some(Trouble::NoContext { known, .. }) if !known.is_empty() => Some(format!(
            "if it is one of these, name it as `context` under [kubernetes] (`kubectl config get-contexts` shows \
             where each leads); else {}",
            recipe(context, nodes)
        )),
        Some(Trouble::NoContext { .. } | Trouble::NoKubeconfig(_)) => Some(recipe(context, nodes)),
        Some(Trouble::Unreachable(_)) => Some(format!(
            "the cluster is in the kubeconfig, but its API server at {} does not answer from here: check VPN, firewall \
             and the API's list of allowed addresses, and that it was not deleted; then `{with_context} get --raw /readyz`",
            error.address
        )),
        Some(Trouble::Credentials(_)) => Some(format!(
            "log in again (`aws sso login`, `gcloud auth login`, or whatever the context's credentials come from) until \
             `{with_context} auth whoami` answers; EKS tokens last 15 minutes"
        )),
        Some(Trouble::Forbidden(_)) => Some(format!(
            "somebody with more rights has to grant them: `{with_context} auth whoami` names the user; for the week, \
             `kubectl create clusterrolebinding cutover --clusterrole=cluster-admin --user=USER` (EKS: an access entry \
             with AmazonEKSClusterAdminPolicy); `cutover check --live` lists the rights one by one"
        )),
        None => None,
    };
    let failure = Failure::from(error);
    match next {
        Some(next) => failure.next(next),
        None => failure,
    }
}

impl Adopt {
    async fn look(&self, cx: &Reading) -> Result<(Cluster, Vec<Node>)> {
        let context = &cx.kubernetes()?.context;
        let cluster = connect(cx).await?;
        let nodes = cluster.nodes().await.map_err(|error| explained(error, context, self.nodes))?;
        match lacking(&nodes, self.nodes) {
            None => Ok((cluster, nodes)),
            Some(why) => {
                Err(Failure::transient(format!("the cluster at {} is not ready", cluster.address())).because(why).next(
                    format!("wait for its nodes: `kubectl --context {context} get nodes`; or ask for fewer (`nodes`)"),
                ))
            }
        }
    }
}

impl Action for Adopt {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        let context = &cx.kubernetes()?.context;
        let mut preview = Preview::undone_by("nothing to undo: the cluster is only looked at");
        preview.setting("context", context);
        match self.look(cx).await {
            Ok((cluster, nodes)) => {
                preview.identity("Kubernetes", cluster.identity().await?);
                preview.change(
                    Verb::Keep,
                    format!("cluster {} at {}", cluster.version().await?, cluster.address()),
                    Vec::new(),
                );
                preview.figure("nodes", nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>().join(", "));
            }
            Err(failure) => {
                preview.change(
                    Verb::Keep,
                    format!("cluster of context {context}"),
                    vec!["cannot be worked with yet".to_owned()],
                );
                preview.warnings.push(failure.in_full());
                preview.warnings.extend(failure.next);
            }
        }
        Ok(preview)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        let deadline = Instant::now() + self.wait.duration();
        let cluster = loop {
            match self.look(cx).await {
                Ok((cluster, _)) => break cluster,
                Err(failure) if Instant::now() >= deadline => return Err(failure),
                Err(failure) => {
                    let left = deadline.saturating_duration_since(Instant::now()).as_secs();
                    cx.progress(&format!("wait for the cluster ({failure})"), left, None, "s left");
                    tokio::select! {
                        () = tokio::time::sleep(LOOK) => {}
                        () = cx.cancel().cancelled() => return Err(Failure::interrupted()),
                    }
                }
            }
        };
        cx.pin("Kubernetes", &cluster.identity().await?)?;
        Ok(BTreeMap::new())
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        let cluster = recognised(cx).await?;
        let nodes = cluster.nodes().await?;
        let shown: Vec<String> = nodes
            .iter()
            .map(|node| {
                format!(
                    "{} {} {}{}",
                    node.name,
                    node.version,
                    node.architecture,
                    if node.ready { "" } else { " NOT READY" }
                )
            })
            .collect();
        let answers = cluster.may(wishes(cx)?).await?;
        let asked = answers.len();
        let denied: Vec<String> =
            answers.into_iter().filter(|answer| !answer.allowed).map(|answer| answer.wanted.to_string()).collect();
        let architectures: std::collections::BTreeSet<&str> =
            nodes.iter().map(|node| node.architecture.as_str()).collect();
        Ok(vec![
            Check::of(
                lacking(&nodes, self.nodes).is_none(),
                format!("{} nodes are Ready", self.nodes),
                shown.join(", "),
            ),
            Check::of(
                architectures.len() == 1,
                "the nodes are of one architecture",
                architectures.into_iter().collect::<Vec<_>>().join(", "),
            ),
            Check::of(
                denied.is_empty(),
                "this context may do what the later steps need",
                if denied.is_empty() {
                    format!("{asked} permissions reviewed")
                } else {
                    format!("denied: {}", denied.join(", "))
                },
            ),
        ])
    }

    async fn way_back(&self, _cx: &Reading) -> Result<Preview> {
        let mut preview = Preview::undone_by("running the step again");
        preview.loses = Some(0);
        preview.takes = Some(0.0);
        Ok(preview)
    }
}
