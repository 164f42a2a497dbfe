//! Pods: which image really runs, whether it lives, and why it does not.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod as ApiPod};
use kube::Api;
use kube::api::{DeleteParams, ListParams, LogParams};

use super::Cluster;
use crate::services::{Kind, Result};

/// Reasons of a waiting container that time alone does not mend. The first failed pull is not among them:
/// the kubelet tries again at once, and names the second failure differently.
const HOPELESS: [&str; 8] = [
    FAILED_PULL,
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "CrashLoopBackOff",
    "ImageInspectError",
];

/// The reason after the first failed pull.
const FIRST_FAILED_PULL: &str = "ErrImagePull";
/// The reason while the kubelet waits before the next pull.
const FAILED_PULL: &str = "ImagePullBackOff";

/// Why a container will not come up by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hopeless {
    container: String,
    reason: String,
    message: String,
}

impl Hopeless {
    /// Whether it is a pull that failed. A registry that was away for a moment looks like one that lacks the image,
    /// and the kubelet then waits for longer and longer: a fresh pod tries at once.
    pub fn may_pass(&self) -> bool {
        self.reason == FAILED_PULL
    }
}

impl std::fmt::Display for Hopeless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { container, reason, message } = self;
        f.write_str(format!("container {container}: {reason} {message}").trim_end())
    }
}

/// One pod.
#[expect(clippy::struct_excessive_bools, reason = "facts that the cluster tells, each by itself")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// The node it runs on.
    pub node: String,
    /// Its own address.
    pub address: Option<String>,
    /// `Running`, `Pending`, ...
    pub phase: String,
    /// Whether every container passes its readiness probe.
    pub ready: bool,
    /// Whether every container runs and has passed its startup probe, where it has one.
    pub live: bool,
    /// Whether it is being deleted.
    pub leaving: bool,
    /// The digests that run, `sha256:...`, as the node's runtime reports them.
    pub digests: Vec<String>,
    /// How often its containers were started again.
    pub restarts: i32,
    /// Why it will not come up, if that is known.
    pub hopeless: Option<Hopeless>,
    /// Whether it has failed to come up at least once: whatever kept it from it, the kubelet waits longer after
    /// each failure, and may call it hopeless without another try.
    pub stumbled: bool,
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
}

impl Cluster {
    /// The pods of a label selector, by name.
    pub async fn pods(&self, namespace: &str, selector: &str) -> Result<Vec<Pod>> {
        let api: Api<ApiPod> = Api::namespaced(self.client.clone(), namespace);
        let found = api.list(&ListParams::default().labels(selector)).await;
        let found = found.map_err(self.fault(format!("list the pods {selector} in {namespace}")))?;
        let mut pods: Vec<Pod> = found.items.into_iter().map(pod).collect();
        pods.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(pods)
    }

    /// The last `lines` that a pod's container printed; of its previous life if the present one has
    /// printed nothing yet.
    pub async fn pod_log(&self, namespace: &str, pod: &str, lines: i64) -> Result<String> {
        let api: Api<ApiPod> = Api::namespaced(self.client.clone(), namespace);
        let params = LogParams { tail_lines: Some(lines), ..LogParams::default() };
        let present = api.logs(pod, &params).await.map_err(self.fault(format!("read the log of {namespace}/{pod}")));
        match present {
            Ok(log) if !log.trim().is_empty() => Ok(log),
            other => match api.logs(pod, &LogParams { previous: true, ..params }).await {
                Ok(log) => Ok(log),
                Err(_) => other,
            },
        }
    }

    /// Deletes the pods of a label selector that have failed to come up, so that their owner makes new ones at
    /// once: the kubelet tries the old ones again only after minutes. How many those were.
    pub async fn renew_stumbled(&self, namespace: &str, selector: &str) -> Result<usize> {
        let api: Api<ApiPod> = Api::namespaced(self.client.clone(), namespace);
        let pods = self.pods(namespace, selector).await?;
        let stumbled: Vec<_> = pods.into_iter().filter(|pod| pod.stumbled && !pod.leaving).collect();
        for pod in &stumbled {
            let deleted = api.delete(&pod.name, &DeleteParams::default()).await;
            match deleted.map_err(self.fault(format!("delete Pod {namespace}/{}", pod.name))) {
                Err(error) if error.kind == Kind::NotFound => {}
                other => other.map(drop)?,
            }
        }
        Ok(stumbled.len())
    }

