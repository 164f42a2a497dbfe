//! What the lab does through the cluster's own API: waiting for the nodes, applying the add-ons, and
//! removing what a rehearsal left behind.

use std::path::Path;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, ResourceExt};
use serde::Deserialize as _;

use super::super::recipe::ASSETS;
use super::super::{Site, site};
use super::{CONTEXT, NODES, PART};
use crate::services::kubernetes::{Cluster, MANAGED_BY, MANAGER};
use crate::services::{Error, Kind, Result};

/// Whoever applies the add-ons.
const LAB: &str = "cutover-lab";
/// The deployments that have to be up before anybody uses the cluster.
const ADDONS: [&str; 2] = ["coredns", "metrics-server"];
/// How often a condition is looked at that no watch tells of yet.
const LOOK: Duration = Duration::from_millis(300);

/// A client for the lab's cluster.
pub async fn client(kubeconfig: &Path) -> Result<Client> {
    crate::services::tls::ready();
    let unreadable = |why: kube::config::KubeconfigError| site::fault(kubeconfig, "read the kubeconfig").because(why);
    let file = Kubeconfig::read_from(kubeconfig).map_err(unreadable)?;
    let options = KubeConfigOptions { context: Some(CONTEXT.to_owned()), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(file, &options).await.map_err(unreadable)?;
    config.connect_timeout = Some(Duration::from_secs(3));
    config.read_timeout = Some(Duration::from_secs(30));
    Client::try_from(config).map_err(fault("prepare a client"))
}

/// Waits until every node says that it is ready. Until the API server answers, that is no fault.
pub async fn wait_for_nodes(site: &Site<'_>, client: &Client, within: Duration) -> Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    let deadline = Instant::now() + within;
    let mut said = String::new();
    loop {
        let state = match api.list(&ListParams::default()).await {
            Ok(nodes) => {
                let ready = nodes.items.iter().filter(|node| is_ready(node)).count();
                if ready == NODES.len() {
                    return Ok(());
                }
                format!("{ready} of {} nodes ready", NODES.len())
            }
            Err(_) => "waiting for the API server".to_owned(),
        };
        if Instant::now() > deadline {
            return Err(error("wait for the nodes").because(state).next("look at /var/log/k8s in the node containers"));
        }
        if state != said {
            site.say(PART, state.clone());
            said = state;
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
}

/// Applies CoreDNS, metrics-server and what the balancer may do.
pub async fn apply_addons(client: &Client) -> Result<()> {
    let directory = ASSETS.get_dir("node/addons").ok_or_else(|| error("find the add-ons in the program"))?;
    for file in directory.files() {
        for document in serde_yaml_ng::Deserializer::from_slice(file.contents()) {
            let object = DynamicObject::deserialize(document).map_err(|why| error("read an add-on").because(why))?;
            apply(client, object).await?;
        }
    }
    Ok(())
}

async fn apply(client: &Client, object: DynamicObject) -> Result<()> {
    let types = object.types.clone().unwrap_or_default();
    let (group, version) = types.api_version.rsplit_once('/').unwrap_or(("", &types.api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &types.kind));
    let api: Api<DynamicObject> = match object.namespace() {
        Some(namespace) => Api::namespaced_with(client.clone(), &namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let name = object.name_any();
    let doing = format!("apply {} {name}", types.kind);
    api.patch(&name, &PatchParams::apply(LAB).force(), &Patch::Apply(&object)).await.map(drop).map_err(fault(doing))
}

/// Waits until the add-ons serve.
pub async fn wait_for_addons(site: &Site<'_>, kubeconfig: &Path, within: Duration) -> Result<()> {
    let cluster = Cluster::connect(Some(kubeconfig), Some(CONTEXT)).await?;
    for name in ADDONS {
        let told = |how_far: &str| site.say(PART, format!("{name}: {how_far}"));
        cluster.wait_rolled_out("kube-system", name, within, told).await?;
    }
    Ok(())
}

/// Namespaces that a cluster has from its birth.
fn is_own(namespace: &str) -> bool {
    namespace == "default" || namespace.starts_with("kube-")
}

/// Deletes every namespace that is not the cluster's own, and what the product made outside of namespaces;
/// returns when all of it is gone.
pub async fn clean(site: &Site<'_>, client: &Client, within: Duration) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let deadline = Instant::now() + within;
    let mut asked = false;
    loop {
        let found = namespaces.list(&ListParams::default()).await.map_err(fault("list the namespaces"))?;
        let left: Vec<String> = found.items.iter().map(ResourceExt::name_any).filter(|name| !is_own(name)).collect();
        if left.is_empty() {
            break;
        }
        if !asked {
            site.say(PART, format!("removing {}", left.join(", ")));
            for name in &left {
                delete_namespace(client, &namespaces, name).await?;
            }
            asked = true;
        }
        if Instant::now() > deadline {
            return Err(error("delete namespaces").because(format!("{} would not go", left.join(", "))));
        }
        tokio::time::sleep(LOOK).await;
    }
    clean_cluster_scope(client).await
}

async fn delete_namespace(client: &Client, namespaces: &Api<Namespace>, name: &str) -> Result<()> {
    let gone = |answer: kube::Result<()>| match answer {
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(()),
        other => other.map_err(fault(format!("delete the namespace {name}"))),
    };
    gone(namespaces.delete(name, &DeleteParams::default()).await.map(drop))?;
    // Nobody waits for the grace period of pods whose world has ended.
    let pods: Api<Pod> = Api::namespaced(client.clone(), name);
    gone(pods.delete_collection(&DeleteParams::default().grace_period(0), &ListParams::default()).await.map(drop))
}

/// Ingress classes are never the cluster's own; of the others, those the product has labelled as its own.
async fn clean_cluster_scope(client: &Client) -> Result<()> {
    let ours = ListParams::default().labels(&format!("{MANAGED_BY}={MANAGER}"));
    let kinds = [
        ("networking.k8s.io", "IngressClass", ListParams::default()),
        ("rbac.authorization.k8s.io", "ClusterRole", ours.clone()),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding", ours.clone()),
        ("scheduling.k8s.io", "PriorityClass", ours.clone()),
    ];
    for (group, kind, which) in kinds {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let deleted = api.delete_collection(&DeleteParams::default(), &which).await;
        deleted.map(drop).map_err(fault(format!("delete every {kind} of ours")))?;
    }
    Ok(())
}

fn error(doing: impl Into<String>) -> Error {
    Error::new("lab cluster", "127.0.0.1:6443", doing, Kind::Permanent)
}

fn fault(doing: impl Into<String>) -> impl FnOnce(kube::Error) -> Error {
    let doing = doing.into();
    move |why| error(doing).because(why)
}
