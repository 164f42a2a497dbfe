//! `cutover rollback --to STEP`: takes back everything after STEP, the last step first.
//!
//! Each step shows its way back before it begins: what it changes, takes and loses. `--yes` consents to the
//! changes, never to a loss: that takes `--accept-loss` with the number.

use std::io::IsTerminal;

use clap::Args;

use super::session::{self, Agreed};
use super::{Stop, Which, gate, output, present};
use crate::domain::event::{Consent, ConsentKind};
use crate::domain::machine::{self, Command};
use crate::domain::runbook::Step;
use crate::domain::state::{Direction, Status};
use crate::domain::{Failure, Preview, StepId};
use crate::engine::Handle;

#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    #[command(flatten)]
    pub(super) which: Which,
    /// The step to come back to: it stays, everything after it is taken back.
    #[arg(long, value_name = "STEP", required_unless_present = "all")]
    to: Option<String>,
    /// Take every step back.
    #[arg(long, conflicts_with = "to")]
    all: bool,
    #[command(flatten)]
    agreed: Agreed,
    /// Give up so many acknowledged writes, where the way back says that it would lose them.
    #[arg(long, value_name = "N", default_value_t = 0)]
    accept_loss: u64,
    /// What a way back asks to be said before it takes something away from clients that still use it.
    #[arg(long = "phrase", value_name = "STEP=PHRASE", value_parser = super::run::phrase)]
    phrases: Vec<(StepId, String)>,
}

/// Takes back until nothing after the step stands; the summary comes last.
pub(super) async fn rollback(args: &RollbackArgs) -> Result<(), Stop> {
    let (which, take_over) = (&args.which, args.agreed.take_over);
    session::drive(which, take_over, "rolled_back", |handle| async move { steps(&handle, args).await }).await
}

async fn steps(handle: &Handle, args: &RollbackArgs) -> Result<(), Stop> {
    let plan = handle.plan();
    let keep = args.to.as_deref().map(|id| session::known_step(plan, id)).transpose()?;
    let who = handle.holder().who;
    loop {
        let state = handle.state();
        let Some(step) = machine::next_back(&state, plan, keep.as_ref()) else { return Ok(()) };
        let was = state.step(&step.id);
        let command = if was.status == Status::InDoubt && was.direction == Direction::Back {
            Command::Resume { step: step.id.clone(), by: who.clone() }
        } else {
            let way_back = handle.way_back(&step.id).await?;
            let how = consent(handle, step, &way_back, args)?;
            let phrase = args.phrases.iter().find(|(id, _)| *id == step.id).map(|(_, phrase)| phrase.clone());
            let consent = Consent { by: who.clone(), how, phrase, accepted: vec![], evidence: None };
            let (step, digest) = (step.id.clone(), way_back.digest());
            Command::RollBack { step, digest, consent, accepted_loss: args.accept_loss }
        };
        handle.command(command).await?;
    }
}

/// Shows the way back, and gets the driver's word for it.
fn consent(handle: &Handle, step: &Step, way_back: &Preview, args: &RollbackArgs) -> Result<ConsentKind, Stop> {
    if !args.which.json {
        present::line(&format!("\n== back from {} ({}), owner {}", step.id, step.action.name(), step.owner));
        present::line(output::preview(way_back).trim_end());
    }
    let runbook = &handle.plan().runbook;
    let on_terminal = std::io::stdin().is_terminal() && !args.which.json;
    if runbook.is_production() && !on_terminal {
        return Err(Stop::AtGate(format!("taking `{}` back in production asks for a person on a terminal", step.id)));
    }
    if args.agreed.rehearsal && runbook.environment == "lab" {
        return Ok(ConsentKind::Rehearsal);
    }
    if args.agreed.yes && !runbook.is_production() {
        return Ok(ConsentKind::Beforehand);
    }
    if !on_terminal {
        return Err(Stop::AtGate(format!("taking `{}` back asks for a confirmation: --yes, or a terminal", step.id)));
    }
    let phrase = format!("back from {}", step.id);
    if gate::ask(&format!("type `{phrase}` to take it back: "))? == phrase {
        return Ok(ConsentKind::Typed);
    }
    Err(Failure::refused(format!("`{phrase}` was not typed: step `{}` stays", step.id)).into())
}
