//! `ingress.install`: F5's NGINX ingress controller, or the one that is there already.
//!
//! The certificate's Secret comes first: the controller does not start without it. Where the ingress class
//! belongs to somebody else, nothing is installed, and the step looks whether that controller will do.

mod back;
mod handshake;

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{Action, Checking, Outputs, Reading, Result, Working, cluster, objects};
use crate::domain::preview::Verb;
use crate::domain::runbook::ActionSpec;
use crate::domain::runbook::inputs::Ingress;
use crate::domain::{Check, Failure, Preview};
use crate::services::docker::split_reference;
use crate::services::kubernetes::{Cluster, MANAGED_BY, MANAGER, Manifest, Name, Placeholders};
use crate::services::registry::Registry;

/// Everything of the controller is called so.
const NAME: &str = "nginx-ingress";
/// The value by which an ingress class names F5's controller.
pub(super) const CONTROLLER: &str = "nginx.org/ingress-controller";
/// The label by which an image that stands for the original says so.
const KIND: &str = "dev.cutover.ingress-controller";
/// How long pods may take to be there and ready.
const ROLLOUT: Duration = Duration::from_mins(5);
/// How long a cloud may take to give an address.
const ADDRESS: Duration = Duration::from_mins(10);

const FOUNDATION: &str = include_str!("../../../assets/ingress/foundation.yaml");
const PULL_SECRET: &str = include_str!("../../../assets/ingress/pull-secret.yaml");
const PODS: &str = include_str!("../../../assets/ingress/controller.yaml");

/// Who looks after the ingress class.
enum Class {
    /// Nobody yet, or this run.
    Ours,
    /// A controller that others installed.
    Theirs(String),
}

impl Ingress {
    async fn class_is(&self, cluster: &Cluster) -> Result<Class> {
        let Some(class) = cluster.get(&self.class_name()).await? else { return Ok(Class::Ours) };
        if class["metadata"]["labels"][MANAGED_BY] == MANAGER {
            return Ok(Class::Ours);
        }
        Ok(Class::Theirs(class["spec"]["controller"].as_str().unwrap_or_default().to_owned()))
    }

    /// The ingress class, by its name.
    pub(super) fn class_name(&self) -> Name {
        Name::of("networking.k8s.io/v1", "IngressClass", None, &self.class)
    }

    /// The names of all that the step makes.
    pub(super) fn taken(&self) -> Result<Vec<Name>> {
        let mut names = Vec::new();
        for text in [FOUNDATION, PULL_SECRET, PODS] {
            names.extend(objects::names("the controller", text, &self.names())?);
        }
        Ok(names)
    }

    fn names(&self) -> Placeholders {
        Placeholders::from([
            ("name".to_owned(), json!(NAME)),
            ("namespace".to_owned(), json!(self.namespace)),
            ("cluster_name".to_owned(), json!(format!("{NAME}-{}", self.class))),
            ("class".to_owned(), json!(self.class)),
            ("certificate_secret".to_owned(), json!(format!("{NAME}-certificate"))),
            ("pull_secret".to_owned(), json!(format!("{NAME}-registry"))),
        ])
    }

    async fn manifests(&self, cx: &Reading) -> Result<Vec<Manifest>> {
        let certificate = cx.secret(&self.certificate).await?;
        let key = cx.secret(&self.key).await?;
        let docker_config = if self.wants_our_registry(cx)? { objects::docker_config(cx).await? } else { None };
        let annotations = (!self.service_annotations.is_empty()).then(|| json!(self.service_annotations));
        let mut placeholders = self.names();
        let pull_secret = docker_config.as_ref().map(|_| json!([{"name": placeholders["pull_secret"]}]));
        placeholders.extend([
            ("controller".to_owned(), json!(CONTROLLER)),
            ("image".to_owned(), json!(self.image)),
            ("replicas".to_owned(), json!(self.replicas)),
            ("certificate".to_owned(), objects::encoded(&with_line_end(certificate.expose_secret()))),
            ("key".to_owned(), objects::encoded(&with_line_end(key.expose_secret()))),
            ("pull_secrets".to_owned(), pull_secret.unwrap_or(Value::Null)),
            ("service_annotations".to_owned(), annotations.unwrap_or(Value::Null)),
        ]);
        let mut manifests = objects::parse("the controller's foundation", FOUNDATION, &placeholders)?;
        if let Some(docker_config) = docker_config {
            placeholders.insert("docker_config".to_owned(), docker_config);
            manifests.extend(objects::parse("the controller's registry secret", PULL_SECRET, &placeholders)?);
        }
        manifests.extend(objects::parse("the controller", PODS, &placeholders)?);
        Ok(manifests)
    }

    /// Whether the controller's image comes from the runbook's registry, and so needs its credentials.
    fn wants_our_registry(&self, cx: &Reading) -> Result<bool> {
        let registry = cx.registry()?;
        let host = registry.pull.as_ref().unwrap_or(&registry.push);
        Ok(self.image.split('/').next() == Some(host))
    }

    /// Which controller ran: its image, and what the image says of itself where it is no original.
    async fn ran(&self, cx: &Reading) -> Result<String> {
        if !self.wants_our_registry(cx)? {
            return Ok(self.image.clone());
        }
        let registry = Registry::new(&cx.registry()?.push, super::push::credentials(cx).await?)?;
        let name = self.image.split_once('/').map_or("", |(_, name)| name);
        let (repository, reference) = split_reference(name);
        let Some(manifest) = registry.manifest(repository, reference).await? else { return Ok(self.image.clone()) };
        let config = registry.image_config(repository, &manifest).await?;
        Ok(match config["config"]["Labels"][KIND].as_str() {
            Some(kind) => format!("{} ({kind})", self.image),
            None => self.image.clone(),
        })
    }

