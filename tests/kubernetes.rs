//! The Kubernetes adapter against the lab's cluster: objects with an owner, previews, rollouts that succeed,
//! rollouts that cannot.
//!
//! Each test has a namespace of its own. The pods run an image that is on every node of the lab: the pause
//! image of its sandboxes.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cutover::services::Kind;
use cutover::services::kubernetes::{Cluster, MANAGED_BY, Manifest, Name, Owner, Placeholders, Wanted, What};
use serde_json::json;

const PAUSE: &str = "localhost/pause:lab";
const PATIENCE: Duration = Duration::from_mins(2);

async fn cluster() -> Cluster {
    let lab = || std::env::home_dir().unwrap().join(".cache/cutover/lab");
    let directory = std::env::var_os("CUTOVER_LAB_DIR").map_or_else(lab, PathBuf::from);
    let kubeconfig = directory.join("kubeconfig");
    Cluster::connect(Some(&kubeconfig), Some("cutover-lab"))
        .await
        .expect("the lab's cluster: `cutover lab up` makes it")
}

/// A namespace of a test's own, and its owner.
fn place(test: &str) -> (String, Owner) {
    let name = format!("x-cutover-test-{test}-{}", std::process::id());
    (name.clone(), Owner::new(name))
}

fn manifests(text: &str, namespace: &str, more: &[(&str, serde_json::Value)]) -> Vec<Manifest> {
    let mut placeholders = Placeholders::from([("namespace".to_owned(), json!(namespace))]);
    placeholders.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Manifest::parse(text, &placeholders).unwrap()
}

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${namespace}\n";

const OBJECTS: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: "${namespace}"}
data: {colour: "${colour}"}
---
apiVersion: v1
kind: Secret
metadata: {name: hidden, namespace: "${namespace}"}
stringData: {password: "${password}"}
"#;

