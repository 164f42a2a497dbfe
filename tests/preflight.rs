//! `check --live` on the lab: nothing red on its first day; each thing planted is named with its fix; and all
//! of it by the exit code. One test, because it works on the one lab of this machine.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use aws_sdk_route53::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType};
use cutover::lab::{Lab, UpOptions, directory};
use serde_json::Value;

const ZONE: &str = "ZLABEXAMPLE0001";

/// What `check --live --json` said: its findings, its summary, its exit code.
struct Said {
    findings: Vec<Value>,
    summary: Value,
    code: i32,
}

impl Said {
    fn of(standing: &str) -> impl Fn(&&Value) -> bool {
        move |finding| finding["standing"] == standing
    }

    fn red(&self) -> Vec<&Value> {
        self.findings.iter().filter(Self::of("red")).collect()
    }

    /// The one red finding of a service whose fact or value holds `part`; its fix.
    fn fix(&self, service: &str, part: &str) -> String {
        let red = self.red();
        let found = red.iter().find(|finding| {
            finding["service"] == service
                && (finding["fact"].as_str().unwrap().contains(part)
                    || finding["value"].as_str().unwrap().contains(part))
        });
        let found = found.unwrap_or_else(|| panic!("{service}: nothing red about {part}: {red:#?}"));
        found["fix"].as_str().unwrap().to_owned()
    }
}

fn check(runbook: &Path) -> Said {
    let state = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cutover"))
        .args(["check", "--live", "--json"])
        .arg(runbook)
        .arg("--state")
        .arg(state.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut findings: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = findings.pop().unwrap();
    assert_eq!(summary["event"], "summary");
    assert!(findings.iter().all(|finding| finding["event"] == "finding"));
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0, "a look left something behind");
    Said { findings, summary, code: output.status.code().unwrap() }
}

fn rehearsal() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks/rehearsal.toml")
}

/// The rehearsal's runbook with another source password, beside nothing that it leans on.
fn with_a_wrong_password(beside: &Path) -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(rehearsal()).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    std::fs::write(beside.join("wrong"), "not the password").unwrap();
    for line in &mut lines {
        if line.starts_with("extends") {
            *line = format!("extends = \"{}\"", root.join("runbooks/rev3.toml").display());
        } else if line.starts_with("backend =") {
            *line = format!("backend = \"{}\"", root.join("assets/lab/backend").display());
        } else if line.starts_with("source_admin_password") {
            *line = format!("source_admin_password = {{ file = \"{}\" }}", beside.join("wrong").display());
        }
    }
    let file = beside.join("wrong.toml");
    std::fs::write(&file, lines.join("\n")).unwrap();
    file
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn sql(container: &str, statement: &str) {
    run("docker", &["exec", container, "mysql", "-e", statement]);
}

fn kubectl(arguments: &[&str]) {
    let kubeconfig = directory().join("kubeconfig").display().to_string();
    run("kubectl", &[&["--kubeconfig", kubeconfig.as_str()], arguments].concat());
}

