//! The state machine: what a command means for a run that stands where it stands.
//!
//! `decide` takes no clock, does no I/O and never changes anything: it answers with the events to record,
//! or with a refusal that says why. The engine records them and carries them out.

use super::check::Check;
use super::event::{Consent, ConsentKind, Event};
use super::failure::Failure;
use super::ids::StepId;
use super::plan::Plan;
use super::risk::{self, Risk};
use super::runbook::Step;
use super::saying::{self, Saying};
use super::state::{Direction, RunState, Status, StepState};

/// What a driver, or the engine itself, asks for.
#[expect(missing_docs, reason = "the fields repeat the words of the variant's own line")]
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Start a step that is next, for the preview with this digest and these risks; the engine puts in the
    /// risks of the preview that it took itself.
    Start { step: StepId, digest: String, risks: Vec<Risk>, consent: Consent },
    /// Go on with a step whose engine went away.
    Resume { step: StepId, by: String },
    /// Take a step as done by others; these facts were looked at.
    Adopt { step: StepId, by: String, checks: Vec<Check> },
    /// Take back a step that nothing later stands on, for the way back with this digest.
    RollBack { step: StepId, digest: String, consent: Consent, accepted_loss: u64 },
    /// Take note that the runbook changed.
    Reload,
    /// Something that people say, or a change of hands: carried out at once, also while a step runs.
    Say(Saying),
}

/// The step to be driven next: the first that is not over.
pub fn next<'a>(state: &RunState, plan: &'a Plan) -> Option<&'a Step> {
    plan.runbook.steps.iter().find(|step| !state.is_over(&step.id))
}

/// The step to be taken back next so that nothing after `keep` stands any more: the last that was begun.
pub fn next_back<'a>(state: &RunState, plan: &'a Plan, keep: Option<&StepId>) -> Option<&'a Step> {
    let after = keep.and_then(|keep| plan.runbook.steps.iter().position(|step| step.id == *keep));
    let from = after.map_or(0, |at| at + 1);
    plan.runbook.steps[from..].iter().rev().find(|step| stands(state, step))
}

/// Whether anything of a step may be in the world.
fn stands(state: &RunState, step: &Step) -> bool {
    !matches!(state.step(&step.id).status, Status::Pending | Status::RolledBack)
}

/// What a command means now.
pub fn decide(state: &RunState, plan: &Plan, command: &Command) -> Result<Vec<Event>, Failure> {
    match command {
        Command::Start { step, digest, risks, consent } => {
            let step = next_is(state, plan, step)?;
            let status = state.step(&step.id).status;
            if !matches!(status, Status::Pending | Status::Failed | Status::RolledBack) {
                return Err(refusal(step, status, "started"));
            }
            if status == Status::Failed && state.step(&step.id).direction == Direction::Back {
                return Err(Failure::refused(format!("step `{}` is half taken back", step.id))
                    .next("finish its rollback, then start it again"));
            }
            no_hand_is_up(state)?;
            gate_met(step, consent)?;
            risk::accepted(step, risk::of_plan(plan, step).iter().chain(risks), consent)?;
            Ok(vec![started(state, plan, step, digest.clone(), consent.clone())])
        }
        Command::Resume { step, by } => {
            let was = state.step(step);
            if was.status == Status::InDoubt && was.direction == Direction::Back {
                let consent = Consent {
                    by: by.clone(),
                    how: ConsentKind::NotNeeded,
                    phrase: None,
                    accepted: vec![],
                    evidence: None,
                };
                return Ok(vec![back(step, &was, was.digest.clone(), consent, was.accepted_loss)]);
            }
            let step = next_is(state, plan, step)?;
            if was.status != Status::InDoubt {
                return Err(refusal(step, was.status, "resumed"));
            }
            if was.inputs != plan.step_digest(step) {
                return Err(Failure::refused(format!(
                    "step `{}` changed in the runbook while it was under way",
                    step.id
                ))
                .because("what it did so far was agreed to with other inputs")
                .next("put the runbook back as it was, finish or roll back the step, then change it"));
            }
            let evidence = was.evidence.clone();
            let consent =
                Consent { by: by.clone(), how: ConsentKind::NotNeeded, phrase: None, accepted: vec![], evidence };
            Ok(vec![started(state, plan, step, was.digest, consent)])
        }
        Command::Adopt { step, by, checks } => {
            let step = next_is(state, plan, step)?;
            let status = state.step(&step.id).status;
            let was = state.step(&step.id);
            let half_back = was.direction == Direction::Back && stands(state, step) && !was.stands_after_all();
            if status == Status::Running || half_back {
                return Err(refusal(step, status, "adopted"));
            }
            if let Some(check) = checks.iter().find(|check| check.is_failed()) {
                return Err(Failure::refused(format!("step `{}` cannot be adopted: {}", step.id, check.fact))
                    .because(check.evidence.clone())
                    .next("mend what the check names, or run the step"));
            }
            Ok(vec![Event::StepAdopted { step: step.id.clone(), by: by.clone(), checks: checks.clone() }])
        }
        Command::RollBack { step, digest, consent, accepted_loss } => {
            let step = known(plan, step)?;
            let was = state.step(&step.id);
            if let Some(later) = next_back(state, plan, Some(&step.id)) {
                return Err(Failure::refused(format!("step `{}` stands on `{}`", later.id, step.id))
                    .next(format!("take `{}` back first", later.id)));
            }
            if !stands(state, step) || was.status == Status::Running {
                return Err(refusal(step, was.status, "taken back"));
            }
            Ok(vec![back(&step.id, &was, digest.clone(), consent.clone(), *accepted_loss)])
        }
        Command::Say(saying) => saying::decide(state, plan, saying),
        Command::Reload if state.runbook == plan.digest => Ok(vec![]),
        Command::Reload => Ok(vec![Event::RunbookChanged { digest: plan.digest.clone() }]),
    }
}