const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: sleeper, namespace: "${namespace}"}
spec:
  replicas: 2
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  selector: {matchLabels: {app: sleeper}}
  template:
    metadata: {labels: {app: sleeper}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - {name: sleeper, image: "${image}", imagePullPolicy: IfNotPresent, command: "${command}"}
"#;

async fn remove(cluster: &Cluster, namespace: &str, owner: &Owner) {
    cluster.delete(&Name::core("Namespace", None, namespace), owner, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn the_cluster_says_who_it_is_what_it_runs_on_and_what_we_may() {
    let cluster = cluster().await;
    let identity = cluster.identity().await.unwrap();
    assert_eq!(identity.len(), 36, "{identity} is no UID");
    assert_eq!(identity, cluster.identity().await.unwrap());
    assert!(cluster.version().await.unwrap().starts_with("v1."));
    let nodes = cluster.nodes().await.unwrap();
    assert!(nodes.len() >= 2 && nodes.iter().all(|node| node.ready && !node.architecture.is_empty()), "{nodes:?}");
    let wish = |verb, resource| Wanted { verb, group: "apps", resource, namespace: Some("default".to_owned()) };
    let answers = cluster.may(vec![wish("create", "deployments"), wish("patch", "deployments")]).await.unwrap();
    assert!(answers.iter().all(|answer| answer.allowed));
    assert_eq!(answers[0].wanted.to_string(), "create deployments.apps in default");
}

#[tokio::test]
async fn a_kubeconfig_without_the_context_and_a_server_that_is_not_there_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("kubeconfig");
    let text = "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n\
                users: [{name: u, user: {token: hunter2}}]\ncontexts: [{name: here, context: {cluster: c, user: u}}]\n";
    std::fs::write(&file, text).unwrap();
    let missing = Cluster::connect(Some(&file), Some("elsewhere")).await.err().unwrap();
    assert_eq!(missing.kind, Kind::NotFound);
    let gone = Cluster::connect(Some(&file), Some("here")).await.unwrap().identity().await.unwrap_err();
    assert_eq!(gone.kind, Kind::Transient, "{gone:?}");
    assert!(!format!("{gone:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_credential_plugin_gets_no_terminal_to_ask_on() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("kubeconfig");
    // A plugin that asks reads the end of its input, fails, and does not wait for anybody.
    let text = "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n\
                users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, command: sh, args: ['-c', 'read answer']}}}]\n\
                contexts: [{name: here, context: {cluster: c, user: u}}]\n";
    std::fs::write(&file, text).unwrap();
    let asked = async { Cluster::connect(Some(&file), Some("here")).await?.identity().await };
    let ended = tokio::time::timeout(Duration::from_secs(10), asked).await.expect("the plugin waited for an answer");
    let error = ended.unwrap_err();
    assert!(error.next.is_some_and(|next| next.contains("log in first")));
}

#[tokio::test]
async fn a_preview_says_what_applying_would_do_and_shows_no_secret() {
    let cluster = cluster().await;
    let (namespace, owner) = place("preview");
    let space = manifests(NAMESPACE, &namespace, &[]);
    let wanted = |colour: &str, password: &str| {
        manifests(OBJECTS, &namespace, &[("colour", json!(colour)), ("password", json!(password))])
    };
    let red = wanted("red", "hunter2");
    let all: Vec<Manifest> = space.iter().chain(&red).cloned().collect();
    let before = cluster.diff(&all, &owner).await.unwrap();
    assert!(before.iter().all(|difference| difference.what == What::Created), "{before:?}");
    assert_eq!(cluster.get(&red[0].name()).await.unwrap(), None, "a preview changes nothing");

    for manifest in &all {
        cluster.apply(manifest, &owner).await.unwrap();
    }
    let settled = cluster.diff(&all, &owner).await.unwrap();
    assert!(settled.iter().all(|difference| difference.what == What::Unchanged), "{settled:?}");

    let changed = cluster.diff(&wanted("blue", "hunter3"), &owner).await.unwrap();
    assert_eq!(changed[0].what, What::Changed(vec!["data.colour: \"red\" -> \"blue\"".to_owned()]));
    assert_eq!(changed[1].what, What::Changed(Vec::new()), "a Secret is changed, and that is all that is said");
    remove(&cluster, &namespace, &owner).await;
    assert_eq!(cluster.get(&space[0].name()).await.unwrap(), None);
    assert!(!cluster.delete(&space[0].name(), &owner, PATIENCE).await.unwrap(), "a second removal finds nothing");
}

#[tokio::test]
async fn what_others_made_is_neither_changed_nor_removed() {
    let cluster = cluster().await;
    let (namespace, owner) = place("foreign");
    let stranger = Owner::new("another-run");
    cluster.apply(&manifests(NAMESPACE, &namespace, &[])[0], &owner).await.unwrap();
    let theirs = &manifests(OBJECTS, &namespace, &[("colour", json!("red")), ("password", json!("x"))])[0];
    cluster.apply(theirs, &stranger).await.unwrap();

    let applied = cluster.apply(theirs, &owner).await.unwrap_err();
    assert_eq!(applied.kind, Kind::Conflict);
    assert!(applied.why.unwrap().to_string().contains("another-run"));
    assert_eq!(cluster.diff(std::slice::from_ref(theirs), &owner).await.unwrap_err().kind, Kind::Conflict);
    assert_eq!(cluster.delete(&theirs.name(), &owner, PATIENCE).await.unwrap_err().kind, Kind::Conflict);
    // An object that carries no label of ours at all: every namespace has one.
    let roots = manifests(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kube-root-ca.crt, namespace: '${namespace}'}\n",
        &namespace,
        &[],
    );
    let deadline = Instant::now() + PATIENCE;
    while cluster.get(&roots[0].name()).await.unwrap().is_none() {
        assert!(Instant::now() < deadline, "the cluster put no authority into the namespace");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(cluster.apply(&roots[0], &owner).await.unwrap_err().kind, Kind::Conflict);
    let kept = cluster.get(&roots[0].name()).await.unwrap().unwrap();
    assert!(kept["metadata"]["labels"][MANAGED_BY].is_null());
    remove(&cluster, &namespace, &owner).await;
}

#[tokio::test]
async fn a_rollout_is_done_when_its_own_pods_are_and_one_that_cannot_be_says_why_at_once() {
    let cluster = cluster().await;
    let (namespace, owner) = place("rollout");
    cluster.apply(&manifests(NAMESPACE, &namespace, &[])[0], &owner).await.unwrap();
    let apply = async |image: &str, command: serde_json::Value| {
        let deployment = manifests(DEPLOYMENT, &namespace, &[("image", json!(image)), ("command", command)]);
        cluster.apply(&deployment[0], &owner).await.unwrap();
    };
    apply(PAUSE, serde_json::Value::Null).await;
    let mut heard = Vec::new();
    let pods = cluster
        .wait_rolled_out(&namespace, "sleeper", PATIENCE, |how_far| heard.push(how_far.to_owned()))
        .await
        .unwrap();
    assert!(pods.len() == 2 && pods.iter().all(|pod| pod.ready && pod.live), "{pods:?}");
    assert!(!heard.is_empty(), "nobody was told how far it was");
    assert_eq!(cluster.replicas(&namespace, "sleeper").await.unwrap(), Some(2));

    // The old pods go on being ready: they must not pass for the new ones.
    let began = Instant::now();
    apply("localhost/no-such-image:lab", serde_json::Value::Null).await;
    let missing = cluster.wait_rolled_out(&namespace, "sleeper", PATIENCE, |_| ()).await.unwrap_err();
    let why = missing.why.unwrap().to_string();
    assert!(missing.kind == Kind::Transient && why.contains("ImagePullBackOff"), "a registry may come back: {why}");
    assert!(
        began.elapsed() < Duration::from_mins(1),
        "it took {:?} to see what the first minute showed",
        began.elapsed()
    );

    apply(PAUSE, json!(["/no/such/program"])).await;
    let broken = cluster.wait_live(&namespace, "sleeper", PATIENCE, |_| ()).await.unwrap_err();
    assert!(broken.kind == Kind::Permanent && broken.why.unwrap().to_string().contains("/no/such/program"));

    apply(PAUSE, serde_json::Value::Null).await;
    cluster.wait_rolled_out(&namespace, "sleeper", PATIENCE, |_| ()).await.unwrap();
    cluster.scale(&namespace, "sleeper", 0).await.unwrap();
    let none = cluster.wait_rolled_out(&namespace, "sleeper", PATIENCE, |_| ()).await.unwrap();
    assert!(none.is_empty());
    remove(&cluster, &namespace, &owner).await;
}

#[tokio::test]
async fn a_service_that_no_cloud_looks_after_gets_no_address_and_says_what_to_look_at() {
    let cluster = cluster().await;
    let (namespace, owner) = place("no-address");
    let service = r#"
apiVersion: v1
kind: Service
metadata: {name: front, namespace: "${namespace}"}
spec:
  type: LoadBalancer
  loadBalancerClass: x-cutover.test/nobody
  ports: [{port: 80, protocol: TCP}]
"#;
    for manifest in manifests(&format!("{NAMESPACE}---{service}"), &namespace, &[]) {
        cluster.apply(&manifest, &owner).await.unwrap();
    }
    let error = cluster.wait_load_balancer(&namespace, "front", Duration::from_secs(2)).await.unwrap_err();
    remove(&cluster, &namespace, &owner).await;
    assert_eq!(error.kind, Kind::Permanent, "trying again mends nothing");
    assert!(error.to_string().contains(&format!("get an address for Service {namespace}/front")), "{error}");
    assert!(error.next.unwrap().contains(&format!("kubectl -n {namespace} describe service front")));
}
