//! `cutover run`: drives the steps that are not over yet, each through its gate.

use clap::Args;
use jiff::Timestamp;

use super::gate::{self, Given};
use super::session::{self, Agreed};
use super::{Stop, Which, present};
use crate::domain::admission;
use crate::domain::machine::{self, Command};
use crate::domain::saying::Saying;
use crate::domain::state::{Direction, Status};
use crate::domain::{Failure, StepId};
use crate::engine::Handle;
use crate::lab::approver;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) which: Which,
    #[command(flatten)]
    agreed: Agreed,
    /// The phrase that a step's gate asks for.
    #[arg(long = "phrase", value_name = "STEP=PHRASE", value_parser = phrase)]
    phrases: Vec<(StepId, String)>,
    /// Stop after this step.
    #[arg(long, value_name = "STEP")]
    until: Option<String>,
}

/// What a step waits for that nobody on this terminal can give.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn waits(failure: Failure) -> Stop {
    let why = failure.why.iter().chain(&failure.next).fold(failure.what.clone(), |text, why| format!("{text}: {why}"));
    Stop::AtGate(why)
}

/// `STEP=PHRASE`.
pub(super) fn phrase(text: &str) -> Result<(StepId, String), String> {
    let (step, phrase) = text.split_once('=').ok_or_else(|| format!("`{text}` is not STEP=PHRASE"))?;
    Ok((StepId::from(step), phrase.to_owned()))
}

/// Drives until every step is over, a gate waits, or something fails; the summary comes last, then too.
pub(super) async fn run(args: &RunArgs) -> Result<(), Stop> {
    let (which, take_over) = (&args.which, args.agreed.take_over);
    session::drive(which, take_over, "succeeded", |handle| async move { steps(&handle, args).await }).await
}

async fn steps(handle: &Handle, args: &RunArgs) -> Result<(), Stop> {
    let plan = handle.plan();
    if args.agreed.rehearsal && plan.runbook.environment != "lab" {
        let environment = &plan.runbook.environment;
        return Err(
            Failure::refused(format!("a rehearsal drives the lab, and the environment is `{environment}`")).into()
        );
    }
    let until = args.until.as_deref().map(|id| session::known_step(plan, id)).transpose()?;
    let given = Given {
        yes: args.agreed.yes,
        phrases: args.phrases.clone(),
        rehearsal: args.agreed.rehearsal,
        json: args.which.json,
    };
    let who = handle.holder().who;
    loop {
        let state = handle.state();
        if until.as_ref().is_some_and(|until| state.is_over(until)) {
            return Ok(());
        }
        let Some(step) = machine::next(&state, plan) else {
            if !args.which.json && !args.agreed.rehearsal {
                present::line("\nnothing is left to do");
            }
            return Ok(());
        };
        let id = step.id.clone();
        let was = state.step(&id);
        let command = if was.status == Status::InDoubt && was.direction == Direction::Back {
            return Err(Failure::refused(format!("step `{id}` is being taken back, and its engine went away"))
                .next("`cutover rollback` goes on with it")
                .into());
        } else if was.status == Status::InDoubt {
            Command::Resume { step: id, by: who.clone() }
        } else {
            let preview = handle.preview(&id).await?;
            let consent = gate::pass(&plan.runbook, step, &preview, &given, &who)?;
            let (digest, now) = (preview.digest(), Timestamp::now());
            if given.rehearsal && step.gate.approval.is_some() {
                let run = state.run.clone().ok_or_else(|| Failure::refused("the run has no id yet"))?;
                let approval = approver::approves(run, id.clone(), was.attempt + 1, digest.clone(), now)?;
                handle.say(Saying::Approve(approval))?;
            }
            admission::may_start(&handle.state(), plan, step, (&digest, &consent), now).map_err(waits)?;
            Command::Start { step: id, digest, risks: preview.accepts, consent }
        };
        handle.command(command).await?;
    }
}
