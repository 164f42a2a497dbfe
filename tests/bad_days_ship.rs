//! Bad days of the steps that ship the service: a registry that refuses the push, an image that does not come
//! up, one that is not there, one that never becomes ready. Each ends in an error that names the service, its
//! address and a way out; the same step goes on once that is mended.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod support {
    pub mod drive;
    pub mod registry;
    pub mod stage;
}

use std::time::Duration;

use cutover::domain::Failure;
use cutover::services::docker::{BuildOptions, Context};
use support::drive::{Drive, all_hold};
use support::registry::{Own, PASSWORD};
use support::stage::Stage;

/// Everything that a failure tells the driver.
fn told(failure: &Failure) -> String {
    format!("{}\n{}\n{}", failure.what, failure.why.join("\n"), failure.next.clone().unwrap_or_default())
}

fn tells(failure: &Failure, words: &[&str]) {
    let told = told(failure);
    for word in words {
        assert!(told.contains(word), "nothing of {word:?} in:\n{told}");
    }
    assert!(failure.next.is_some(), "no way out in:\n{told}");
}

/// A run of `push` alone, of an image that the engine has.
struct Pushing {
    own: Own,
    drive: Drive,
    image: String,
    beside: tempfile::TempDir,
}

impl Pushing {
    async fn new(test: &str, settings: &[&str]) -> Self {
        let name = format!("x-cutover-test-bad-{test}-{}", std::process::id());
        let own = Own::start(&name, settings).await;
        let image = format!("{name}:1");
        let context = Context::default().with("Dockerfile", "FROM scratch\nCOPY note /note\n", false).with(
            "note",
            name.as_str(),
            false,
        );
        let options = BuildOptions { tag: Some(image.clone()), ..BuildOptions::default() };
        own.engine.build(context, &options, |_| ()).await.unwrap();
        let beside = tempfile::tempdir().unwrap();
        std::fs::write(beside.path().join("password"), PASSWORD).unwrap();
        let runbook = format!(
            r#"
name = "test"
environment = "lab"
[service]
name = "shop"
host = "app.lab.example"
[registry]
push = "{}"
repository = "shop/backend"
account = {{ user = "tester", password = {{ file = "password" }} }}
[[step]]
id = "push"
action = "registry.push"
owner = "backend"
day = 2
with = {{ image = "{image}", tag = "v1" }}
"#,
            own.address()
        );
        let drive = Drive::new(&name, &runbook, beside.path());
        Self { own, drive, image, beside }
    }

    async fn clean(self) {
        all_hold(&self.drive.rollback("push").await.unwrap());
        self.own.engine.remove_image(&self.image).await.unwrap();
        self.own.remove().await;
    }
}

#[tokio::test]
async fn a_registry_that_does_not_take_the_password_is_named_and_the_right_one_goes_through() {
    let pushing = Pushing::new("password", &[]).await;
    let password = pushing.beside.path().join("password");
    std::fs::write(&password, "wrong-one").unwrap();
    let failure = pushing.drive.apply("push").await.unwrap_err();
    tells(&failure, &["registry", &pushing.own.address()]);
    assert!(!told(&failure).contains("wrong-one") && !pushing.drive.memory.text().contains("wrong-one"));
    assert!(pushing.own.client().tags("shop/backend").await.unwrap().is_empty());

    std::fs::write(&password, PASSWORD).unwrap();
    pushing.drive.apply("push").await.unwrap();
    assert_eq!(pushing.own.client().tags("shop/backend").await.unwrap(), ["v1"]);
    pushing.clean().await;
}

