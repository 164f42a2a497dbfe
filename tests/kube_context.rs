//! A rehearsal in somebody's own cluster: the lab's, under another name in a kubeconfig of its own, so that
//! nothing of the lab takes it for its own.
//!
//! One test, because it works on the one lab of this machine: what is refused, and leaves the cluster as it was;
//! then a whole rehearsal there, while its owners work in it too; then what the rehearsal made, taken away.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/rehearse.rs"]
mod rehearsal;

use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use cutover::lab::{Lab, UpOptions, directory};
use rehearsal::rehearse;
use serde_json::Value;

const CONTEXT: &str = "somebodys-own";
const PHRASE: &str = "cluster=rehearse in somebodys-own";
/// Made by the cluster's owners while the rehearsal goes on, in a namespace that is not ours.
const THEIRS: &str = "x-cutover-test-theirs";

/// The lab's kubeconfig with its context, cluster and user under another name.
fn renamed(beside: &Path) -> String {
    let text = std::fs::read_to_string(directory().join("kubeconfig")).unwrap();
    let file = beside.join("kubeconfig");
    std::fs::write(&file, text.replace("cutover-lab", CONTEXT)).unwrap();
    file.display().to_string()
}

fn cutover(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(std::process::Stdio::null());
    command.output().unwrap()
}

/// Somebody's cluster, by the client that its owners use.
#[derive(Clone)]
struct Theirs {
    kubeconfig: String,
}

