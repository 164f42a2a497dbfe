//! `ingress` and `deploy` taken back on the lab's cluster: the world is as before, what is not the run's own
//! stays and is named, whatever dies in between; and nobody who still comes is cut off in silence.

mod support {
    pub mod drive;
    pub mod stage;
}

use std::process::Command;

use cutover::actions::{CrashPoint, Recorder as _};
use cutover::domain::Event;
use cutover::domain::failure::FailureKind;
use cutover::domain::preview::Verb;
use cutover::services::http::{Caller, Request, Scheme, Target};
use cutover::services::kubernetes::{Manifest, Name, Owner, Placeholders, Stands};
use cutover::services::mysql::identifier;
use support::drive::all_hold;
use support::stage::{HOST, Stage, eventually};

#[tokio::test]
async fn there_and_back_twice_the_world_is_as_before() {
    let stage = Stage::new("twice", "lives").await;
    let drive = &stage.drive;
    let before = stage.world().await;
    for round in 1..=2 {
        drive.apply("ingress").await.unwrap();
        all_hold(&drive.verify("ingress").await.unwrap());
        drive.apply("deploy").await.unwrap();
        all_hold(&drive.verify("deploy").await.unwrap());
        assert!(stage.world().await.len() > before.len() + 30, "round {round}");

        let way_back = drive.way_back("deploy").await.unwrap();
        assert!(way_back.changes.iter().all(|change| change.verb == Verb::Remove), "{way_back:#?}");
        let removed: Vec<&str> = way_back.changes.iter().map(|change| change.object.as_str()).collect();
        let namespace = format!("Namespace {}", stage.name);
        let database = format!("database {}", stage.name);
        assert!(removed.contains(&namespace.as_str()) && removed.contains(&database.as_str()), "{removed:?}");
        assert_eq!(way_back.loses, Some(0));
        all_hold(&drive.rollback("deploy").await.unwrap());
        assert!(drive.way_back("ingress").await.unwrap().figures.iter().any(|(name, _)| name == "load balancer"));
        let checks = drive.rollback("ingress").await.unwrap();
        all_hold(&checks);
        assert!(checks.iter().any(|check| check.fact.contains("load balancer")), "{checks:#?}");
        assert_eq!(stage.world().await, before, "round {round}");
    }
    assert!(drive.memory.state().kept.is_empty());
    stage.clean().await;
}

