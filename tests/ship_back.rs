//! `containerise` and `push` taken back on the real engine and a real registry: only what the run made is
//! taken away, whatever dies in between, and there and back again ends the same.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod support {
    pub mod drive;
    pub mod registry;
}

use std::collections::BTreeSet;
use std::fs;

use cutover::actions::{CrashPoint, Recorder as _};
use cutover::domain::Event;
use cutover::domain::failure::FailureKind;
use cutover::domain::preview::Verb;
use cutover::services::docker::{BuildOptions, ContainerSpec, Context, Engine, Labels};
use support::drive::{Drive, all_hold};
use support::registry::{BASE, Own, PASSWORD};

const POINTS: [CrashPoint; 3] = [CrashPoint::Intent, CrashPoint::Effect, CrashPoint::Outcome];

/// A run of the two steps, on a backend of one file.
struct Bench {
    drive: Drive,
    own: Own,
    run: String,
    beside: tempfile::TempDir,
}

fn name(part: &str) -> String {
    format!("x-cutover-test-{part}-{}", std::process::id())
}

impl Bench {
    /// Its image begins with `base`.
    async fn new(test: &str, base: &str, registry: &[&str]) -> Self {
        let own = Own::start(&name(&format!("{test}-registry")), registry).await;
        Self::with(test, base, own)
    }

    fn with(test: &str, base: &str, own: Own) -> Self {
        let beside = tempfile::tempdir().unwrap();
        fs::create_dir(beside.path().join("backend")).unwrap();
        // Tests that run at the same time share no layer.
        let dockerfile = format!("ARG BASE\nFROM ${{BASE}}\nENV TEST={}\nCOPY note /note\n", name(test));
        fs::write(beside.path().join("backend/Dockerfile"), dockerfile).unwrap();
        fs::write(beside.path().join("backend/note"), name(test)).unwrap();
        fs::write(beside.path().join("password"), PASSWORD).unwrap();
        let base = base.replace("REGISTRY", &own.address());
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
id = "containerise"
action = "docker.build"
owner = "backend"
day = 2
[step.with]
context = "backend"
dockerfile = "Dockerfile"
base = "{base}"
port = 8080
live = "/healthz"
ready = "/readyz"
database_env = "DATABASE_URL"
scratch_image = "{BASE}"
snapshot = "snapshot"
[[step]]
id = "push"
action = "registry.push"
owner = "backend"
day = 2
with = {{ image = "${{steps.containerise.image}}", tag = "v1" }}
"#,
            own.address()
        );
        let run = name(test);
        Self { drive: Drive::new(&run, &runbook, beside.path()), own, run, beside }
    }

    fn engine(&self) -> &Engine {
        &self.own.engine
    }

    fn tag(&self) -> String {
        format!("cutover/shop:{}", self.run)
    }

    /// The engine's name of what is pushed.
    fn reference(&self) -> String {
        format!("{}/shop/backend:v1", self.own.address())
    }

    async fn tags(&self) -> Vec<String> {
        let mut tags = self.own.client().tags("shop/backend").await.unwrap();
        tags.sort();
        tags
    }

    /// The image and what the engine built it on, down to the first image with a name.
    async fn layers(&self) -> BTreeSet<String> {
        let images = self.engine().all_images().await.unwrap();
        let mut next = self.engine().image(&self.tag()).await.unwrap().map(|image| image.id);
        let mut layers = BTreeSet::new();
        while let Some(image) = next.as_ref().and_then(|id| images.iter().find(|image| image.id == *id)) {
            if !layers.is_empty() && !image.references.is_empty() {
                break;
            }
            layers.insert(image.id.clone());
            next.clone_from(&image.parent);
        }
        layers
    }

    async fn still_there(&self, layers: &BTreeSet<String>) -> usize {
        let images = self.engine().all_images().await.unwrap();
        images.iter().filter(|image| layers.contains(&image.id)).count()
    }
}

