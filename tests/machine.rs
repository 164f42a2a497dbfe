//! The state machine under random commands, deaths and late results: what must hold holds after each event.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

use cutover::domain::event::{Consent, ConsentKind, Holder};
use cutover::domain::machine::{self, Command};
use cutover::domain::runbook::Runbook;
use cutover::domain::state::{Direction, Status};
use cutover::domain::{Event, Failure, Plan, Recorded, Resource, Risk, RunState, StepId};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

const STEPS: usize = 4;

fn plan() -> Plan {
    let steps: Vec<_> = (0..STEPS)
        .map(|n| {
            let gate = if n == 2 { json!({ "phrase": "go" }) } else { json!({}) };
            json!({ "id": format!("s{n}"), "owner": "lead", "day": 1, "gate": gate,
                    "action": "command", "with": { "run": ["true"], "check": ["true"] } })
        })
        .collect();
    let runbook =
        json!({ "name": "a", "environment": "lab", "service": { "name": "a", "host": "a.example" }, "step": steps });
    Plan::new(serde_json::from_value::<Runbook>(runbook).unwrap(), "a.toml".into())
}

fn holder() -> Holder {
    Holder { who: "a".into(), host: "b".into(), pid: 1, since: Timestamp::UNIX_EPOCH }
}

fn consent(phrase: Option<&str>) -> Consent {
    Consent {
        by: "a".into(),
        how: ConsentKind::Typed,
        phrase: phrase.map(str::to_owned),
        accepted: vec![],
        evidence: None,
    }
}

/// What may happen next, in any order.
#[derive(Debug, Clone)]
enum Move {
    Start(usize, bool),
    Resume(usize),
    Adopt(usize),
    Back(usize),
    Done,
    Fails,
    Dies,
    LateResult(usize),
}

fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        4 => (0..STEPS, any::<bool>()).prop_map(|(n, phrase)| Move::Start(n, phrase)),
        2 => (0..STEPS).prop_map(Move::Resume),
        1 => (0..STEPS).prop_map(Move::Adopt),
        3 => (0..STEPS).prop_map(Move::Back),
        4 => Just(Move::Done),
        2 => Just(Move::Fails),
        2 => Just(Move::Dies),
        1 => (0..STEPS).prop_map(Move::LateResult),
    ]
}

fn id(n: usize) -> StepId {
    StepId(format!("s{n}"))
}

/// The events that a move leads to, as an engine would record them.
fn events(state: &RunState, plan: &Plan, what: &Move) -> Vec<Event> {
    let running = state.steps.iter().find(|(_, step)| step.status == Status::Running);
    let decided = |command| machine::decide(state, plan, &command).unwrap_or_default();
    match (what, running) {
        (Move::Start(n, phrase), _) => {
            let consent = consent(phrase.then_some("go"));
            decided(Command::Start { step: id(*n), digest: "d".into(), risks: vec![], consent })
        }
        (Move::Resume(n), _) => decided(Command::Resume { step: id(*n), by: "a".into() }),
        (Move::Adopt(n), _) => decided(Command::Adopt { step: id(*n), by: "a".into(), checks: vec![] }),
        (Move::Back(n), _) => {
            let consent = consent(None);
            decided(Command::RollBack { step: id(*n), digest: "d".into(), consent, accepted_loss: 0 })
        }
        (Move::Done, Some((step, was))) if was.direction == Direction::Back => {
            vec![Event::RolledBack { step: step.clone(), attempt: was.attempt, checks: vec![] }]
        }
        (Move::Done, Some((step, was))) => vec![Event::StepDone { step: step.clone(), attempt: was.attempt }],
        (Move::Fails, Some((step, was))) => {
            vec![Event::StepFailed { step: step.clone(), attempt: was.attempt, failure: Failure::permanent("x") }]
        }
        (Move::Dies, _) => vec![Event::EngineStarted { by: holder(), version: "1".into() }],
        (Move::LateResult(n), _) => match state.step(&id(*n)).attempt.checked_sub(1) {
            Some(old) if old > 0 => vec![Event::StepDone { step: id(*n), attempt: old }],
            _ => vec![],
        },
        (Move::Done | Move::Fails, None) => vec![],
    }
}