/// The mark by which external-dns says that a record is its own.
async fn marked_by_somebody_else() {
    let secret = |name: &str| std::fs::read_to_string(directory().join("secrets").join(name)).unwrap();
    let config = aws_sdk_route53::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url("http://127.0.0.1:10080")
        .credentials_provider(Credentials::new(
            secret("aws-id").trim(),
            secret("aws-secret").trim(),
            None,
            None,
            "test",
        ))
        .build();
    let mark = "\"heritage=external-dns,external-dns/owner=prod,external-dns/resource=ingress/shop/web\"";
    let set = ResourceRecordSet::builder()
        .name("a-app.lab.example")
        .r#type(RrType::Txt)
        .ttl(300)
        .resource_records(ResourceRecord::builder().value(mark).build().unwrap())
        .build()
        .unwrap();
    let change = Change::builder().action(ChangeAction::Create).resource_record_set(set).build().unwrap();
    let batch = ChangeBatch::builder().changes(change).build().unwrap();
    let client = aws_sdk_route53::Client::from_conf(config);
    client.change_resource_record_sets().hosted_zone_id(ZONE).change_batch(batch).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_red_on_the_first_day_and_everything_planted_is_named_with_its_fix() {
    let lab = Lab::open(directory()).unwrap();
    let options = UpOptions { rows: Some(2000), only: vec![], install: false };
    lab.up(&options, &|news| eprintln!("{:?} {}", news.part, news.text)).await.unwrap();
    lab.reset(&|_| ()).await.unwrap();

    let fresh = check(&rehearsal());
    assert_eq!((fresh.code, fresh.red()), (0, vec![]), "{}", fresh.summary);
    assert_eq!(fresh.summary["outcome"], "succeeded");
    assert!(fresh.summary["findings"]["green"].as_u64() > Some(60), "{}", fresh.summary);
    let seen = |key: &str| -> BTreeSet<&str> { fresh.findings.iter().map(|it| it[key].as_str().unwrap()).collect() };
    let services = ["Docker engine", "Kubernetes", "Route 53", "front", "registry", "service", "source MySQL"];
    assert!(services.iter().all(|service| seen("service").contains(service)), "{:?}", seen("service"));
    let topics = [
        "access",
        "privileges",
        "version",
        "parameters",
        "disk",
        "clock",
        "ttl",
        "owner",
        "reach",
        "freeze",
        "content",
    ];
    assert_eq!(seen("topic"), BTreeSet::from(topics));
    // What a later step makes is named with that step, and is no fault.
    let later: Vec<&Value> = fresh.findings.iter().filter(Said::of("not_yet")).collect();
    assert!(later.iter().all(|finding| finding["step"].is_string()), "{later:#?}");
    assert!(later.iter().any(|finding| finding["fact"] == "gtid_mode" && finding["step"] == "prepare"), "{later:#?}");

    sql(
        "cutover-rev1",
        "CREATE TABLE shop.keyless (a INT); CREATE TABLE shop.old_engine (a INT PRIMARY KEY) ENGINE=MyISAM",
    );
    sql(
        "cutover-rev1",
        "CREATE DEFINER='nobody'@'%' EVENT shop.nightly ON SCHEDULE EVERY 1 DAY DO DO 1; \
         REVOKE SUPER, SET_ANY_DEFINER ON *.* FROM cutover_admin@'%'",
    );
    sql("cutover-managed-mysql", "SET GLOBAL sql_require_primary_key = ON; SET GLOBAL time_zone = '+02:00'");
    kubectl(&["create", "namespace", "shop"]);
    kubectl(&["create", "clusterrole", "nginx-ingress-nginx", "--verb=get", "--resource=pods"]);
    marked_by_somebody_else().await;

    let planted = check(&rehearsal());
    assert_eq!((planted.code, planted.summary["outcome"].as_str()), (1, Some("failed")));
    let fix = planted.fix("target MySQL", "sql_require_primary_key");
    assert!(fix.contains("sql_require_primary_key = OFF in its parameter group"), "{fix}");
    assert!(fix.contains("ALTER TABLE shop.keyless ADD"), "{fix}");
    let fix = planted.fix("target MySQL", "time zone");
    assert!(fix.contains("time_zone = +00:00 in its parameter group"), "{fix}");
    assert_eq!(planted.fix("source MySQL", "old_engine"), "ALTER TABLE `shop`.`old_engine` ENGINE = InnoDB");
    let fix = planted.fix("source MySQL", "let the events keep their definers");
    assert_eq!(fix, "GRANT SET_ANY_DEFINER ON *.* TO 'cutover_admin'@'%';");
    let fix = planted.fix("Kubernetes", "Namespace shop of somebody else");
    assert!(fix.contains("kubectl get namespace shop"), "{fix}");
    let fix = planted.fix("Kubernetes", "ClusterRole nginx-ingress-nginx of somebody else");
    assert!(fix.contains("kubectl delete clusterrole nginx-ingress-nginx"), "{fix}");
    let fix = planted.fix("Route 53", "external-dns `prod`");
    assert!(fix.contains("take the name out of external-dns"), "{fix}");
    assert_eq!(planted.summary["findings"]["red"], 7, "{:#?}", planted.red());

    let beside = tempfile::tempdir().unwrap();
    let refused = check(&with_a_wrong_password(beside.path()));
    let fix = refused.fix("source MySQL", "the migration's account can log in");
    assert!(fix.contains("check the password of 'cutover_admin'"), "{fix}");
    assert!(!refused.findings.iter().any(|finding| finding.to_string().contains("not the password")));

    kubectl(&["delete", "clusterrole", "nginx-ingress-nginx"]);
    lab.reset(&|_| ()).await.unwrap();
    let again = check(&rehearsal());
    assert_eq!((again.code, again.red()), (0, vec![]), "what was planted is gone");
}
