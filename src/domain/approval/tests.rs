//! Approvals with real keys: who may give one, for what, and for how long.

use jiff::ToSpan as _;
use serde_json::json;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};

use super::*;
use crate::domain::RunState;
use crate::domain::event::{Consent, ConsentKind};
use crate::domain::machine::{self, Command};
use crate::domain::saying::Saying;
use crate::domain::{Event, Recorded, admission};

const DIGEST: &str = "d1";

fn key(seed: u8) -> PrivateKey {
    PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&[seed; 32])), "a test").unwrap()
}

fn public(seed: u8) -> String {
    key(seed).public_key().to_openssh().unwrap()
}

/// Ana drives, Ben and Dan are DBAs; Dan has Ana's key.
fn plan() -> Plan {
    plan_of("production")
}

fn plan_of(environment: &str) -> Plan {
    let person = |name: &str, role: &str, seed| json!({ "name": name, "role": role, "key": public(seed) });
    let step = json!({ "id": "dns", "owner": "lead", "day": 5, "action": "manual",
        "gate": { "approval": { "role": "dba" } }, "with": { "instructions": "do it" } });
    let runbook = json!({ "name": "a", "environment": environment, "service": { "name": "a", "host": "a.example" },
        "person": [person("ana", "lead", 1), person("ben", "dba", 2), person("dan", "dba", 1), person("eve", "guest", 5),
            json!({ "name": "kim", "role": "lead" })],
        "step": [step] });
    Plan::new(serde_json::from_value(runbook).unwrap(), "a.toml".into())
}

fn now() -> Timestamp {
    "2026-11-26T04:00:00Z".parse().unwrap()
}

fn statement() -> Statement {
    let expires = now().checked_add(1.hour()).unwrap();
    Statement { run: RunId("r".into()), step: StepId::from("dns"), attempt: 1, digest: DIGEST.into(), expires }
}

fn signed(by: &str, seed: u8, statement: Statement) -> Approval {
    let signature = key(seed).sign(NAMESPACE, HashAlg::Sha512, statement.to_string().as_bytes()).unwrap();
    Approval { statement, by: by.into(), signature: signature.to_pem(LineEnding::LF).unwrap() }
}

/// Whether the gate opens for Ana, after these were taken in.
fn opens(plan: &Plan, approvals: &[Approval], at: Timestamp) -> Result<(), Failure> {
    opens_for("ana", plan, approvals, at)
}

fn opens_for(driver: &str, plan: &Plan, approvals: &[Approval], at: Timestamp) -> Result<(), Failure> {
    let mut state = RunState { run: Some(RunId("r".into())), ..RunState::default() };
    for approval in approvals {
        let say = Command::Say(Saying::Approve(approval.clone()));
        for event in machine::decide(&state, plan, &say)? {
            state.fold(&Recorded { seq: state.seq + 1, at, event });
        }
    }
    let consent =
        Consent { by: driver.into(), how: ConsentKind::Typed, phrase: None, accepted: vec![], evidence: None };
    admission::may_start(&state, plan, &plan.runbook.steps[0], (DIGEST, &consent), at)
}

#[test]
fn the_gate_opens_for_what_somebody_else_signed() {
    let plan = plan();
    assert!(opens(&plan, &[], now()).is_err(), "nobody signed");
    opens(&plan, &[signed("ben", 2, statement())], now()).unwrap();
}

#[test]
fn an_approval_holds_for_one_preview_one_attempt_and_a_while() {
    let plan = plan();
    let why = |approval: Approval, at| opens(&plan, &[approval], at).unwrap_err().why.join(";");
    let other = Statement { digest: "d2".into(), ..statement() };
    assert!(why(signed("ben", 2, other), now()).contains("another preview"));
    let other = Statement { attempt: 2, ..statement() };
    assert!(why(signed("ben", 2, other), now()).contains("attempt 2"));
    let late = now().checked_add(2.hours()).unwrap();
    assert!(why(signed("ben", 2, statement()), late).contains("good until"));
}

#[test]
fn the_approver_is_not_the_driver_by_person_and_by_key_and_has_the_role() {
    let plan = plan();
    let why = |approval: Approval| opens(&plan, &[approval], now()).unwrap_err().why.join(";");
    assert!(why(signed("ana", 1, statement())).contains("role"));
    assert!(why(signed("dan", 1, statement())).contains("the driver's own key"));
    assert!(why(signed("eve", 5, statement())).contains("role"));
}

