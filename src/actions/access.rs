//! What the steps that work in the cluster do there, as its access review asks it: before the first of them, and by
//! `cutover check --live`, so that no right is missed in the middle of the week.

use super::{Reading, Result};
use crate::domain::runbook::ActionSpec;
use crate::services::kubernetes::Wanted;

/// What is made, changed and taken away.
const WHOLE: [&str; 4] = ["get", "create", "patch", "delete"];

const CLUSTER_WIDE: [(&str, &str); 4] = [
    ("", "namespaces"),
    ("networking.k8s.io", "ingressclasses"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
];

/// In the namespace of the service, and in that of the controller.
const IN_BOTH: [(&str, &str); 6] = [
    ("", "secrets"),
    ("", "configmaps"),
    ("", "services"),
    ("", "serviceaccounts"),
    ("apps", "deployments"),
    ("policy", "poddisruptionbudgets"),
];

const OF_THE_SERVICE: [(&str, &str); 3] = [
    ("discovery.k8s.io", "endpointslices"),
    ("networking.k8s.io", "ingresses"),
    ("autoscaling", "horizontalpodautoscalers"),
];

const OF_THE_CONTROLLER: [(&str, &str); 2] =
    [("rbac.authorization.k8s.io", "roles"), ("rbac.authorization.k8s.io", "rolebindings")];

/// How a rollout is followed and a namespace is emptied of what was made.
const FOLLOWED: [(&str, &str, &str); 7] = [
    ("list", "", "pods"),
    ("watch", "", "pods"),
    ("delete", "", "pods"),
    ("get", "", "pods/log"),
    ("list", "apps", "replicasets"),
    ("watch", "apps", "deployments"),
    ("patch", "apps", "deployments/scale"),
];

/// Every wish of the runbook's steps.
pub(super) fn wishes(cx: &Reading) -> Result<Vec<Wanted>> {
    let service = cx.kubernetes()?.namespace.as_str();
    let controller = cx.plan().runbook.steps.iter().find_map(|step| match &step.action {
        ActionSpec::Ingress(inputs) => Some(inputs.namespace.as_str()),
        _ => None,
    });
    let mut wishes = vec![of("list", "", "nodes", None)];
    wishes.extend(whole(&CLUSTER_WIDE, None));
    wishes.extend(whole(&OF_THE_SERVICE, Some(service)));
    if controller.is_some() {
        wishes.extend(whole(&OF_THE_CONTROLLER, controller));
    }
    for namespace in [Some(service), controller].into_iter().flatten() {
        wishes.extend(whole(&IN_BOTH, Some(namespace)));
        wishes.extend(FOLLOWED.map(|(verb, group, resource)| of(verb, group, resource, Some(namespace))));
    }
    Ok(wishes)
}

fn whole(kinds: &[(&'static str, &'static str)], namespace: Option<&str>) -> impl Iterator<Item = Wanted> {
    kinds.iter().flat_map(move |(group, resource)| WHOLE.map(|verb| of(verb, group, resource, namespace)))
}

fn of(verb: &'static str, group: &'static str, resource: &'static str, namespace: Option<&str>) -> Wanted {
    Wanted { verb, group, resource, namespace: namespace.map(str::to_owned) }
}
