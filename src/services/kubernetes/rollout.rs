//! Is a deployment rolled out? By rule, by watch, and with an early "no" where it cannot become a "yes".
//!
//! Done is when the controller has seen the newest specification *and* all counts agree: updated,
//! available and present. Old pods satisfy readiness too, and a stale status says yes at once.

use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod as ApiPod;
use kube::api::ListParams;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use tokio::time::Instant;

use super::pods::Hopeless;
use super::{Cluster, Pod};
use crate::services::{Kind, Result};

/// The label by which a ReplicaSet tells its pods from those of other revisions.
const REVISION_HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
/// A watch is begun anew after this long, in seconds: shorter than the client's read timeout.
const WATCH: u32 = 60;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Every pod of the newest revision runs and is past its startup probe; ready or not.
    Live,
    /// The rollout is complete, readiness included.
    Complete,
}

/// How far it is.
enum State {
    Yes(Vec<Pod>),
    NotYet(String),
    Never(String, Option<Box<Pod>>),
}

impl Cluster {
    /// Waits until every pod of the newest revision is up (started, not necessarily ready); the pods.
    pub async fn wait_live(
        &self,
        namespace: &str,
        deployment: &str,
        within: Duration,
        on: impl FnMut(&str) + Send,
    ) -> Result<Vec<Pod>> {
        self.wait(namespace, deployment, Until::Live, within, on).await
    }

    /// Waits until the rollout is complete; the pods. `on` hears how far it is, in words.
    pub async fn wait_rolled_out(
        &self,
        namespace: &str,
        deployment: &str,
        within: Duration,
        on: impl FnMut(&str) + Send,
    ) -> Result<Vec<Pod>> {
        self.wait(namespace, deployment, Until::Complete, within, on).await
    }

    async fn wait(
        &self,
        namespace: &str,
        deployment: &str,
        until: Until,
        within: Duration,
        mut on: impl FnMut(&str) + Send,
    ) -> Result<Vec<Pod>> {
        let doing = format!("roll out {namespace}/{deployment}");
        let deadline = Instant::now() + within;
        let selector = self.selector(namespace, deployment).await?;
        // The watches only say when to look: every judgement is made of one fresh set of facts.
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let pods: Api<ApiPod> = Api::namespaced(self.client.clone(), namespace);
        let config = watcher::Config::default().timeout(WATCH);
        let of_deployment = watcher(deployments, config.clone().fields(&format!("metadata.name={deployment}")));
        let of_pods = watcher(pods, config.labels(&selector));
        let mut changes = futures_util::stream::select(
            of_deployment.default_backoff().touched_objects().map(drop).boxed(),
            of_pods.default_backoff().touched_objects().map(drop).boxed(),
        );
        let mut last = String::new();
        loop {
            match self.judge(namespace, deployment, &selector, until).await? {
                State::Yes(pods) => return Ok(pods),
                State::NotYet(how_far) => {
                    if how_far != last {
                        on(&how_far);
                        last = how_far;
                    }
                }
                State::Never(why, pod) => {
                    let next = way_out(namespace, deployment, &why);
                    let hopeless = pod.as_ref().and_then(|pod| pod.hopeless.as_ref());
                    let may_pass = hopeless.is_some_and(Hopeless::may_pass);
                    let kind = if may_pass { Kind::Transient } else { Kind::Permanent };
                    let why = self.with_evidence(namespace, why, pod.as_deref()).await;
                    return Err(self.error(doing, kind).because(why).next(next));
                }
            }
            match tokio::time::timeout_at(deadline, changes.next()).await {
                Ok(Some(())) => {}
                Ok(None) => return Err(self.error(doing, Kind::Transient).because("the watch ended")),
                Err(_) => {
                    let pods = self.pods(namespace, &selector).await?;
                    let stuck = pods.iter().find(|pod| !pod.ready && !pod.leaving);
                    let why = format!("{last}, and {} s are over", within.as_secs());
                    let next = way_out(namespace, deployment, &why);
                    let why = self.with_evidence(namespace, why, stuck).await;
                    return Err(self.error(doing, Kind::Transient).because(why).next(next));
                }
            }
        }
    }

    /// A deployment's label selector.
    pub async fn selector(&self, namespace: &str, deployment: &str) -> Result<String> {
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let found =
            api.get(deployment).await.map_err(self.fault(format!("read Deployment {namespace}/{deployment}")))?;
        let labels = found.spec.and_then(|spec| spec.selector.match_labels).unwrap_or_default();
        Ok(labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(","))
    }

