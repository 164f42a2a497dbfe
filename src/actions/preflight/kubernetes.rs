//! The cluster: reached, as whom, its release and nodes, our rights there, and whose the names are that the
//! steps will take.

use super::book::{Book, ahead};
use crate::actions::access::wishes;
use crate::actions::cluster::{connect, explained, lacking};
use crate::actions::deploy::Workload;
use crate::actions::{Reading, Result, ingress};
use crate::domain::StepId;
use crate::domain::finding::{Finding, Topic};
use crate::domain::runbook::{ActionSpec, inputs};
use crate::services::kubernetes::{Cluster, MANAGED_BY, MANAGER, Name, RUN};
use crate::services::mysql::Version;

/// Autoscaling by `autoscaling/v2`, and `SelfSubjectReview`; what the ingress controller asks for is older.
const OLDEST: (u32, u32) = (1, 28);

pub(super) async fn ask(cx: &Reading) -> Vec<Finding> {
    let mut book = Book::of("Kubernetes");
    let Some(wanted) = &cx.connections().kubernetes else { return book.close() };
    let step = cx.plan().runbook.steps.iter().find_map(|step| match &step.action {
        ActionSpec::Cluster(adopt) => Some(adopt.clone()),
        _ => None,
    });
    let nodes = step.map_or(2, |adopt| adopt.nodes);
    let login = format!("the cluster of context `{}` lets us in", wanted.context);
    let cluster = match connect(cx).await {
        Ok(cluster) => cluster,
        Err(failure) => {
            // A cluster that is made on Wednesday is not missed on Monday.
            let seen = failure.in_full();
            book.fact(Topic::Access, login)
                .seen(seen)
                .fix(failure.next.unwrap_or_default())
                .made_by(false, ahead(cx, |action| matches!(action, ActionSpec::Cluster(_))));
            return book.close();
        }
    };
    let version = match cluster.version().await {
        Ok(version) => version,
        Err(error) => {
            book.fault(Topic::Access, login, explained(error, &wanted.context, nodes));
            return book.close();
        }
    };
    let whom = cluster.whoami().await;
    match &whom {
        Ok(user) => book.fact(Topic::Access, login).seen(format!("as `{user}` at {}", cluster.address())).holds(true),
        Err(_) => book
            .fact(Topic::Access, login)
            .seen(format!("at {}; it does not say as whom", cluster.address()))
            .holds(true),
    }
    let release = Version::of(version.trim_start_matches('v'));
    book.fact(Topic::Version, "its release has what the objects need")
        .seen(&version)
        .limit(format!("v{}.{} or newer", OLDEST.0, OLDEST.1))
        .fix("upgrade the cluster, or name another `context` under [kubernetes]")
        .holds(release.at_least(OLDEST.0, OLDEST.1, 0));
    match cluster.drift().await {
        Ok(drift) => book.clock(drift),
        Err(error) => book.fault(Topic::Clock, "it says what time it is", error),
    }
    ready(cx, &mut book, &cluster, nodes).await;
    rights(cx, &mut book, &cluster, &whom.unwrap_or_else(|_| "USER".to_owned())).await;
    names(cx, &mut book, &cluster).await;
    book.close()
}

async fn ready(cx: &Reading, book: &mut Book, cluster: &Cluster, wanted: usize) {
    let fact = format!("{wanted} nodes are Ready");
    let nodes = match cluster.nodes().await {
        Ok(nodes) => nodes,
        Err(error) => return book.fault(Topic::Access, fact, error),
    };
    let seen: Vec<String> =
        nodes.iter().map(|node| format!("{} {} {}", node.name, node.version, node.architecture)).collect();
    let why = lacking(&nodes, wanted);
    book.fact(Topic::Version, fact)
        .seen(why.clone().unwrap_or_else(|| seen.join(", ")))
        .fix("wait for the nodes, or ask for fewer (`nodes` of the step that adopts the cluster)")
        .made_by(why.is_none(), ahead(cx, |action| matches!(action, ActionSpec::Cluster(_))));
    let build = cx.plan().runbook.steps.iter().find_map(|step| match &step.action {
        ActionSpec::Containerise(build) => Some(build.platform.clone()),
        _ => None,
    });
    let Some(platform) = build else { return };
    let others: Vec<String> = nodes
        .iter()
        .filter(|node| Some(node.architecture.as_str()) != platform.split('/').nth(1))
        .map(|node| format!("{} is {}", node.name, node.architecture))
        .collect();
    book.fact(Topic::Version, "the nodes run what the image is built for")
        .seen(if others.is_empty() { "all of them".to_owned() } else { others.join(", ") })
        .limit(platform)
        .fix("set `platform` of the step that builds the image, or make the nodes of that kind")
        .holds(others.is_empty());
}

