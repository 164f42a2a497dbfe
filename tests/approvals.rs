//! Approvals as people give them: with `cutover approve` and keys of real OpenSSH, on a real engine.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/attached.rs"]
mod attached;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use attached::{Bench, start, take, until, wait_for};
use cutover::domain::StepId;
use cutover::domain::state::Status;
use cutover::lab::approver;
use cutover::protocol::client::Client;
use cutover::protocol::order::Given;

/// A step that a DBA has to approve.
const CAREFUL: &str = "[[step]]\nid = \"careful\"\naction = \"command\"\nowner = \"lead\"\nday = 1\nretries = 0\n\
    gate = { approval = { role = \"dba\" } }\n\
    with = { run = [\"touch\", \"done\"], check = [\"test\", \"-e\", \"done\"] }\n";

/// Anna drives; Ben and Dan are DBAs, Dan with Anna's key; Eve has no key in the runbook.
fn bench() -> Bench {
    let directory = tempfile::tempdir().unwrap();
    let key = |name: &str| {
        let path = directory.path().join(name);
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&path);
        assert!(command.status().unwrap().success());
        fs::read_to_string(path.with_extension("pub")).unwrap().trim().to_owned()
    };
    let (anna, ben, _) = (key("anna"), key("ben"), key("eve"));
    let person = |name: &str, role: &str, key: &str| {
        format!("[[person]]\nname = \"{name}\"\nrole = \"{role}\"\nkey = \"{key}\"\n")
    };
    let people = [person("anna", "lead", &anna), person("ben", "dba", &ben), person("dan", "dba", &anna)];
    let state = directory.path().join("state");
    Bench::with_state(directory, state, &format!("{}{CAREFUL}", people.concat()))
}

fn careful() -> StepId {
    StepId::from("careful")
}

/// The digest of the preview as it is now: what somebody who looked at it would agree to.
async fn digest(client: &Client) -> String {
    client.preview(&careful()).await.unwrap().digest
}

fn approve(bench: &Bench, words: &[&str]) -> Output {
    bench.command("approve").arg("careful").args(words).env_remove("SSH_AUTH_SOCK").output().unwrap()
}

fn key(bench: &Bench, name: &str) -> String {
    bench.path(name).display().to_string()
}

#[track_caller]
fn refused(output: &Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(why), "`{why}` is not in: {said}");
}

/// Why the step does not start for Anna.
async fn held(client: &Client) -> String {
    let failure = client.order(&start(client, "careful", Given::default()).await).await.unwrap_err();
    assert_eq!(failure.what, "step `careful` waits for an approval");
    failure.why.join("; ")
}

#[tokio::test]
async fn what_somebody_else_signed_lets_the_start_through() {
    let mut bench = bench();
    let anna = bench.start().await;
    take(&anna, "").await.unwrap();
    assert!(held(&anna).await.contains("nobody"));
    assert_eq!(anna.view().await.unwrap().sentence.text, "careful waits for an approval by dba");

    let (digest, ben) = (digest(&anna).await, key(&bench, "ben"));
    let unasked = approve(&bench, &["--as", "ben", "--key", &ben]);
    assert_eq!(unasked.status.code(), Some(3), "without a terminal nobody has looked: {unasked:?}");
    assert!(String::from_utf8_lossy(&unasked.stdout).contains("what `touch done` does"), "{unasked:?}");
    let output = approve(&bench, &["--as", "ben", "--key", &ben, "--digest", &digest]);
    assert!(output.status.success(), "{output:?}");

    let view = anna.view().await.unwrap();
    let approved = &view.step(&careful()).unwrap().gate.approved;
    assert_eq!((approved[0].by.as_str(), approved[0].digest.as_str()), ("ben", digest.as_str()));
    anna.order(&start(&anna, "careful", Given::default()).await).await.unwrap();
    until(&anna, |view| view.step(&careful()).is_some_and(|step| step.status == Status::Done)).await;
}