proptest! {
    #[test]
    fn what_must_hold_holds_after_each_event(moves in prop::collection::vec(any_move(), 0..120)) {
        let plan = plan();
        let mut journal: Vec<Recorded> = Vec::new();
        let mut state = RunState::default();
        for what in &moves {
            for event in events(&state, &plan, what) {
                let before = state.clone();
                let recorded = Recorded { seq: state.seq + 1, at: Timestamp::UNIX_EPOCH, event };
                state.fold(&recorded);
                journal.push(recorded);

                let running = state.steps.values().filter(|step| step.status == Status::Running).count();
                prop_assert!(running <= 1, "two steps run at once");
                for (id, step) in &state.steps {
                    let was = before.step(id);
                    prop_assert!(step.attempt >= was.attempt, "an attempt's number went back");
                    if before.is_over(id) && step.direction == Direction::Forward {
                        prop_assert_eq!(step.status, was.status, "a step that is over was touched");
                    }
                    if was.status == Status::Failed && was.direction == Direction::Back {
                        prop_assert_eq!(step.direction, Direction::Back, "a step half taken back went forward");
                    }
                    if step.status == Status::RolledBack {
                        prop_assert!(step.effects.is_empty() && step.checkpoints.is_empty() && step.outputs.is_empty());
                    }
                }
                let stands = |n: usize| {
                    !matches!(state.step(&id(n)).status, Status::Pending | Status::RolledBack)
                };
                let last = (0..STEPS).rev().find(|n| stands(*n)).unwrap_or(0);
                for n in 0..last {
                    prop_assert!(state.is_over(&id(n)), "a step stands on one that is not over");
                }
            }
        }
        prop_assert_eq!(RunState::of(&journal), state, "the journal folds to the same state again");
    }

    #[test]
    fn every_event_survives_the_journal(moves in prop::collection::vec(any_move(), 0..60)) {
        let plan = plan();
        let mut state = RunState::default();
        for what in &moves {
            for event in events(&state, &plan, what) {
                let recorded = Recorded { seq: state.seq + 1, at: Timestamp::UNIX_EPOCH, event };
                let text = serde_json::to_string(&recorded).unwrap();
                prop_assert_eq!(serde_json::from_str::<Recorded>(&text).unwrap(), recorded.clone());
                state.fold(&recorded);
            }
        }
    }
}

#[test]
fn a_phrase_is_asked_for_to_the_letter() {
    let plan = plan();
    let mut state = RunState::default();
    for n in 0..2 {
        let seq = state.seq + 1;
        let event = Event::StepAdopted { step: id(n), by: "a".into(), checks: vec![] };
        state.fold(&Recorded { seq, at: Timestamp::UNIX_EPOCH, event });
    }
    for (phrase, good) in [(None, false), (Some("Go"), false), (Some("go "), false), (Some("go"), true)] {
        let command = Command::Start { step: id(2), digest: "d".into(), risks: vec![], consent: consent(phrase) };
        assert_eq!(machine::decide(&state, &plan, &command).is_ok(), good, "{phrase:?}");
    }
}

#[test]
fn a_step_in_doubt_is_not_resumed_with_other_inputs() {
    let plan = plan();
    let mut state = RunState::default();
    let start = Command::Start { step: id(0), digest: "d".into(), risks: vec![], consent: consent(None) };
    let die = Event::EngineStarted { by: holder(), version: "1".into() };
    for event in machine::decide(&state, &plan, &start).unwrap().into_iter().chain([die]) {
        let recorded = Recorded { seq: state.seq + 1, at: Timestamp::UNIX_EPOCH, event };
        state.fold(&recorded);
    }
    let mut changed = (*plan.runbook).clone();
    changed.connections.service.host = "b.example".into();
    let changed = Plan::new(changed, "a.toml".into());
    let resume = Command::Resume { step: id(0), by: "a".into() };
    assert!(machine::decide(&state, &plan, &resume).is_ok());
    let refused = machine::decide(&state, &changed, &resume).unwrap_err();
    assert!(refused.what.contains("changed in the runbook"), "{}", refused.what);
}