fn started(state: &RunState, plan: &Plan, step: &Step, digest: String, consent: Consent) -> Event {
    let attempt = state.step(&step.id).attempt + 1;
    Event::StepStarted { step: step.id.clone(), attempt, digest, inputs: plan.step_digest(step), consent }
}

fn back(step: &StepId, was: &StepState, digest: String, consent: Consent, accepted_loss: u64) -> Event {
    Event::RollbackStarted { step: step.clone(), attempt: was.attempt + 1, digest, consent, accepted_loss }
}

fn known<'a>(plan: &'a Plan, id: &StepId) -> Result<&'a Step, Failure> {
    plan.step(id).ok_or_else(|| Failure::refused(format!("there is no step `{id}` in {}", plan.file.display())))
}

fn next_is<'a>(state: &RunState, plan: &'a Plan, id: &StepId) -> Result<&'a Step, Failure> {
    let step = known(plan, id)?;
    match next(state, plan) {
        Some(next) if next.id == *id => Ok(step),
        Some(next) => Err(Failure::refused(format!("step `{id}` is not next: `{}` is", next.id))),
        None => Err(Failure::refused(format!("step `{id}` is over, as every step is"))),
    }
}

fn no_hand_is_up(state: &RunState) -> Result<(), Failure> {
    let Some(hand) = state.seat.hands.values().next() else { return Ok(()) };
    Err(Failure::refused(format!("{} has a hand up: {}", hand.by, hand.text))
        .because("a raised hand holds the next gate")
        .next("answer it; the answer is for everybody to read"))
}

fn gate_met(step: &Step, consent: &Consent) -> Result<(), Failure> {
    match &step.gate.phrase {
        Some(phrase) if consent.phrase.as_ref() != Some(phrase) => {
            Err(Failure::refused(format!("the gate of step `{}` asks for a typed phrase", step.id))
                .next(format!("type it on the terminal, or give it as --phrase '{}={phrase}'", step.id)))
        }
        _ => Ok(()),
    }
}

fn refusal(step: &Step, status: Status, verb: &str) -> Failure {
    let status = serde_json::to_value(status).ok();
    let status = status.as_ref().and_then(|value| value.as_str()).unwrap_or("busy");
    Failure::refused(format!("step `{}` is {status}: it cannot be {verb} now", step.id))
}