#[tokio::test]
async fn an_approval_of_another_preview_or_that_ran_out_does_not() {
    let mut bench = bench();
    let anna = bench.start().await;
    take(&anna, "").await.unwrap();
    let (before, ben) = (digest(&anna).await, key(&bench, "ben"));
    let given = approve(&bench, &["--as", "ben", "--key", &ben, "--digest", &before, "--for", "0s"]);
    refused(&given, "was good until");
    assert!(held(&anna).await.contains("nobody"), "it is not in the journal");

    assert!(approve(&bench, &["--as", "ben", "--key", &ben, "--digest", &before]).status.success());
    fs::write(bench.path("done"), "").unwrap();
    assert!(held(&anna).await.contains("another preview"));
    let now = digest(&anna).await;
    assert_ne!(before, now);
    refused(&approve(&bench, &["--as", "ben", "--key", &ben, "--digest", &before]), "another than the one agreed to");

    // Back as it was, what was signed holds again.
    fs::remove_file(bench.path("done")).unwrap();
    anna.order(&start(&anna, "careful", Given::default()).await).await.unwrap();
}

#[tokio::test]
async fn a_foreign_key_and_the_drivers_own_do_not() {
    let mut bench = bench();
    let anna = bench.start().await;
    take(&anna, "").await.unwrap();
    let digest = digest(&anna).await;
    let with = |by: &str, name: &str| {
        let key = key(&bench, name);
        approve(&bench, &["--as", by, "--key", &key, "--digest", &digest])
    };
    refused(&with("ben", "eve"), "the signature is not ben's");
    refused(&with("anna", "anna"), "it wants a dba: ben, dan");
    refused(&with("eve", "eve"), "eve cannot approve");
    assert!(with("dan", "anna").status.success(), "a DBA's, by the runbook");
    assert!(held(&anna).await.contains("dan signs with the driver's own key"));
    let waits = anna.view().await.unwrap();
    assert_eq!(
        waits.sentence.text, "careful waits for an approval by dba",
        "what would be refused is not shown as given"
    );
    assert!(waits.step(&careful()).unwrap().gate.approved.is_empty());

    let view = anna.view().await.unwrap();
    anna.order(&attached::order(&view, cutover::protocol::order::Verb::ReleaseWheel)).await.unwrap();
    let ben = bench.client("ben");
    take(&ben, "careful").await.unwrap();
    // Dan's is somebody else's for him, by person and by key.
    ben.order(&start(&ben, "careful", Given::default()).await).await.unwrap();
}

#[tokio::test]
async fn the_driver_does_not_approve_by_person() {
    let mut bench = bench();
    bench.start().await;
    let ben = bench.client("ben");
    take(&ben, "").await.unwrap();
    let (digest, key) = (digest(&ben).await, key(&bench, "ben"));
    assert!(approve(&bench, &["--as", "ben", "--key", &key, "--digest", &digest]).status.success());
    assert!(held(&ben).await.contains("ben drives"));
}

/// Signs a file as a person would who has no cutover.
fn signed_elsewhere(request: &Path, key: &str, namespace: &str) -> PathBuf {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-Y", "sign", "-n", namespace, "-f", key]).arg(request).stderr(Stdio::null());
    let signature = PathBuf::from(format!("{}.sig", request.display()));
    let _ = fs::remove_file(&signature);
    assert!(command.status().unwrap().success());
    signature
}

#[tokio::test]
async fn a_request_is_signed_where_there_is_no_network_and_handed_in_as_a_file() {
    let mut bench = bench();
    let anna = bench.start().await;
    take(&anna, "").await.unwrap();
    let (request, ben) = (bench.path("request"), key(&bench, "ben"));
    let request = request.display().to_string();
    assert!(approve(&bench, &["--request", &request]).status.success());
    let preview: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(bench.path("request.preview.json")).unwrap()).unwrap();
    assert_eq!(preview["changes"][0]["object"], "what `touch done` does");
    assert!(fs::read_to_string(&request).unwrap().contains(&digest(&anna).await));

    let hand_in = |signature: &Path| {
        approve(&bench, &["--as", "ben", "--request", &request, "--signature", &signature.display().to_string()])
    };
    refused(&hand_in(&signed_elsewhere(Path::new(&request), &ben, "file")), "the signature is not ben's");
    let signature = signed_elsewhere(Path::new(&request), &ben, "cutover-approval");
    let text = fs::read_to_string(&request).unwrap();
    fs::write(&request, text.replace("attempt: 1", "attempt: 2")).unwrap();
    refused(&hand_in(&signature), "is of something else");
    fs::write(&request, format!("{text}approved: everything\n")).unwrap();
    refused(&hand_in(&signature), "not the text of an approval");
    fs::write(&request, text).unwrap();
    assert!(hand_in(&signature).status.success());
    anna.order(&start(&anna, "careful", Given::default()).await).await.unwrap();
}