#[tokio::test]
async fn what_others_made_changed_or_rely_on_is_named_and_stays() {
    let stage = Stage::new("foreign", "lives").await;
    let (drive, cluster) = (&stage.drive, &stage.cluster);
    let before = stage.world().await;
    drive.apply("ingress").await.unwrap();
    drive.apply("deploy").await.unwrap();

    // Tables that no step of the run made: nothing at all is taken away.
    let schema = identifier(&stage.name);
    let mut target = stage.session("target").await;
    target.run("plant", &format!("CREATE TABLE {schema}.theirs (id INT PRIMARY KEY)")).await.unwrap();
    let refused = drive.rollback("deploy").await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Refused);
    assert!(refused.what.contains("172.30.77.20") && refused.why[0].contains("theirs"), "{refused:?}");
    assert_eq!(cluster.replicas(&stage.name, "shop").await.unwrap(), Some(2), "the pods are untouched");
    target.run("take away", &format!("DROP TABLE {schema}.theirs")).await.unwrap();
    // More rights than the run gave.
    target.run("plant", &format!("GRANT PROCESS ON *.* TO {schema}@'%'")).await.unwrap();
    let refused = drive.way_back("deploy").await.unwrap_err();
    assert!(refused.why[0].contains("PROCESS"), "{refused:?}");
    target.run("take away", &format!("REVOKE PROCESS ON *.* FROM {schema}@'%'")).await.unwrap();
    target.close().await.unwrap();

    // An object of the run that somebody else changed.
    let service = Name::core("Service", Some(&stage.name), "shop");
    stage.edit("shop", serde_json::json!({"spec": {"selector": {"app": "other"}}})).await;
    let refused = drive.way_back("deploy").await.unwrap_err();
    assert!(refused.why[0].contains("somebodys-tool"), "{refused:?}");
    assert!(
        refused.what.contains(&service.to_string()) && refused.next.as_ref().unwrap().contains("--show-managed-fields"),
        "{refused:?}"
    );
    cluster.delete(&service, &Owner::new(&stage.name), std::time::Duration::from_mins(1)).await.unwrap();

    // Something of others in the namespace.
    stage.plant("ConfigMap", "planted", "data: {a: b}").await;
    let planted = Name::core("ConfigMap", Some(&stage.name), "planted");
    let way_back = drive.way_back("deploy").await.unwrap();
    let namespace =
        way_back.changes.iter().find(|change| change.object == format!("Namespace {}", stage.name)).unwrap();
    assert!(namespace.verb == Verb::Keep && namespace.detail[0].contains(&planted.to_string()), "{namespace:?}");
    all_hold(&drive.rollback("deploy").await.unwrap());
    assert!(cluster.get(&planted).await.unwrap().is_some());
    let kept = drive.memory.state().kept;
    assert!(kept.len() == 1 && kept[0].why.contains(&planted.to_string()), "{kept:?}");
    assert_eq!(cluster.replicas(&stage.name, "shop").await.unwrap(), None);

    // An Ingress of others, of the run's class.
    let rule = format!(
        "spec: {{ingressClassName: {}, defaultBackend: {{service: {{name: a, port: {{number: 80}}}}}}}}",
        stage.name
    );
    stage.plant("Ingress", "theirs", &rule).await;
    let refused = drive.rollback("ingress").await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Refused);
    assert!(refused.why[0].contains(&format!("Ingress {}/theirs", stage.name)), "{refused:?}");
    assert_eq!(drive.verify("ingress").await.unwrap().iter().filter(|check| check.is_failed()).count(), 0);

    // They take what is theirs away; then the rest goes, the namespace that was kept as well.
    let somebody = Owner::new("somebody-else");
    for name in [planted, Name::of("networking.k8s.io/v1", "Ingress", Some(&stage.name), "theirs")] {
        cluster.delete(&name, &somebody, std::time::Duration::from_mins(1)).await.unwrap();
    }
    all_hold(&drive.rollback("ingress").await.unwrap());
    all_hold(&drive.rollback("deploy").await.unwrap());
    assert_eq!(stage.world().await, before);
    stage.clean().await;
}

#[tokio::test]
async fn an_engine_that_dies_on_the_way_back_goes_on_with_it() {
    let stage = Stage::new("kill", "lives").await;
    let drive = &stage.drive;
    let before = stage.world().await;
    drive.apply("ingress").await.unwrap();
    drive.apply("deploy").await.unwrap();
    let name = &stage.name;
    let deploy = [
        (format!("object:Ingress {name}/shop"), CrashPoint::Effect),
        (format!("object:Deployment {name}/shop"), CrashPoint::Intent),
        (format!("object:Namespace {name}"), CrashPoint::Effect),
        (format!("rights:{name}"), CrashPoint::Effect),
        ("account".to_owned(), CrashPoint::Intent),
        (format!("database:{name}"), CrashPoint::Effect),
    ];
    for (effect, point) in &deploy {
        // In the order in which they are taken back: those before each have been by then.
        drive.dies_on_the_way_back("deploy", effect, *point).await;
    }
    all_hold(&drive.rollback("deploy").await.unwrap());
    drive
        .dies_on_the_way_back("ingress", &format!("object:Service {name}-ingress/nginx-ingress"), CrashPoint::Effect)
        .await;
    let checks = drive.rollback("ingress").await.unwrap();
    all_hold(&checks);
    assert!(checks.iter().any(|check| check.fact.contains("load balancer")), "its address was noted: {checks:#?}");
    assert_eq!(stage.world().await, before);

    // A step that died before its first object, and one that died over it.
    for point in [CrashPoint::Intent, CrashPoint::Effect] {
        drive.dies("ingress", &format!("object:Namespace {name}-ingress"), point).await;
        all_hold(&drive.rollback("ingress").await.unwrap());
        assert_eq!(stage.world().await, before, "{point:?}");
    }
    stage.clean().await;
}

