//! `--kube-context`: a rehearsal in somebody's own cluster instead of the lab's.
//!
//! The lab's consent does not reach that far, so it has a phrase of its own. Before anything of the rehearsal is
//! made there, the names that its steps take have to be free, and a probe pod has to reach the lab.

mod claims;

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::actions::names;
use crate::cli::{Stop, gate};
use crate::domain::{Failure, Plan, StepId};
use crate::lab::own_cluster::{OwnCluster, Probe, Speaks, Wanted};
use crate::lab::{Lab, Part};
use crate::services::kubernetes::Name;
use crate::services::stderr;

/// Clients with the old answer come to Rev1 by plain HTTP after a way back: pods have to reach it there.
const HTTP: u16 = 80;

#[derive(Debug, Args)]
pub(in crate::cli) struct ClusterArgs {
    /// The cluster of this context instead of the lab's own; its pods have to reach the lab.
    #[arg(long, value_name = "CONTEXT")]
    kube_context: Option<String>,
    /// The kubeconfig that has the context [default: where KUBECONFIG points, else ~/.kube/config].
    #[arg(long, value_name = "FILE", requires = "kube_context")]
    kubeconfig: Option<PathBuf>,
}

impl ClusterArgs {
    /// The runbook's values that these arguments change.
    pub(super) fn set(&self) -> Vec<String> {
        let Some(context) = &self.kube_context else { return Vec::new() };
        let text = |text: &str| toml::Value::from(text).to_string();
        let kubeconfig = match &self.kubeconfig {
            // Relative to where the command was given, not to the runbook.
            Some(path) => text(&std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string()),
            None => "{ unset = \"where KUBECONFIG points, else ~/.kube/config\" }".to_owned(),
        };
        vec![format!("context = {}", text(context)), format!("kubeconfig = {kubeconfig}")]
    }

    /// The cluster, where one was named.
    pub(in crate::cli) async fn open(&self) -> Result<Option<OwnCluster>, Stop> {
        match &self.kube_context {
            Some(context) => Ok(Some(OwnCluster::open(self.kubeconfig.as_deref(), context).await?)),
            None => Ok(None),
        }
    }
}

/// Somebody's own cluster, chosen for a rehearsal.
pub(super) struct Chosen {
    own: OwnCluster,
    /// The namespaces that the steps take, and the names outside of any.
    pub(super) names: Vec<Name>,
    /// The runs of this lab's rehearsals: what they left may be taken away.
    runs: BTreeSet<String>,
    plan: Plan,
}

impl Chosen {
    /// The cluster that was named, if one was, with consent, and with the names free that the steps take.
    pub(super) async fn of(
        args: &ClusterArgs,
        phrases: &[(StepId, String)],
        plan: &Plan,
        runs: BTreeSet<String>,
    ) -> Result<Option<Self>, Stop> {
        let Some(context) = &args.kube_context else { return Ok(None) };
        consent(context, phrases, plan)?;
        let Some(own) = args.open().await? else { return Ok(None) };
        let taken = names::taken(plan)?;
        claims::free(&own, &taken, &runs).await?;
        let names = taken.into_iter().flat_map(|taken| taken.names).filter(|name| name.namespace.is_none()).collect();
        Ok(Some(Self { own, names, runs, plan: plan.clone() }))
    }

    /// Looks from inside whether the lab is in reach, and takes away what earlier rehearsals left there.
    pub(super) async fn made_ready(&self, lab: &Lab) -> Result<(), Stop> {
        self.reached(lab).await?;
        for name in self.own.clean(&self.runs).await? {
            stderr::line(&format!("  {:<14} removed {name} of an earlier rehearsal", self.own.context));
        }
        Ok(())
    }

    /// The parts of the lab to be made fresh: not its own cluster, unless that is another one, whose pods would
    /// go on working with the databases of this rehearsal.
    pub(super) async fn parts(&self, lab: &Lab) -> Result<Vec<Part>, Stop> {
        let mut parts = Part::WITHOUT_CLUSTER.to_vec();
        if let Some(identity) = lab.cluster_identity().await?
            && identity != self.own.cluster.identity().await?
        {
            parts.extend([Part::Kubernetes, Part::Balancer]);
        }
        Ok(parts)
    }

    /// Runs the probe; what it made is taken away whatever it found, also where somebody stops it.
    async fn reached(&self, lab: &Lab) -> Result<(), Stop> {
        let connections = &self.plan.runbook.connections;
        let registry =
            connections.registry.as_ref().ok_or_else(|| Failure::permanent("the runbook has no [registry]"))?;
        let pull = registry.pull.as_ref().unwrap_or(&registry.push);
        let probe = Probe::new(&self.own, pull, wanted(&self.plan));
        stderr::line(&format!("  {:<14} a pod looks whether it reaches the lab", self.own.context));
        let looked = tokio::select! {
            looked = probe.run(lab) => looked.map_err(Failure::from),
            stopped = stopped() => stopped.and_then(|()| Err(Failure::interrupted())),
        };
        let removed = probe.remove().await;
        // The probe has its way to stop; after it a signal ends this process again, as it does any rehearsal.
        tokio::spawn(async {
            if stopped().await.is_ok() {
                std::process::exit(130);
            }
        });
        looked?;
        Ok(removed?)
    }
}

/// What the cluster's pods have to reach, beside the registry.
fn wanted(plan: &Plan) -> Vec<Wanted> {
    let connections = &plan.runbook.connections;
    let target = connections.target.iter().map(|target| Wanted {
        what: "the target MySQL".to_owned(),
        host: target.mysql.host.clone(),
        port: target.mysql.port,
        speaks: Speaks::MySql,
    });
    let host = &connections.service.host;
    let source = connections.source.iter().zip(&connections.probe).map(|(source, probe)| Wanted {
        what: "Rev1".to_owned(),
        host: source.address.clone(),
        port: HTTP,
        speaks: Speaks::Http { host: host.clone(), path: probe.read.path.clone(), expect: probe.read.expect },
    });
    target.chain(source).collect()
}

/// The phrase for a cluster that is not the lab's.
fn consent(context: &str, phrases: &[(StepId, String)], plan: &Plan) -> Result<(), Stop> {
    let step =
        plan.step_with_action("kubernetes.adopt").map_or_else(|| StepId::from("cluster"), |step| step.id.clone());
    let wanted = format!("rehearse in {context}");
    let given = phrases.iter().find(|(id, _)| *id == step).map(|(_, phrase)| phrase.clone());
    let given = match given {
        Some(given) => given,
        None if std::io::stdin().is_terminal() => {
            gate::ask(&format!("type `{wanted}` to let the rehearsal make its objects in that cluster: "))?
        }
        None => {
            return Err(Stop::AtGate(format!(
                "the cluster of context `{context}` is not the lab's, and --yes is for the lab alone: --phrase \
                 '{step}={wanted}'"
            )));
        }
    };
    if given == wanted {
        return Ok(());
    }
    Err(Failure::refused(format!("`{given}` is not the phrase for the cluster of context `{context}`"))
        .next(format!("it is `{wanted}`"))
        .into())
}

/// Returns when somebody stops this process.
async fn stopped() -> Result<(), Failure> {
    let fault = |why: std::io::Error| Failure::permanent("listen for signals").because(why.to_string());
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