#[tokio::test]
async fn a_program_is_shown_what_a_person_would_sign_with_its_digest() {
    let mut bench = bench();
    let anna = bench.start().await;
    let output = approve(&bench, &["--as", "ben", "--key", &key(&bench, "ben"), "--json"]);
    assert_eq!(output.status.code(), Some(3), "it waits for a person, or for --digest");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["previewed"]["digest"], digest(&anna).await);
    assert!(said["previewed"]["seq"].is_u64(), "{said}");
}

#[tokio::test]
async fn a_request_is_looked_at_and_signed_without_an_engine() {
    let mut bench = bench();
    let anna = bench.start().await;
    take(&anna, "").await.unwrap();
    let digest = digest(&anna).await;
    let request = bench.path("request").display().to_string();
    assert!(approve(&bench, &["--request", &request]).status.success());

    // As on the approver's machine: no socket to ask, the runbook and two files.
    let nowhere = bench.path("no-engine.sock").display().to_string();
    let sign = |as_name: &str, key_of: &str, digest: &str| {
        let key = key(&bench, key_of);
        let words = ["--as", as_name, "--request", &request, "--key", &key, "--digest", digest, "--socket", &nowhere];
        approve(&bench, &words)
    };
    refused(&sign("ben", "ben", "another"), "is another than the one agreed to");
    refused(&sign("ben", "eve", &digest), "the signature is not ben's");
    let (preview, text) = (bench.path("request.preview.json"), fs::read_to_string(bench.path("request.preview.json")));
    let text = text.unwrap();
    fs::write(&preview, text.replace("touch done", "touch it")).unwrap();
    refused(&sign("ben", "ben", &digest), "is not the preview that is to be signed");
    fs::write(&preview, &text).unwrap();
    let signature = format!("{request}.sig");
    assert!(!Path::new(&signature).exists(), "nothing was signed");

    let signed = sign("ben", "ben", &digest);
    assert!(signed.status.success(), "{signed:?}");
    let drawn = String::from_utf8_lossy(&signed.stdout).into_owned();
    assert!(drawn.contains("what `touch done` does") && drawn.contains(&digest), "{drawn}");
    let handed_in = approve(&bench, &["--as", "ben", "--request", &request, "--signature", &signature]);
    assert!(handed_in.status.success(), "{handed_in:?}");
    anna.order(&start(&anna, "careful", Given::default()).await).await.unwrap();
}

#[tokio::test]
async fn an_agent_signs_with_a_key_that_lies_in_no_file() {
    let mut bench = bench();
    let anna = bench.start().await;
    take(&anna, "").await.unwrap();
    let socket = bench.path("agent");
    let mut agent = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    wait_for(&socket).await;
    let mut add = Command::new("ssh-add");
    add.arg(bench.path("ben")).env("SSH_AUTH_SOCK", &socket).stderr(Stdio::null());
    assert!(add.status().unwrap().success());
    fs::remove_file(bench.path("ben")).unwrap();
    let public = key(&bench, "ben.pub");
    let digest = digest(&anna).await;
    let words = ["careful", "--as", "ben", "--key", &public, "--digest", &digest];
    let output = bench.command("approve").args(words).env("SSH_AUTH_SOCK", &socket).output().unwrap();
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(output.status.success(), "{output:?}");
    anna.order(&start(&anna, "careful", Given::default()).await).await.unwrap();
}

#[test]
fn a_rehearsals_runbook_knows_the_labs_approver() {
    let runbook = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks/rehearsal.toml");
    let plan = cutover::loader::load(&runbook).unwrap();
    let step = plan.runbook.steps.iter().find(|step| step.gate.approval.is_some()).unwrap();
    let run = cutover::domain::RunId("r".to_owned());
    let approval = approver::approves(run, step.id.clone(), 1, "d".to_owned(), jiff::Timestamp::now()).unwrap();
    approval.verify(&plan).unwrap();
}
