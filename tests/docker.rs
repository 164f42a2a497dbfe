//! The Docker adapter against the real engine of this machine.
//!
//! Everything made here carries its own label and is removed again. The base image is the one that the lab
//! makes or pulls (`debian:trixie-slim`).

use std::time::Duration;

use cutover::services::Kind;
use cutover::services::docker::{
    BuildEvent, BuildOptions, ContainerSpec, Context, Engine, ExecOptions, Health, Labels, Mount,
};

const BASE: &str = "debian:trixie-slim";

async fn engine() -> Engine {
    Engine::connect(None).await.expect("these tests need a Docker engine")
}

/// A label of one test's own, so that tests running side by side do not meet.
fn labels(test: &str) -> Labels {
    Labels::from([("dev.cutover.test".to_owned(), format!("{test}-{}", std::process::id()))])
}

fn name(test: &str) -> String {
    format!("x-cutover-test-{test}-{}", std::process::id())
}

#[tokio::test]
async fn the_engine_says_who_it_is_and_an_absent_one_says_what_to_do() {
    let engine = engine().await;
    engine.ping().await.unwrap();
    let first = engine.identity().await.unwrap();
    assert!(!first.id.is_empty() && !first.architecture.is_empty());
    assert_eq!(first, engine.identity().await.unwrap());

    let absent = Engine::connect(Some("unix:///nowhere/docker.sock")).await.unwrap_err();
    assert_eq!(absent.kind, Kind::Permanent);
    assert!(absent.next.is_some_and(|next| next.contains("start the Docker engine")));
}

#[tokio::test]
async fn an_image_is_built_from_memory_with_its_labels_user_and_health_check() {
    let engine = engine().await;
    let dockerfile = format!(
        "FROM {BASE}\nARG WHO=nobody\nCOPY hello /hello\nRUN echo built for $WHO\nUSER 1000\nEXPOSE 8080\nHEALTHCHECK CMD true\nCMD [\"/hello\"]\n"
    );
    let context =
        Context::default().with("Dockerfile", dockerfile, false).with("hello", "#!/bin/sh\necho hello\n", true);
    let tag = format!("{}:one", name("build"));
    let options = BuildOptions {
        tag: Some(tag.clone()),
        args: Labels::from([("WHO".to_owned(), "tenants".to_owned())]),
        labels: labels("build"),
        ..BuildOptions::default()
    };
    let mut events = Vec::new();
    let id = engine.build(context, &options, |event| events.push(event)).await.unwrap();
    assert!(
        events.iter().any(|event| matches!(event, BuildEvent::Step { number, total, .. } if number == total)),
        "{events:?}"
    );

    let image = engine.image(&tag).await.unwrap().expect("the tag was just built");
    assert_eq!(image.id, id);
    assert_eq!(image.user, "1000");
    assert_eq!(image.ports, ["8080/tcp"]);
    assert!(image.healthcheck);
    assert_eq!(image.architecture, engine.identity().await.unwrap().architecture);
    assert!(labels("build").iter().all(|(key, value)| image.labels.get(key) == Some(value)));

    let output = engine.run_to_end(&ContainerSpec::new(name("build"), &id)).await.unwrap();
    assert_eq!((output.exit_code, output.stdout.as_str()), (0, "hello\n"));

    assert!(engine.remove_image(&tag).await.unwrap());
    assert!(!engine.remove_image(&tag).await.unwrap(), "a second removal finds nothing and is no error");
    assert_eq!(engine.image(&tag).await.unwrap(), None);
}

#[tokio::test]
async fn a_build_that_fails_inside_a_successful_answer_is_an_error_that_shows_why() {
    let engine = engine().await;
    let dockerfile = format!("FROM {BASE}\nRUN echo the reason is here; exit 3\n");
    let context = Context::default().with("Dockerfile", dockerfile, false);
    let failed = engine.build(context, &BuildOptions::default(), |_| ()).await.unwrap_err();
    assert_eq!(failed.kind, Kind::Permanent);
    let why = failed.why.unwrap().to_string();
    assert!(why.contains("returned a non-zero code: 3") && why.contains("the reason is here"), "{why}");
}

#[tokio::test]
async fn a_container_runs_programs_takes_files_and_reports_its_health() {
    let engine = engine().await;
    let (name, labels) = (name("container"), labels("container"));
    let label: Vec<(&str, &str)> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    engine.ensure_network(&name, None, &labels).await.unwrap();
    engine.ensure_network(&name, None, &labels).await.unwrap();
    engine.ensure_volume(&name, &labels).await.unwrap();
    let spec = ContainerSpec {
        command: Some(vec!["sleep".to_owned(), "600".to_owned()]),
        labels: labels.clone(),
        network: Some(name.clone()),
        mounts: vec![Mount::Volume { name: name.clone(), at: "/kept".to_owned() }],
        init: true,
        ..ContainerSpec::new(&name, BASE)
    };
    engine.run(&spec).await.unwrap();
    engine.wait_healthy(&name, Duration::from_secs(10)).await.unwrap();
    let info = engine.container(&name).await.unwrap().unwrap();
    assert!(info.running && info.health == Health::None && info.addresses.contains_key(&name));

    let echoed = engine
        .exec(
            &name,
            ExecOptions {
                command: ["sh", "-c", "cat; echo oops >&2; exit 7"].map(str::to_owned).to_vec(),
                input: Some(b"from outside".to_vec()),
                ..ExecOptions::default()
            },
        )
        .await
        .unwrap();
    assert_eq!((echoed.exit_code, echoed.stdout.as_str(), echoed.stderr.trim()), (7, "from outside", "oops"));
    assert!(engine.exec_ok(&name, &["false"]).await.is_err());

    let files = Context::default().with("deep/er/note", "a note", false);
    engine.copy_in(&name, "/kept", files).await.unwrap();
    assert_eq!(engine.read_file(&name, "/kept/deep/er/note").await.unwrap(), b"a note");
    assert_eq!(engine.read_file(&name, "/kept/none").await.unwrap_err().kind, Kind::NotFound);

    assert_eq!(engine.containers_labelled(&label).await.unwrap(), [name.as_str()]);
    assert!(engine.stop(&name, Duration::from_secs(5)).await.unwrap());
    assert!(
        engine
            .wait_healthy(&name, Duration::from_secs(1))
            .await
            .unwrap_err()
            .why
            .unwrap()
            .to_string()
            .contains("exit code")
    );
    assert!(engine.remove_container(&name).await.unwrap());
    assert!(!engine.remove_container(&name).await.unwrap());
    assert_eq!(engine.volumes_labelled(&label).await.unwrap(), [name.as_str()]);
    assert!(engine.remove_volume(&name).await.unwrap());
    assert_eq!(engine.networks_labelled(&label).await.unwrap(), [name.as_str()]);
    assert!(engine.remove_network(&name).await.unwrap());
    assert!(!engine.remove_network(&name).await.unwrap());
}