#[test]
fn what_was_taken_back_explains_nothing_and_what_was_kept_does() {
    let (step, mut state) = (StepId::from("s0"), RunState::default());
    let mut tell = |event: Event| {
        let seq = state.seq + 1;
        state.fold(&Recorded { seq, at: Timestamp::UNIX_EPOCH, event });
        state.touched().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let intended = |effect: &str, attempt: u32, touches: &[&str]| Event::Intended {
        step: step.clone(),
        attempt,
        effect: effect.into(),
        summary: effect.into(),
        undo: json!(null),
        touches: touches.iter().map(|name| Resource::volume(name)).collect(),
    };
    let (digest, inputs) = (String::new(), String::new());
    tell(Event::StepStarted { step: step.clone(), attempt: 1, digest, inputs, consent: consent(None) });
    tell(intended("one", 1, &["a"]));
    tell(intended("one", 1, &["b"]));
    let both = tell(intended("two", 1, &["c"]));
    assert_eq!(both, ["docker/volume/a", "docker/volume/b", "docker/volume/c"], "an effect in doubt may be there");
    let undone = tell(Event::Undone { step: step.clone(), effect: "one".into() });
    assert_eq!(undone, ["docker/volume/c"]);
    let (what, why) = ("c".to_owned(), "the first backup".to_owned());
    tell(Event::Kept { step: step.clone(), attempt: 1, effect: Some("two".into()), what, why });
    let kept = tell(Event::RolledBack { step: step.clone(), attempt: 1, checks: vec![] });
    assert_eq!(kept, ["docker/volume/c"], "what is kept on purpose is no leftover");
}

/// A plan of nothing but a switch, with a front or without, and the phrase that accepts its absence.
fn switch(front: bool, phrase: Option<&str>) -> Plan {
    let mut with = json!({ "address": "203.0.113.7" });
    if let Some(phrase) = phrase {
        with["accept_without_front"] = json!(phrase);
    }
    let mut runbook = json!({ "name": "a", "environment": "lab", "service": { "name": "a", "host": "a.example" },
        "step": [{ "id": "dns", "owner": "lead", "day": 5, "action": "dns.switch", "with": with }] });
    if front {
        runbook["front"] = json!({ "container": "old" });
    }
    Plan::new(serde_json::from_value::<Runbook>(runbook).unwrap(), "a.toml".into())
}

#[test]
fn a_risk_is_accepted_by_its_own_phrase_or_not_at_all() {
    let older = Risk {
        what: "no way back".into(),
        accepted_by: "accept_no_way_back".into(),
        phrase: Some("no way back".into()),
    };
    let start = |plan: &Plan, risks: Vec<Risk>, accepted: &[&str]| {
        let accepted = accepted.iter().map(ToString::to_string).collect();
        let consent = Consent { accepted, ..consent(None) };
        let command = Command::Start { step: StepId::from("dns"), digest: "d".into(), risks, consent };
        machine::decide(&RunState::default(), plan, &command)
    };
    assert!(start(&switch(true, None), vec![], &[]).is_ok());

    // Whatever the driver says of the preview, the runbook shows that there is no front.
    let refused = start(&switch(false, None), vec![], &["anything"]).unwrap_err();
    assert!(refused.next.unwrap().contains("accept_without_front"), "nobody named a phrase");
    let without = switch(false, Some("some will fail"));
    assert!(start(&without, vec![], &[]).unwrap_err().next.unwrap().contains("--phrase 'dns=some will fail'"));
    assert!(start(&without, vec![], &["Some will fail"]).is_err());
    assert!(start(&without, vec![], &["some will fail"]).is_ok());

    assert!(start(&switch(true, None), vec![older.clone()], &[]).is_err());
    assert!(start(&without, vec![older.clone()], &["some will fail"]).is_err(), "one phrase is not for both");
    assert!(start(&without, vec![older.clone()], &["no way back", "some will fail"]).is_ok());
    let unnamed = Risk { phrase: None, ..older };
    assert!(start(&switch(true, None), vec![unnamed], &["no way back"]).is_err());
}