    async fn judge(&self, namespace: &str, name: &str, selector: &str, until: Until) -> Result<State> {
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let found = api.get(name).await.map_err(self.fault(format!("read Deployment {namespace}/{name}")))?;
        let generation = found.metadata.generation.unwrap_or_default();
        let wanted = found.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let revision = found.annotations().get(REVISION).cloned();
        let status = found.status.unwrap_or_default();
        if status.observed_generation.unwrap_or_default() < generation {
            return Ok(State::NotYet("the controller has not seen it yet".to_owned()));
        }
        let newest = self.pods_of_revision(namespace, selector, revision.as_deref()).await?;
        let told = newest.iter().find_map(|pod| Some((pod, pod.hopeless.as_ref()?)));
        if let Some((pod, hopeless)) = told {
            return Ok(State::Never(format!("pod {}: {hopeless}", pod.name), Some(Box::new(pod.clone()))));
        }
        let replicas = status.replicas.unwrap_or_default();
        let updated = status.updated_replicas.unwrap_or_default();
        let available = status.available_replicas.unwrap_or_default();
        let live = newest.iter().filter(|pod| pod.live).count();
        let all_new = newest.len() == usize::try_from(wanted).unwrap_or_default();
        let done = match until {
            Until::Live => all_new && live == newest.len(),
            Until::Complete => all_new && updated == wanted && replicas == wanted && available == wanted,
        };
        if done {
            return Ok(State::Yes(newest));
        }
        let conditions = status.conditions.unwrap_or_default();
        if let Some(failed) = conditions.iter().find(|c| c.type_ == "ReplicaFailure" && c.status == "True") {
            return Ok(State::Never(
                format!("no pods can be made: {}", failed.message.clone().unwrap_or_default()),
                None,
            ));
        }
        let late = conditions
            .iter()
            .any(|c| c.type_ == "Progressing" && c.reason.as_deref() == Some("ProgressDeadlineExceeded"));
        if late && until == Until::Complete {
            let stuck = newest.into_iter().find(|pod| !pod.ready);
            return Ok(State::Never("its progress deadline is exceeded".to_owned(), stuck.map(Box::new)));
        }
        Ok(State::NotYet(format!("{updated} of {wanted} pods updated, {live} live, {available} available")))
    }

    /// The pods of one revision of a deployment: the others may be ready without meaning anything.
    async fn pods_of_revision(&self, namespace: &str, selector: &str, revision: Option<&str>) -> Result<Vec<Pod>> {
        let api: Api<ReplicaSet> = Api::namespaced(self.client.clone(), namespace);
        let sets = api.list(&ListParams::default().labels(selector)).await;
        let sets = sets.map_err(self.fault(format!("list the ReplicaSets {selector} in {namespace}")))?;
        let of_revision = sets.items.iter().find(|set| set.annotations().get(REVISION).map(String::as_str) == revision);
        let Some(hash) = of_revision.and_then(|set| set.labels().get(REVISION_HASH)) else { return Ok(Vec::new()) };
        let mut pods = self.pods(namespace, &format!("{selector},{REVISION_HASH}={hash}")).await?;
        pods.retain(|pod| !pod.leaving);
        Ok(pods)
    }

    /// The reason with what the cluster knows besides: its warnings and the pod's last lines.
    async fn with_evidence(&self, namespace: &str, why: String, pod: Option<&Pod>) -> String {
        let Some(pod) = pod else { return why };
        let mut told = why;
        for warning in self.warnings(namespace, "Pod", &pod.name).await.unwrap_or_default() {
            told = format!("{told}\n  {warning}");
        }
        if let Ok(log) = self.pod_log(namespace, &pod.name, 10).await {
            for line in log.lines() {
                told = format!("{told}\n  {}: {line}", pod.name);
            }
        }
        told
    }
}

/// What to do about pods that do not come up, by the kubelet's word for why.
fn way_out(namespace: &str, deployment: &str, why: &str) -> String {
    let mend = if why.contains("ImagePull") || why.contains("ImageName") {
        "see that the registry still has the image under this digest, and that the nodes reach it and may pull from it \
         (the pull secret)"
    } else {
        "mend what the pods say: the program, its environment or the database that it is given; a new image is built and \
         pushed by the steps before, taken back to there"
    };
    format!(
        "{mend}; `kubectl -n {namespace} describe deployment,pods` tells more of {deployment}; then run the step again"
    )
}