async fn rights(cx: &Reading, book: &mut Book, cluster: &Cluster, user: &str) {
    let fact = "we may do what the later steps do";
    let Ok(wishes) = wishes(cx) else { return };
    match cluster.may(wishes).await {
        Ok(answers) => {
            let asked = answers.len();
            let denied: Vec<String> =
                answers.into_iter().filter(|answer| !answer.allowed).map(|answer| answer.wanted.to_string()).collect();
            book.fact(Topic::Privileges, fact)
                .seen(if denied.is_empty() {
                    format!("{asked} of {asked} allowed")
                } else {
                    format!("denied: {}", denied.join(", "))
                })
                .limit("by access review")
                .fix(format!("kubectl create clusterrolebinding cutover --clusterrole=cluster-admin --user='{user}'"))
                .holds(denied.is_empty());
        }
        Err(error) => book.fault(Topic::Privileges, fact, error),
    }
}

/// Every name that `deploy` and `ingress` will take: free, or this run's.
async fn names(cx: &Reading, book: &mut Book, cluster: &Cluster) {
    for step in &cx.plan().runbook.steps {
        let names = match &step.action {
            ActionSpec::Deploy(deploy) => {
                Workload::of(cx).and_then(|workload| workload.taken(!deploy.jobs_env.is_empty()))
            }
            ActionSpec::Ingress(ingress) => ingress_names(book, cluster, &step.id, ingress).await,
            _ => continue,
        };
        match names {
            Ok(names) if names.is_empty() => {}
            Ok(names) => free_or_ours(cx, book, cluster, &step.id, &names).await,
            Err(failure) => book.fault(Topic::Owner, format!("the names that `{}` takes are known", step.id), failure),
        }
    }
}

async fn free_or_ours(cx: &Reading, book: &mut Book, cluster: &Cluster, step: &StepId, names: &[Name]) {
    let fact = format!("the names that `{step}` takes are free, or this run's");
    let run = cx.state().run.map(|run| run.to_string());
    let (mut foreign, mut there) = (Vec::new(), 0);
    for name in names {
        let object = match cluster.get(name).await {
            Ok(None) => continue,
            Ok(Some(object)) => object,
            Err(error) => return book.fault(Topic::Owner, fact, error),
        };
        let labels = &object["metadata"]["labels"];
        let made_by = labels[RUN].as_str();
        if labels[MANAGED_BY] == MANAGER && run.is_some() && made_by == run.as_deref() {
            there += 1;
        } else if labels[MANAGED_BY] == MANAGER {
            foreign.push(format!("{name} of the run `{}`", made_by.unwrap_or("unnamed")));
        } else {
            foreign.push(format!("{name} of somebody else"));
        }
    }
    let delete = names.iter().find(|name| foreign.iter().any(|said| said.starts_with(&name.to_string())));
    let fix = delete.map_or_else(String::new, |name| {
        let place = name.namespace.as_ref().map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
        format!(
            "see whose it is: `kubectl get {} {}{place} -o yaml`; if it is a leftover, `kubectl delete {0} {1}{place}`; else \
             give the runbook another namespace or service name",
            name.kind.to_lowercase(),
            name.name
        )
    });
    let free = names.len() - there - foreign.len();
    book.fact(Topic::Owner, fact)
        .seen(if foreign.is_empty() { format!("{free} free, {there} this run's") } else { foreign.join("; ") })
        .fix(fix)
        .holds(foreign.is_empty());
}

/// None where somebody's controller is adopted; a class of another controller is red at once.
async fn ingress_names(
    book: &mut Book,
    cluster: &Cluster,
    step: &StepId,
    inputs: &inputs::Ingress,
) -> Result<Vec<Name>> {
    let class = Name::of("networking.k8s.io/v1", "IngressClass", None, &inputs.class);
    let theirs = match cluster.get(&class).await {
        Ok(Some(object)) if object["metadata"]["labels"][MANAGED_BY] != MANAGER => object,
        Ok(_) => return inputs.taken(),
        Err(error) => {
            book.fault(Topic::Owner, format!("{class} can be read"), error);
            return Ok(Vec::new());
        }
    };
    let controller = theirs["spec"]["controller"].as_str().unwrap_or_default().to_owned();
    let fact = book.fact(Topic::Owner, format!("{class} is free, or of a controller that `{step}` can adopt"));
    let fits = controller == ingress::CONTROLLER;
    fact.seen(format!("somebody else's, of {controller}"))
        .limit(ingress::CONTROLLER)
        .fix(format!("give step `{step}` another `class`"))
        .holds(fits);
    Ok(Vec::new())
}
