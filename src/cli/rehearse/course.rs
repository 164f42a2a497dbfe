//! How far a rehearsal goes: to the end, to a step, or there and back, once or twice.

use clap::Args;

use super::child::Child;
use super::tenants::Tenants;
use crate::cli::Stop;
use crate::domain::Plan;

#[derive(Debug, Args)]
pub(super) struct Course {
    /// Rehearse up to this step.
    #[arg(long, value_name = "STEP", conflicts_with = "then_rollback")]
    until: Option<String>,
    /// Go to after the switch, let the new side take writes, then take everything back.
    #[arg(long)]
    then_rollback: bool,
    /// There, back, there and back again.
    #[arg(long, requires = "then_rollback")]
    twice: bool,
    /// Take back only what comes after this step.
    #[arg(long, value_name = "STEP", requires = "then_rollback")]
    back_to: Option<String>,
}

impl Course {
    /// What an outcome is called that is good.
    pub(super) fn good(&self) -> &'static str {
        if self.then_rollback { "rolled_back" } else { "succeeded" }
    }

    /// Drives it.
    pub(super) async fn drive(&self, plan: &Plan, child: &mut Child, tenants: &Tenants) -> Result<(), Stop> {
        let switch = plan.step_with_action("dns.switch").map(|step| step.id.clone());
        match (switch, self.until.as_deref()) {
            (Some(switch), None) if self.then_rollback => {
                for _ in 0..=u32::from(self.twice) {
                    child.drive(Some(switch.as_str())).await?;
                    tenants.written_on_the_new_side().await?;
                    child.back(plan, self.back_to.as_deref()).await?;
                    tenants.served_by_the_source().await?;
                }
                Ok(())
            }
            // The steps up to the last one that leaves Rev1 running, then the rest: in between the tenants
            // are served by the new side long enough to be counted.
            (Some(switch), until) if until.is_none_or(|until| comes_later(plan, until, switch.as_str())) => {
                child.drive(Some(switch.as_str())).await?;
                tenants.served_by_the_new_side().await?;
                tenants.look_into_the_old().await?;
                child.drive(self.until.as_deref()).await
            }
            (_, until) => child.drive(until).await,
        }
    }
}

/// Whether a step is driven after another one.
fn comes_later(plan: &Plan, step: &str, than: &str) -> bool {
    let place = |id: &str| plan.runbook.steps.iter().position(|step| step.id.as_str() == id);
    place(step) > place(than)
}