#[tokio::test]
async fn a_registry_that_takes_no_pushes_is_named_and_the_push_can_be_retried() {
    let readonly = r#"REGISTRY_STORAGE_MAINTENANCE_READONLY={"enabled": true}"#;
    let mut pushing = Pushing::new("readonly", &[readonly]).await;
    let failure = pushing.drive.apply("push").await.unwrap_err();
    tells(&failure, &["registry", &pushing.own.address()]);
    assert!(pushing.own.client().tags("shop/backend").await.unwrap().is_empty(), "nothing arrived");
    assert!(pushing.drive.way_back("push").await.is_ok(), "it could be taken back, too");

    pushing.own.restart(&[]).await;
    pushing.drive.apply("push").await.unwrap();
    assert_eq!(pushing.own.client().tags("shop/backend").await.unwrap(), ["v1"]);
    pushing.clean().await;
}

#[tokio::test]
async fn an_image_that_does_not_come_up_is_told_with_its_last_words_and_can_be_taken_back() {
    let stage = Stage::new("dies", "dies").await;
    let drive = &stage.drive;
    let before = stage.world().await;
    let failure = drive.apply("deploy").await.unwrap_err();
    tells(
        &failure,
        &[stage.cluster.address(), &format!("{}/shop", stage.name), "CrashLoopBackOff", "no such table: tenants"],
    );
    // The same again while nothing is mended: the same words, nothing twice.
    let again = drive.apply("deploy").await.unwrap_err();
    tells(&again, &["no such table: tenants"]);
    all_hold(&drive.rollback("deploy").await.unwrap());
    assert_eq!(stage.world().await, before, "half a deployment is taken back whole");
    stage.clean().await;
}

#[tokio::test]
async fn an_image_that_the_nodes_cannot_pull_is_told_apart_and_the_step_goes_on_once_it_is_there() {
    let stage = Stage::new("absent", "lives").await;
    let drive = &stage.drive;
    let before = stage.world().await;
    stage.withdraw().await;
    let failure = drive.apply("deploy").await.unwrap_err();
    tells(&failure, &[stage.cluster.address(), "ImagePullBackOff", "registry.lab:5000"]);
    stage.push_again().await;
    drive.apply("deploy").await.unwrap();
    all_hold(&drive.verify("deploy").await.unwrap());
    all_hold(&drive.rollback("deploy").await.unwrap());
    assert_eq!(stage.world().await, before);
    stage.clean().await;
}

#[tokio::test]
async fn an_image_that_never_becomes_ready_is_told_with_its_probe_and_once_that_is_mended_it_is_ready() {
    let mut stage = Stage::new("unready", "lives").await;
    let (before, namespace) = (stage.world().await, stage.name.clone());
    // It lives, and that is all that `deploy` waits for: it has no schema before `restore`.
    stage.drive.apply("deploy").await.unwrap();
    let patience = Duration::from_secs(20);
    let unready = stage.cluster.wait_rolled_out(&namespace, "shop", patience, |_| ()).await.unwrap_err();
    let failure = Failure::from(unready);
    let name = format!("{namespace}/shop");
    tells(&failure, &[stage.cluster.address(), &name, "0 available", "Readiness probe failed", "503", "/readyz"]);
    tells(&failure, &["20 s are over", "kubectl -n", "run the step again"]);
    let pods = stage.cluster.pods(&namespace, "app=shop").await.unwrap();
    assert!(pods.iter().any(|pod| told(&failure).contains(&pod.name)), "no pod is named:\n{}", told(&failure));
    assert!(pods.iter().all(|pod| pod.live && !pod.ready), "{pods:?}");

    // The way out: taken back, mended, done again. What never was ready is taken back whole, too.
    all_hold(&stage.drive.rollback("deploy").await.unwrap());
    assert_eq!(stage.world().await, before);
    let runbook = std::fs::read_to_string(&stage.runbook).unwrap();
    stage.drive.replanned(&runbook.replace("/readyz", "/healthz"));
    stage.drive.apply("deploy").await.unwrap();
    let pods = stage.cluster.wait_rolled_out(&namespace, "shop", 3 * patience, |_| ()).await.unwrap();
    assert!(pods.len() == 2 && pods.iter().all(|pod| pod.ready), "{pods:?}");
    all_hold(&stage.drive.rollback("deploy").await.unwrap());
    assert_eq!(stage.world().await, before);
    stage.clean().await;
}
