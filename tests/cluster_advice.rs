//! A cluster that cannot be worked with: what to do next depends on why. On the lab's cluster.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/drive.rs"]
mod drive;

use cutover::domain::FailureKind;
use cutover::lab;
use drive::Drive;

fn runbook(context: &str) -> String {
    format!(
        r#"
name = "advice"
environment = "lab"
[service]
name = "shop"
host = "app.lab.example"
[kubernetes]
kubeconfig = "kubeconfig"
context = "{context}"
namespace = "shop"
[[step]]
id = "cluster"
action = "kubernetes.adopt"
owner = "platform"
day = 1
with = {{ nodes = 2 }}
"#
    )
}

/// What the step says next, with this kubeconfig and context; its preview says the same.
async fn next(kubeconfig: &str, context: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("kubeconfig"), kubeconfig).unwrap();
    let drive = Drive::new("run-1", &runbook(context), directory.path());
    let failure = drive.apply("cluster").await.unwrap_err();
    println!("{failure:#?}");
    assert_ne!(failure.kind, FailureKind::Interrupted);
    let next = failure.next.unwrap();
    let preview = drive.preview("cluster").await.unwrap();
    assert!(preview.warnings.contains(&next), "{preview:#?}");
    next
}

#[tokio::test]
async fn a_context_that_is_missing_is_made_or_named() {
    let kubeconfig = "apiVersion: v1\nkind: Config\ncontexts: [{name: other, context: {cluster: c, user: u}}]\n";
    let said = next(kubeconfig, "shop-eks").await;
    assert!(said.contains("eksctl create cluster --name shop-eks --nodes 2"), "{said}");
    assert!(said.contains("if it is one of these"), "{said}");
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_reached_and_not_made_again() {
    // Bound and let go: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: \"https://127.0.0.1:{free}\"}}}}]\n\
         users: [{{name: u, user: {{token: t}}}}]\ncontexts: [{{name: shop-eks, context: {{cluster: c, user: u}}}}]\n"
    );
    let said = next(&kubeconfig, "shop-eks").await;
    assert!(said.contains(&format!("https://127.0.0.1:{free} does not answer")), "{said}");
    assert!(!said.contains("eksctl"), "{said}");
}

#[tokio::test]
async fn a_user_without_rights_asks_for_them_and_a_stranger_logs_in() {
    let kubeconfig = std::fs::read_to_string(lab::directory().join("kubeconfig")).unwrap();
    let mut file: serde_json::Value =
        serde_json::to_value(serde_yaml_ng::from_str::<serde_yaml_ng::Value>(&kubeconfig).unwrap()).unwrap();
    let context = file["contexts"][0]["name"].as_str().unwrap().to_owned();

    file["users"][0]["user"]["as"] = "somebody".into();
    let said = next(&file.to_string(), &context).await;
    assert!(said.contains("--clusterrole=cluster-admin") && !said.contains("eksctl"), "{said}");

    file["users"][0]["user"] = serde_json::json!({ "token": "not one of this cluster's" });
    let said = next(&file.to_string(), &context).await;
    assert!(said.contains("log in again") && !said.contains("eksctl"), "{said}");
}