impl Theirs {
    fn kubectl(&self, arguments: &[&str]) -> String {
        let output = Command::new("kubectl").args(["--kubeconfig", &self.kubeconfig]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn namespaces(&self) -> String {
        self.kubectl(&["get", "namespaces", "--output", "name"])
    }

    /// A rehearsal that has to fail before it begins: exit code and error, and nothing is left in the cluster.
    fn refused(&self, more: &[&str]) -> (i32, Value) {
        let before = self.namespaces();
        let arguments =
            ["rehearse", "--yes", "--json", "--kube-context", CONTEXT, "--kubeconfig", self.kubeconfig.as_str()];
        let output = cutover(&[&arguments, more].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 1, "no step was begun: {text}");
        assert_eq!(self.namespaces(), before, "the probe was taken away, and nothing else made");
        (output.status.code().unwrap(), lines[0]["error"].clone())
    }

    /// What the owners do meanwhile: as soon as the rehearsal has a namespace, an object appears elsewhere.
    fn at_work(&self) -> thread::JoinHandle<()> {
        let here = self.clone();
        thread::spawn(move || {
            let deadline = Instant::now() + Duration::from_mins(5);
            while !here.namespaces().contains("namespace/shop") {
                assert!(Instant::now() < deadline, "the rehearsal made no namespace");
                thread::sleep(Duration::from_secs(1));
            }
            here.kubectl(&["create", "configmap", THEIRS, "--namespace", "default"]);
            here.kubectl(&["create", "clusterrole", THEIRS, "--verb=get", "--resource=pods"]);
        })
    }

    fn stop_working(&self) {
        self.kubectl(&["delete", "configmap", THEIRS, "--namespace", "default", "--ignore-not-found"]);
        self.kubectl(&["delete", "clusterrole", THEIRS, "--ignore-not-found"]);
    }
}

/// When each of the lab's nodes began, by the Docker engine.
fn nodes() -> Vec<String> {
    let began = |node: &str| {
        let mut docker = Command::new("docker");
        docker.args(["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", node]);
        String::from_utf8(docker.output().unwrap().stdout).unwrap()
    };
    ["cutover-node1", "cutover-node2", "cutover-balancer"].map(began).to_vec()
}

fn text(error: &Value) -> String {
    let whys = error["why"].as_array().into_iter().flatten().filter_map(Value::as_str);
    [error["what"].as_str().unwrap()].into_iter().chain(whys).collect::<Vec<_>>().join(": ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_in_somebodys_own_cluster_touches_only_what_is_its_own_there() {
    let lab = Lab::open(directory()).unwrap();
    lab.up(&UpOptions { rows: Some(20_000), only: vec![], install: false }, &|_| ()).await.unwrap();
    lab.reset(&|_| ()).await.unwrap();
    let beside = tempfile::tempdir().unwrap();
    let theirs = Theirs { kubeconfig: renamed(beside.path()) };
    theirs.stop_working();

    // The lab's consent does not cover it, and a phrase for another cluster is none.
    let (code, error) = theirs.refused(&[]);
    assert_eq!(code, 3);
    assert!(text(&error).contains(&format!("--phrase '{PHRASE}'")), "{error}");
    assert_eq!(theirs.refused(&["--phrase", "cluster=rehearse in another"]).0, 4);

    // A namespace that is somebody's: named, and as it was.
    theirs.kubectl(&["create", "namespace", "shop"]);
    let (code, error) = theirs.refused(&["--phrase", PHRASE]);
    assert_eq!(code, 4);
    assert!(text(&error).contains("Namespace shop: somebody else made it"), "{error}");
    // A real migration carries our label, and is not a rehearsal of this lab.
    let labels = ["app.kubernetes.io/managed-by=cutover", "cutover.dev/run=shop-rev3-1"];
    theirs.kubectl(&[&["label", "namespace", "shop"], &labels[..]].concat());
    let (code, error) = theirs.refused(&["--phrase", PHRASE]);
    assert_eq!(code, 4);
    assert!(text(&error).contains("Namespace shop: it was made by the run `shop-rev3-1`"), "{error}");
    theirs.kubectl(&["delete", "namespace", "shop"]);

    // What its pods do not reach: which addresses, from which pod, why.
    let closed = ["--set", "target_mysql_port = 3999", "--set", "source_address = '172.30.77.20'"];
    let (code, error) = theirs.refused(&[&["--phrase", PHRASE], &closed[..]].concat());
    assert_eq!(code, 1);
    let both = "reach the target MySQL at 172.30.77.20:3999, and Rev1 at 172.30.77.20:80 from its pods";
    assert!(text(&error).contains(both), "{error}");
    assert!(text(&error).contains("pod cutover-probe/reach on node"), "{error}");
    assert!(text(&error).contains("172.30.77.20:3999: Connection refused"), "{error}");
    assert!(error["next"].as_str().unwrap().contains("172.30.77.0/24"), "{error}");
    let (code, error) = theirs.refused(&["--phrase", PHRASE, "--set", "registry_pull = 'registry.lab:5999'"]);
    assert_eq!(code, 1);
    assert!(text(&error).contains("reach the registry at registry.lab:5999"), "{error}");
    assert!(error["next"].as_str().unwrap().contains("--set registry_pull="), "{error}");

    // The whole of it, while the owners work.
    let untouched = nodes();
    let owners = theirs.at_work();
    let said = rehearse(&["--kube-context", CONTEXT, "--kubeconfig", &theirs.kubeconfig, "--phrase", PHRASE]);
    owners.join().unwrap();
    let summary = said.summary();
    assert_eq!(summary["outcome"], "succeeded");
    said.nothing_is_amiss();
    assert!(summary["traffic"]["served"]["direct"].as_u64() > Some(0), "{summary}");
    assert_eq!(nodes(), untouched, "a cluster that is somebody's is neither started nor stopped");

    // What the rehearsal made goes by its label; what the owners made stays.
    let run = format!("cutover.dev/run={}", summary["run"].as_str().unwrap());
    assert_eq!(theirs.kubectl(&["get", "namespaces", "-l", &run, "-o", "name"]).lines().count(), 2);
    let reset = cutover(&["lab", "reset", "--kube-context", CONTEXT, "--kubeconfig", &theirs.kubeconfig]);
    let words = String::from_utf8_lossy(&reset.stderr);
    assert!(reset.status.success() && words.contains("removed Namespace shop"), "{words}");
    assert_eq!(theirs.kubectl(&["get", "namespaces,clusterroles,ingressclasses", "-l", &run, "-o", "name"]), "");
    theirs.kubectl(&["get", "configmap", THEIRS, "--namespace", "default"]);
    theirs.stop_working();
}