#[tokio::test]
async fn the_program_killed_on_the_way_back_goes_on_with_it() {
    let stage = Stage::new("sigkill", "lives").await;
    let before = stage.world().await;
    let cutover = |arguments: &[&str], crash_at: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.args(arguments).arg(&stage.runbook).env("CUTOVER_CRASH_AT", crash_at).output().unwrap()
    };
    let there = cutover(&["run", "--yes", "--json"], "");
    assert!(there.status.success(), "{}", String::from_utf8_lossy(&there.stdout));
    let back = ["rollback", "--all", "--yes", "--json"];
    for point in [
        "deploy:undo:object:Deployment NAME/shop:effect",
        "ingress:undo:object:Deployment NAME-ingress/nginx-ingress:intent",
    ] {
        let killed = cutover(&back, &point.replace("NAME", &stage.name));
        assert_eq!(killed.status.code(), None, "{point}: {}", String::from_utf8_lossy(&killed.stdout));
    }
    let back = cutover(&back, "");
    assert!(back.status.success(), "{}", String::from_utf8_lossy(&back.stdout));
    assert_eq!(stage.world().await, before);
    stage.clean().await;
}

#[tokio::test]
async fn nobody_who_still_comes_by_the_new_address_is_cut_off_unless_given_up_by_number() {
    let stage = Stage::new("hits", "lives").await;
    let drive = &stage.drive;
    let before = stage.world().await;
    drive.apply("ingress").await.unwrap();
    drive.apply("deploy").await.unwrap();
    // As the switch's way back leaves it, seconds ago; with the relay that it makes.
    let relay = "apiVersion: v1\nkind: Service\nmetadata: {name: shop-source, namespace: \"${namespace}\"}\nspec: {ports: [{port: 80}]}\n";
    let placeholders = Placeholders::from([("namespace".to_owned(), serde_json::json!(stage.name))]);
    let relay = Manifest::parse(relay, &placeholders).unwrap().remove(0);
    stage.cluster.apply(&relay, &Owner::new(&stage.name)).await.unwrap();
    let ttl_seconds = 8;
    let step = || "dns".into();
    for event in [Event::PointOfSwitching { step: step() }, Event::SwitchedBack { step: step() }] {
        drive.memory.record(event).unwrap();
    }
    drive.memory.record(Event::RecordReturned { step: step(), ttl_seconds }).unwrap();
    let returned = drive.memory.state().returned.unwrap();
    let since = || jiff::Timestamp::now().duration_since(returned.at).as_secs();
    let client = async |requests: usize| {
        let address = "172.30.77.50:80".parse().unwrap();
        let caller = Caller::new(Target { scheme: Scheme::Http, host: HOST.into(), address, roots: None }).unwrap();
        for _ in 0..requests {
            caller.send(&Request::get("/t/1/balance")).await.unwrap();
        }
    };
    let way_back = drive.way_back("deploy").await.unwrap();
    assert!(way_back.figures.iter().any(|(_, value)| value.contains("it waits")), "{way_back:#?}");
    assert!(way_back.changes.iter().any(|change| change.object.ends_with("/shop-source")), "{way_back:#?}");

    // Three come in the second TTL, and are counted in the third.
    eventually("the second TTL", async || since() > i64::from(ttl_seconds)).await;
    client(3).await;
    eventually("the third TTL", async || since() >= 2 * i64::from(ttl_seconds)).await;
    let way_back = drive.way_back("deploy").await.unwrap();
    assert!(way_back.figures.iter().any(|(_, value)| value.starts_with("3 between")), "{way_back:#?}");
    assert!(way_back.warnings.iter().any(|warning| warning.contains("deploy=give up 3 requests")), "{way_back:#?}");
    let refused = drive.rollback_with("deploy", Some("give up 2 requests")).await.unwrap_err();
    assert!(refused.kind == FailureKind::Refused && refused.why[0].starts_with("3 requests"), "{refused:?}");
    assert_eq!(stage.cluster.replicas(&stage.name, "shop").await.unwrap(), Some(2), "nothing was taken away");
    all_hold(&drive.rollback_with("deploy", Some("give up 3 requests")).await.unwrap());
    assert_eq!(stage.cluster.stands(&relay.name(), &Owner::new(&stage.name)).await.unwrap(), Stands::Gone);

    // Without a phrase it waits until none came for a whole TTL.
    client(1).await;
    let last = jiff::Timestamp::now();
    all_hold(&drive.rollback("ingress").await.unwrap());
    let waited = jiff::Timestamp::now().duration_since(last).as_secs();
    assert!(waited >= i64::from(ttl_seconds) - 1, "it went after {waited} s");
    assert_eq!(stage.world().await, before);
    stage.clean().await;
}