#[tokio::test]
async fn built_and_pushed_and_taken_back_twice_nothing_is_left() {
    let bench = Bench::new("ship-twice", BASE, &[]).await;
    let drive = &bench.drive;
    for round in 1..=2 {
        drive.apply("containerise").await.unwrap();
        let layers = bench.layers().await;
        assert!(layers.len() >= 3, "{layers:?}");
        drive.apply("push").await.unwrap();
        assert_eq!(bench.tags().await, ["v1"]);
        assert!(bench.engine().image(&bench.reference()).await.unwrap().is_some());

        let way_back = drive.way_back("push").await.unwrap();
        let verbs: Vec<Verb> = way_back.changes.iter().map(|change| change.verb).collect();
        assert_eq!(verbs, [Verb::Remove, Verb::Remove], "the tag, and the engine's name for it");
        assert!(way_back.loses == Some(0) && way_back.takes.is_some_and(|seconds| seconds > 0.0), "{way_back:#?}");
        all_hold(&drive.rollback("push").await.unwrap());
        assert!(bench.tags().await.is_empty());
        assert_eq!(bench.engine().image(&bench.reference()).await.unwrap(), None);
        assert!(bench.engine().image(&bench.tag()).await.unwrap().is_some(), "the step before still stands");

        let way_back = drive.way_back("containerise").await.unwrap();
        assert_eq!(way_back.changes[0].verb, Verb::Remove);
        all_hold(&drive.rollback("containerise").await.unwrap());
        assert_eq!(bench.still_there(&layers).await, 0, "round {round}");
        assert!(bench.engine().image(BASE).await.unwrap().is_some(), "the base was there before");
    }
    assert!(drive.memory.state().kept.is_empty());
    bench.own.remove().await;
}

#[tokio::test]
async fn an_engine_that_dies_on_the_way_back_goes_on_with_it() {
    let bench = Bench::new("ship-kill", BASE, &[]).await;
    for point in POINTS {
        bench.drive.apply("containerise").await.unwrap();
        bench.drive.apply("push").await.unwrap();
        bench.drive.dies_on_the_way_back("push", "push", point).await;
        all_hold(&bench.drive.rollback("push").await.unwrap());
        assert!(bench.tags().await.is_empty(), "{point:?}");
        bench.drive.dies_on_the_way_back("containerise", "build", point).await;
        all_hold(&bench.drive.rollback("containerise").await.unwrap());
        assert_eq!(bench.engine().image(&bench.tag()).await.unwrap(), None, "{point:?}");
    }
    // And a rollback of what never began.
    all_hold(&bench.drive.rollback("push").await.unwrap());
    all_hold(&bench.drive.rollback("containerise").await.unwrap());
    bench.own.remove().await;
}

#[tokio::test]
async fn a_trial_that_was_left_goes_and_what_others_do_with_the_image_stays() {
    let bench = Bench::new("ship-left", BASE, &[]).await;
    let (drive, engine) = (&bench.drive, bench.engine());
    drive.apply("containerise").await.unwrap();

    // As a verify leaves it whose engine died.
    let trial = format!("cutover-trial-{}", bench.run);
    drive
        .memory
        .record(Event::ScratchMade { step: "containerise".into(), kind: "trial".into(), name: trial.clone() })
        .unwrap();
    let labels = Labels::from([("cutover.dev/run".to_owned(), bench.run.clone())]);
    engine.ensure_network(&trial, None, &labels).await.unwrap();
    let command = Some(vec!["true".to_owned()]);
    let theirs_command = command.clone();
    let spec = ContainerSpec { labels, command, ..ContainerSpec::new(format!("{trial}-backend"), bench.tag()) };
    engine.create(&spec).await.unwrap();
    // Others built on it, and run it.
    let theirs = format!("{}:theirs", name("ship-left"));
    let context = Context::default().with("Dockerfile", format!("FROM {}\nENV TWO=2\n", bench.tag()), false);
    let options = BuildOptions { tag: Some(theirs.clone()), ..BuildOptions::default() };
    engine.build(context, &options, |_| ()).await.unwrap();
    let container =
        ContainerSpec { command: theirs_command, ..ContainerSpec::new(name("ship-left-theirs"), bench.tag()) };
    engine.create(&container).await.unwrap();

    let way_back = drive.way_back("containerise").await.unwrap();
    assert!(way_back.changes.iter().any(|change| change.object == format!("trial {trial}")), "{way_back:#?}");
    let refused = drive.rollback("containerise").await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Refused, "{refused:?}");
    assert!(refused.next.as_ref().is_some_and(|next| next.contains("docker ps")), "{refused:?}");
    assert_eq!(engine.container(&spec.name).await.unwrap(), None, "the trial's own container is gone by then");
    assert!(engine.container(&container.name).await.unwrap().is_some());

    engine.remove_container(&container.name).await.unwrap();
    all_hold(&drive.rollback("containerise").await.unwrap());
    assert_eq!(engine.image(&bench.tag()).await.unwrap(), None);
    assert!(engine.image(&theirs).await.unwrap().is_some(), "what others built on it stays");
    engine.remove_image(&theirs).await.unwrap();
    bench.own.remove().await;
}