    /// What a pod's container printed since `from`, each line with the time at which its node read it.
    pub async fn pod_log_since(&self, namespace: &str, pod: &str, from: Timestamp) -> Result<Vec<(Timestamp, String)>> {
        let api: Api<ApiPod> = Api::namespaced(self.client.clone(), namespace);
        let params = LogParams { since_time: Some(from), timestamps: true, ..LogParams::default() };
        let log = api.logs(pod, &params).await.map_err(self.fault(format!("read the log of {namespace}/{pod}")))?;
        let stamped = log.lines().filter_map(|line| {
            let (time, said) = line.split_once(' ')?;
            Some((time.parse().ok()?, said.to_owned()))
        });
        Ok(stamped.collect())
    }

    /// The last warnings about an object (`Pod`, its name), newest last, a line each.
    pub async fn warnings(&self, namespace: &str, kind: &str, name: &str) -> Result<Vec<String>> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let fields = format!("involvedObject.kind={kind},involvedObject.name={name},type=Warning");
        let found = api.list(&ListParams::default().fields(&fields)).await.map_err(self.fault("list events"))?;
        let mut events = found.items;
        events.sort_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
        let line = |event: &Event| {
            format!("{}: {}", event.reason.clone().unwrap_or_default(), event.message.clone().unwrap_or_default())
        };
        Ok(events.iter().rev().take(3).rev().map(line).collect())
    }
}

fn pod(pod: ApiPod) -> Pod {
    let status = pod.status.unwrap_or_default();
    let containers = status.container_statuses.unwrap_or_default();
    let starting = status.init_container_statuses.unwrap_or_default();
    let running = |c: &ContainerStatus| c.state.as_ref().is_some_and(|state| state.running.is_some());
    let wanted = pod.spec.as_ref().map_or(0, |spec| spec.containers.len());
    let live = containers.len() == wanted && containers.iter().all(|c| running(c) && c.started == Some(true));
    Pod {
        name: pod.metadata.name.unwrap_or_default(),
        node: pod.spec.and_then(|spec| spec.node_name).unwrap_or_default(),
        address: status.pod_ip,
        phase: status.phase.unwrap_or_default(),
        ready: containers.len() == wanted && containers.iter().all(|c| c.ready),
        live,
        leaving: pod.metadata.deletion_timestamp.is_some(),
        digests: containers.iter().filter_map(|c| Some(c.image_id.rsplit_once('@')?.1.to_owned())).collect(),
        restarts: containers.iter().map(|c| c.restart_count).sum(),
        hopeless: starting.iter().chain(&containers).find_map(hopeless),
        stumbled: !live && starting.iter().chain(&containers).any(stumbled),
        labels: pod.metadata.labels.unwrap_or_default(),
    }
}

/// Whether a container has failed already: it was started again, has ended, or waits with an error.
fn stumbled(container: &ContainerStatus) -> bool {
    let waits = container.state.as_ref().and_then(|state| state.waiting.as_ref()?.reason.as_deref());
    let ended = container.state.as_ref().and_then(|state| state.terminated.as_ref());
    container.restart_count > 0
        || ended.is_some_and(|ended| ended.exit_code != 0)
        || waits.is_some_and(|reason| reason == FIRST_FAILED_PULL || HOPELESS.contains(&reason))
}

fn hopeless(container: &ContainerStatus) -> Option<Hopeless> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.clone().filter(|reason| HOPELESS.contains(&reason.as_str()))?;
    let message = waiting.message.clone().unwrap_or_default();
    Some(Hopeless { container: container.name.clone(), reason, message })
}
