//! The names that a runbook's steps take in its cluster, for whoever looks beforehand whether they are free.

use super::deploy::Workload;
use super::{Result, ingress};
use crate::domain::runbook::ActionSpec;
use crate::domain::{Plan, StepId};
use crate::services::kubernetes::Name;

/// What one step takes.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The step.
    pub step: StepId,
    /// The names, in the order in which they are made.
    pub names: Vec<Name>,
    /// An ingress class of this name with this controller is adopted, and nothing is taken.
    pub adopts: Option<(Name, &'static str)>,
}

/// The names of every step that makes objects.
///
/// # Errors
/// One of our own manifests cannot be filled.
pub fn taken(plan: &Plan) -> Result<Vec<Taken>> {
    let connections = &plan.runbook.connections;
    let mut taken = Vec::new();
    for step in &plan.runbook.steps {
        let (names, adopts) = match (&step.action, &connections.kubernetes) {
            (ActionSpec::Deploy(deploy), Some(cluster)) => {
                let workload =
                    Workload { namespace: cluster.namespace.clone(), name: connections.service.name.clone() };
                (workload.taken(!deploy.jobs_env.is_empty())?, None)
            }
            (ActionSpec::Ingress(inputs), Some(_)) => {
                (inputs.taken()?, Some((inputs.class_name(), ingress::CONTROLLER)))
            }
            _ => continue,
        };
        taken.push(Taken { step: step.id.clone(), names, adopts });
    }
    Ok(taken)
}