#[tokio::test]
async fn sources_that_changed_are_built_again_and_both_images_go() {
    let bench = Bench::new("ship-again", BASE, &[]).await;
    let first = bench.drive.apply("containerise").await.unwrap();
    assert_eq!(bench.drive.apply("containerise").await.unwrap(), first, "the same sources are built once");
    fs::write(bench.beside.path().join("backend/note"), "another").unwrap();
    let second = bench.drive.apply("containerise").await.unwrap();
    assert_ne!(first["id"], second["id"]);
    all_hold(&bench.drive.rollback("containerise").await.unwrap());
    for id in [&first["id"], &second["id"]] {
        assert_eq!(bench.engine().image(id.as_str().unwrap()).await.unwrap(), None);
    }
    bench.own.remove().await;
}

#[tokio::test]
async fn a_base_that_was_pulled_goes_with_the_image() {
    let own = Own::start(&name("ship-base-registry"), &[]).await;
    let base = format!("{}/base:1", own.address());
    own.push("base", "1", &name("ship-base")).await;
    let bench = Bench::with("ship-base", "REGISTRY/base:1", own);
    assert_eq!(bench.drive.preview("containerise").await.unwrap().changes[0].object, format!("image {base}"));
    assert_eq!(bench.engine().image(&base).await.unwrap(), None, "a preview pulls nothing");
    bench.drive.apply("containerise").await.unwrap();
    assert!(bench.engine().image(&base).await.unwrap().is_some());
    all_hold(&bench.drive.rollback("containerise").await.unwrap());
    assert_eq!(bench.engine().image(&base).await.unwrap(), None);
    bench.own.remove().await;
}

#[tokio::test]
async fn a_tag_that_shares_its_digest_is_kept_where_the_registry_would_take_both() {
    let bench = Bench::new("ship-shared", BASE, &[]).await;
    let (drive, engine) = (&bench.drive, bench.engine());
    drive.apply("containerise").await.unwrap();
    let digest = drive.apply("push").await.unwrap()["digest"].clone();
    let theirs = format!("{}/shop/backend:theirs", bench.own.address());
    engine.tag(&bench.tag(), &theirs).await.unwrap();
    engine.push(&theirs, Some(&support::registry::credentials()), |_| ()).await.unwrap();
    engine.remove_image(&theirs).await.unwrap();

    let way_back = drive.way_back("push").await.unwrap();
    assert!(way_back.warnings.iter().any(|warning| warning.contains("theirs")), "{way_back:#?}");
    all_hold(&drive.rollback("push").await.unwrap());
    assert_eq!(bench.tags().await, ["theirs", "v1"]);
    let kept = drive.memory.state().kept;
    assert!(kept.len() == 1 && kept[0].why.contains("theirs"), "{kept:?}");

    // The same image is still that tag's: pushed again, it is taken as it is, and it is not ours to remove.
    assert_eq!(drive.apply("push").await.unwrap()["digest"], digest);
    assert_eq!(drive.way_back("push").await.unwrap().changes[0].verb, Verb::Keep);
    all_hold(&drive.rollback("push").await.unwrap());
    assert_eq!(bench.tags().await, ["theirs", "v1"]);
    all_hold(&drive.rollback("containerise").await.unwrap());
    bench.own.remove().await;
}

#[tokio::test]
async fn where_a_registry_deletes_nothing_the_tag_is_kept_with_the_reason() {
    let bench = Bench::new("ship-nodelete", BASE, &["REGISTRY_STORAGE_DELETE_ENABLED=false"]).await;
    bench.drive.apply("containerise").await.unwrap();
    bench.drive.apply("push").await.unwrap();
    all_hold(&bench.drive.rollback("push").await.unwrap());
    assert_eq!(bench.tags().await, ["v1"]);
    let kept = bench.drive.memory.state().kept;
    assert!(kept.len() == 1 && kept[0].what.ends_with("shop/backend:v1") && kept[0].why.contains("405"), "{kept:?}");
    assert_eq!(bench.engine().image(&bench.reference()).await.unwrap(), None);
    all_hold(&bench.drive.rollback("containerise").await.unwrap());
    bench.own.remove().await;
}

#[tokio::test]
async fn a_tag_that_somebody_moved_since_is_left_alone() {
    let bench = Bench::new("ship-moved", BASE, &[]).await;
    bench.drive.apply("containerise").await.unwrap();
    bench.drive.apply("push").await.unwrap();
    let (_, moved) = bench.own.push("shop/backend", "v1", "somebody else's").await;
    let way_back = bench.drive.way_back("push").await.unwrap();
    assert!(way_back.changes[0].verb == Verb::Keep && way_back.changes[0].detail[0].contains(&moved), "{way_back:#?}");
    all_hold(&bench.drive.rollback("push").await.unwrap());
    let now = bench.own.client().resolve("shop/backend", "v1").await.unwrap().unwrap();
    assert_eq!(now.digest, moved);
    all_hold(&bench.drive.rollback("containerise").await.unwrap());
    bench.own.remove().await;
}