    /// The load balancer's address, of our Service or of theirs.
    async fn address(&self, cluster: &Cluster) -> Result<Option<String>> {
        if let Some(address) = cluster.load_balancer(&self.namespace, NAME).await? {
            return Ok(Some(address));
        }
        Ok(cluster.load_balancers(Some(&self.namespace)).await?.into_iter().next().map(|(_, address)| address))
    }
}

/// Where the pods are that answer at the load balancer, and by which labels: ours, or those of a controller that
/// was adopted; nothing where there is none.
pub(super) async fn pods_of(cx: &Reading, cluster: &Cluster) -> Result<Option<(String, String)>> {
    let Some(inputs) = cx.plan().runbook.steps.iter().find_map(|step| match &step.action {
        ActionSpec::Ingress(inputs) => Some(inputs),
        _ => None,
    }) else {
        return Ok(None);
    };
    let service = |name: &str| Name::core("Service", Some(&inputs.namespace), name);
    let mut found = cluster.get(&service(NAME)).await?;
    if found.is_none()
        && let Some((name, _)) = cluster.load_balancers(Some(&inputs.namespace)).await?.into_iter().next()
    {
        found = cluster.get(&service(&name)).await?;
    }
    let labels = found.as_ref().and_then(|service| service["spec"]["selector"].as_object());
    let selector = |labels: &serde_json::Map<String, Value>| {
        labels.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect::<Vec<_>>()
    };
    Ok(labels.map(|labels| (inputs.namespace.clone(), selector(labels).join(","))))
}

/// PEM ends with a line break; a fetched secret has lost it.
fn with_line_end(pem: &str) -> String {
    format!("{}\n", pem.trim_end())
}

impl Action for Ingress {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        let cluster = cluster::recognised(cx).await?;
        let mut preview = Preview::undone_by(format!(
            "removes what it made in the namespace {} and the class {}",
            self.namespace, self.class
        ));
        preview.identity("Kubernetes", cluster.identity().await?);
        preview.setting("class", &self.class).setting("image", &self.image);
        match self.class_is(&cluster).await? {
            Class::Ours => objects::preview(&cluster, &self.manifests(cx).await?, cx, &mut preview).await?,
            Class::Theirs(controller) if controller == CONTROLLER => {
                preview.change(
                    Verb::Keep,
                    format!("ingress class {} of others", self.class),
                    vec![format!("controller {controller}")],
                );
                preview.warnings.push(
                    "somebody else's controller is adopted: its certificate and its settings stay as they are"
                        .to_owned(),
                );
            }
            Class::Theirs(controller) => {
                return Err(Failure::refused(format!(
                    "the ingress class {} belongs to another controller",
                    self.class
                ))
                .because(format!("it is {controller}, and the step needs {CONTROLLER}"))
                .next("give the step another `class`"));
            }
        }
        Ok(preview)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        let cluster = cluster::connect(cx).await?;
        cx.pin("Kubernetes", &cluster.identity().await?)?;
        let controller = match self.class_is(&cluster).await? {
            Class::Ours => {
                objects::apply(&cluster, &self.manifests(cx).await?, cx).await?;
                objects::renewed(&cluster, cx, &self.namespace, &format!("app={NAME}")).await?;
                let rollout = cluster
                    .wait_rolled_out(&self.namespace, NAME, ROLLOUT, |how_far| cx.progress(how_far, 0, None, ""));
                objects::stoppable(cx, rollout).await?;
                let address = cluster.wait_load_balancer(&self.namespace, NAME, ADDRESS);
                objects::stoppable(cx, address).await?;
                self.ran(cx).await?
            }
            Class::Theirs(controller) => format!("adopted: {controller}"),
        };
        let address = self.address(&cluster).await?.ok_or_else(|| {
            Failure::permanent(format!("no Service of type LoadBalancer in {} has an address", self.namespace))
                .next("give the step the `namespace` of the controller that is there")
        })?;
        Ok(BTreeMap::from([("address".to_owned(), json!(address)), ("controller".to_owned(), json!(controller))]))
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        let cluster = cluster::recognised(cx).await?;
        let class = cluster.ingress_class(&self.class).await?;
        let mut checks = vec![Check::of(
            class.as_deref() == Some(CONTROLLER),
            format!("the ingress class {} is {CONTROLLER}'s", self.class),
            class.unwrap_or_else(|| "there is no such class".to_owned()),
        )];
        if matches!(self.class_is(&cluster).await?, Class::Ours) {
            let pods = cluster.pods(&self.namespace, &format!("app={NAME}")).await?;
            let ready = pods.iter().filter(|pod| pod.ready && !pod.leaving).count();
            let shown: Vec<String> = pods.iter().map(|pod| format!("{} on {}", pod.name, pod.node)).collect();
            checks.push(Check::of(
                ready >= self.replicas,
                format!("{} controller pods are ready", self.replicas),
                shown.join(", "),
            ));
        }
        let address = self.address(&cluster).await?;
        checks.push(Check::of(
            address.is_some(),
            "the load balancer has an address",
            address.clone().unwrap_or_else(|| "none".to_owned()),
        ));
        if let Some(address) = address {
            checks.push(handshake::look(cx, &address).await?);
        }
        Ok(checks)
    }
    async fn way_back(&self, cx: &Reading) -> Result<Preview> {
        back::way_back(self, cx).await
    }

    async fn rollback(&self, cx: &Working) -> Result<Vec<Check>> {
        back::rollback(self, cx).await
    }
}