#[test]
fn a_driver_whom_the_runbook_cannot_tell_from_the_approver_opens_no_gate() {
    let signed = [signed("ben", 2, statement())];
    let (production, lab) = (plan(), plan_of("lab"));
    for driver in ["mallory", "kim", ""] {
        let failure = opens_for(driver, &production, &signed, now()).unwrap_err();
        assert!(failure.why[0].contains("is also the approver"), "{failure:?}");
        assert!(failure.next.unwrap().contains("drive --as NAME"));
        opens_for(driver, &lab, &signed, now()).unwrap();
    }
    assert!(opens_for("kim", &production, &signed, now()).unwrap_err().why[1].contains("no SSH public key of kim"));
}

#[test]
fn a_name_is_one_persons_however_it_is_typed() {
    let signed = [signed("ben", 2, statement())];
    for plan in [plan(), plan_of("lab")] {
        opens_for(" Ana", &plan, &signed, now()).unwrap();
        for driver in ["Ben", "BEN ", "ben"] {
            let failure = opens_for(driver, &plan, &signed, now()).unwrap_err();
            assert!(failure.why.join(";").contains("ben drives"), "{failure:?}");
        }
    }
}

#[test]
fn what_could_open_no_gate_is_not_taken_in_and_what_is_there_is_not_taken_in_twice() {
    let plan = plan();
    let state = RunState { run: Some(RunId("r".into())), ..RunState::default() };
    let takes = |state: &RunState, approval: &Approval| {
        machine::decide(state, &plan, &Command::Say(Saying::Approve(approval.clone())))
    };
    assert!(takes(&state, &signed("eve", 5, statement())).unwrap_err().why[0].contains("has the role `guest`"));
    let good = signed("ben", 2, statement());
    assert!(good.is_good_at(now()).is_ok());
    assert!(good.is_good_at(good.statement.expires).unwrap_err().why[0].contains("was good until"));
    assert_eq!(takes(&state, &good).unwrap().len(), 1);
    let state = RunState { approvals: vec![good.clone()], ..state };
    assert_eq!(takes(&state, &good).unwrap(), []);
    let longer = Statement { expires: now().checked_add(2.hours()).unwrap(), ..statement() };
    assert_eq!(takes(&state, &signed("ben", 2, longer)).unwrap().len(), 1);
}

#[test]
fn a_signature_of_another_key_or_text_is_not_taken_in() {
    let plan = plan();
    assert!(opens(&plan, &[signed("ben", 5, statement())], now()).is_err(), "another key");
    let mut changed = signed("ben", 2, statement());
    changed.statement.expires = now().checked_add(30.hours()).unwrap();
    assert!(opens(&plan, &[changed], now()).is_err(), "another text");
    let other_run = Statement { run: RunId("s".into()), ..statement() };
    assert!(opens(&plan, &[signed("ben", 2, other_run)], now()).is_err(), "another run");
    let text = statement().to_string();
    let elsewhere = key(2).sign("file", HashAlg::Sha512, text.as_bytes()).unwrap().to_pem(LineEnding::LF).unwrap();
    let approval = Approval { statement: statement(), by: "ben".into(), signature: elsewhere };
    assert!(opens(&plan, &[approval], now()).is_err(), "another namespace");
}

#[test]
fn what_is_journalled_is_read_again_and_verified_again() {
    let approval = signed("ben", 2, statement());
    let key = approval.verify(&plan()).unwrap().to_string();
    let event = Event::Approved { approval: approval.clone(), key: key.clone() };
    let again: Event = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
    assert_eq!(again, event);
    assert_eq!(key, self::key(2).public_key().fingerprint(HashAlg::Sha256).to_string());
}

#[test]
fn the_signed_text_is_read_to_the_letter() {
    let text = statement().to_string();
    assert_eq!(text.parse::<Statement>().unwrap(), statement());
    let crlf = text.replace('\n', "\r\n");
    let padded = text.replace("attempt: 1", "attempt: 01");
    for garbage in ["", "cutover approval 1\n", &format!("{text}\n"), &crlf, &padded] {
        assert!(garbage.parse::<Statement>().is_err(), "{garbage:?}");
    }
}
