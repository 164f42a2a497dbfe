//! A rehearsal that a person drives: the lab's bring-up and then the run on the same screen, with the tenants' traffic on it
//! all the while.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

use super::tenants::Tenants;
use crate::cli::drive::{self, DriveArgs, Look};
use crate::cli::{Stop, Which, gate, present};
use crate::domain::{Failure, Plan, RunState};
use crate::engine;
use crate::protocol::client::Me;
use crate::protocol::view::View;
use crate::tui;

/// How often the state is looked at for the moment after the switch.
const EVERY: Duration = Duration::from_millis(500);

/// A person at a terminal.
pub(super) struct Hands {
    runbook: PathBuf,
    set: Vec<String>,
    look: Look,
}

impl Hands {
    /// A person who agreed to what a rehearsal does to this machine.
    ///
    /// # Errors
    /// Nobody is at a terminal, or they do not agree.
    pub(super) fn agreed(runbook: PathBuf, set: Vec<String>, look: Look) -> Result<Self, Stop> {
        if !look.is_drawn() {
            let asks =
                "a rehearsal makes containers and installs what is missing: --yes, or a terminal to drive it from";
            return Err(Stop::AtGate(asks.to_owned()));
        }
        present::line("A rehearsal brings real services up as containers on this machine, installs what is missing,");
        present::line("and lets you drive the runbook against them, with tenants' traffic on it.");
        match gate::ask("type rehearse to begin: ")?.as_str() {
            "rehearse" => Ok(Self { runbook, set, look }),
            _ => Err(Stop::AtGate("the rehearsal was not begun".to_owned())),
        }
    }

    /// Does something of the lab's while its parts are shown; leaving the screen stops it.
    pub(super) async fn watch<T>(
        &self,
        views: watch::Receiver<View>,
        directory: &Path,
        work: impl Future<Output = Result<T, Stop>>,
    ) -> Result<T, Stop> {
        tokio::select! {
            result = work => result,
            left = self.show(views, directory) => {
                left?;
                Err(Failure::interrupted().next("begin again: what was brought up stays").into())
            }
        }
    }

    async fn show(&self, views: watch::Receiver<View>, directory: &Path) -> Result<(), Stop> {
        let me = Me::new("lab");
        match self.look.options(true, &me.name, directory.to_path_buf())? {
            Some(options) => Ok(tui::show(views, me, options).await?),
            None => std::future::pending().await,
        }
    }

    /// Lets them drive until every step is over.
    pub(super) async fn drive(&self, plan: &Plan, directory: &Path, tenants: &Tenants) -> Result<(), Stop> {
        let state = directory.join("state");
        let which =
            Which { runbook: self.runbook.clone(), state: Some(state.clone()), set: self.set.clone(), json: false };
        let drive = DriveArgs::at(which, self.look.clone());
        let seat = async {
            loop {
                drive::drive(&drive).await?;
                if is_over(plan, &engine::look(&state)?) {
                    return Ok(());
                }
                let end = "enter opens the seat again; `end` ends the rehearsal where it stands: ";
                if gate::ask(end)? == "end" {
                    return Err(Stop::from(Failure::interrupted().next("`cutover lab reset` makes a fresh world")));
                }
            }
        };
        let driven = tokio::select! {
            driven = seat => driven,
            failed = look_into_the_old(plan, &state, tenants) => Err(failed),
        };
        drive::shut_down(&state).await?;
        driven
    }
}

/// Counts in the old database once the new side serves and the old one still answers, which its last step ends;
/// then there is nothing more to do. It ends only where that fails.
async fn look_into_the_old(plan: &Plan, state: &Path, tenants: &Tenants) -> Stop {
    let Some(switch) = plan.step_with_action("dns.switch") else { return std::future::pending().await };
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        // Before the first step there is no journal.
        if state.exists() && engine::look(state).is_ok_and(|state| state.is_over(&switch.id)) {
            break;
        }
    }
    let looked = async {
        tenants.served_by_the_new_side().await?;
        tenants.look_into_the_old().await
    };
    match looked.await {
        Ok(()) => std::future::pending().await,
        Err(failed) => failed,
    }
}

fn is_over(plan: &Plan, state: &RunState) -> bool {
    plan.runbook.steps.iter().all(|step| state.is_over(&step.id))
}
