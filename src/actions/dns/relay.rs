//! The ingress as a relay to the old address, for clients that know the new answer only.
//!
//! After the switch was taken back they still come to the ingress for a whole TTL and more. Its Ingress then
//! points at a Service without a selector, whose one endpoint is the old address. The next switch turns it
//! round to the pods first.

use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::actions::{Effect, Reading, Result, Working, again, cluster, objects};
use crate::domain::Failure;
use crate::domain::resource::Resource;
use crate::services::kubernetes::{Cluster, Manifest, Name, Owner, Placeholders, Stands};

const TICK: Duration = Duration::from_millis(500);
const RELAY: &str = include_str!("../../../assets/deploy/relay.yaml");

/// The service's Ingress, and the Services that it may point at.
pub(in crate::actions) struct Relay {
    cluster: Cluster,
    owner: Owner,
    namespace: String,
    service: String,
    /// The Service that leads to the old address.
    source: String,
}

impl Relay {
    /// Connects to the cluster; nothing where the runbook has none.
    pub(in crate::actions) async fn open(cx: &Reading) -> Result<Option<Self>> {
        if cx.connections().kubernetes.is_none() {
            return Ok(None);
        }
        let service = cx.connections().service.name.clone();
        Ok(Some(Self {
            cluster: cluster::recognised(cx).await?,
            owner: objects::owner(cx),
            namespace: cx.kubernetes()?.namespace.clone(),
            source: format!("{service}-source"),
            service,
        }))
    }

    /// Makes the Service and its endpoint; nothing points at them yet.
    pub(super) async fn make(&self, cx: &Working, address: IpAddr) -> Result<()> {
        let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
        let placeholders = Placeholders::from([
            ("relay".to_owned(), json!(self.source)),
            ("namespace".to_owned(), json!(self.namespace)),
            ("family".to_owned(), json!(family)),
            ("address".to_owned(), json!(address)),
        ]);
        let manifests = objects::parse("the relay to the source", RELAY, &placeholders)?;
        let mut effect = Effect::new("back-relay", format!("make Service {} to {address}", self.source));
        for name in self.names() {
            effect = effect.touches(Resource::object(&name.api_version, &name.kind, Some(&self.namespace), &name.name));
        }
        let act = async {
            for manifest in &manifests {
                self.cluster.apply(manifest, &self.owner).await?;
            }
            Ok(())
        };
        cx.effect(effect, again(), act).await
    }

    /// Whether the Ingress points at the old address.
    pub(in crate::actions) async fn is_in_force(&self) -> Result<bool> {
        let Some(ingress) = self.cluster.get(&self.ingress()).await? else { return Ok(false) };
        Ok(backends(&ingress).any(|name| name == self.source))
    }

    /// What whoever made the Ingress has to do on a way back, where it was not this run: it is theirs to point.
    pub(super) async fn by_hand(&self) -> Result<Option<String>> {
        let name = self.ingress();
        let theirs = self.cluster.stands(&name, &self.owner).await? == Stands::Theirs;
        Ok(theirs
            .then(|| format!("whoever made {name} has to point it at Service {}: it is not this run's", self.source)))
    }

    /// Points the Ingress at the old address, as the effect `key`.
    pub(super) async fn to_source(&self, cx: &Working, key: &str) -> Result<()> {
        self.point(cx, key, &self.service, &self.source).await
    }

    /// Points the Ingress at the pods again, as the effect `key`.
    pub(super) async fn to_pods(&self, cx: &Working, key: &str) -> Result<()> {
        self.point(cx, key, &self.source, &self.service).await
    }

    /// Before a switch: an Ingress that an earlier way back left at the old address is turned to the pods, as
    /// soon as no client holds the new answer any more.
    pub(super) async fn at_pods(&self, cx: &Working) -> Result<()> {
        if !self.is_in_force().await? {
            return Ok(());
        }
        if let Some(returned) = cx.state().returned {
            let over = returned.at.saturating_add(SignedDuration::from_secs(i64::from(returned.ttl_seconds)));
            let over = over.unwrap_or(Timestamp::MAX);
            while Timestamp::now() < over {
                cx.check_cancelled()?;
                let left = over.duration_since(Timestamp::now()).as_secs().unsigned_abs();
                cx.progress("wait until nobody holds the new answer", left, None, "s left");
                sleep(TICK).await;
            }
        }
        self.to_pods(cx, "ingress-to-pods").await
    }

    async fn point(&self, cx: &Working, key: &str, from: &str, to: &str) -> Result<()> {
        let name = self.ingress();
        let effect = Effect::new(key, format!("point {name} at Service {to}")).undo(json!({ "service": from }));
        let effect = effect.touches(Resource::object(&name.api_version, &name.kind, Some(&self.namespace), &name.name));
        let act = async {
            let gone = || Failure::permanent(format!("{name} is gone")).next("`deploy` makes it: run it again");
            let found = self.cluster.get(&name).await?.ok_or_else(gone)?;
            if backends(&found).all(|service| service != from) && backends(&found).any(|service| service == to) {
                return Ok(());
            }
            if self.cluster.stands(&name, &self.owner).await? == Stands::Theirs {
                return Err(Failure::refused(format!("{name} does not point at Service {to}, and is not this run's"))
                    .next(format!("whoever made it points it there, in the place of {from}; then do the same again")));
            }
            self.cluster.apply(&pointed(&found, from, to), &self.owner).await?;
            Ok(())
        };
        cx.effect(effect, again(), act).await
    }

    /// The objects of the relay, for whoever removes the service's.
    pub(in crate::actions) fn names(&self) -> [Name; 2] {
        let namespace = Some(self.namespace.as_str());
        [
            Name::core("Service", namespace, &self.source),
            Name::of("discovery.k8s.io/v1", "EndpointSlice", namespace, &self.source),
        ]
    }

    fn ingress(&self) -> Name {
        Name::of("networking.k8s.io/v1", "Ingress", Some(&self.namespace), &self.service)
    }
}

/// The names of the Services that an Ingress points at.
fn backends(ingress: &Value) -> impl Iterator<Item = &str> {
    let rules = ingress["spec"]["rules"].as_array().into_iter().flatten();
    let paths = rules.flat_map(|rule| rule["http"]["paths"].as_array().into_iter().flatten());
    paths.filter_map(|path| path["backend"]["service"]["name"].as_str())
}

/// The Ingress as it stands, with one Service in the place of another, and nothing that the server adds.
fn pointed(found: &Value, from: &str, to: &str) -> Manifest {
    let mut spec = found["spec"].clone();
    for rule in spec["rules"].as_array_mut().into_iter().flatten() {
        for path in rule["http"]["paths"].as_array_mut().into_iter().flatten() {
            let name = &mut path["backend"]["service"]["name"];
            if name.as_str() == Some(from) {
                *name = json!(to);
            }
        }
    }
    let metadata = &found["metadata"];
    Manifest(json!({
        "apiVersion": found["apiVersion"],
        "kind": found["kind"],
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "annotations": metadata["annotations"],
        },
        "spec": spec,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_service_is_replaced_and_what_the_server_adds_is_left_out() {
        let path = |service: &str| json!({ "path": "/", "backend": { "service": { "name": service } } });
        let found = json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": { "name": "shop", "namespace": "shop", "annotations": { "a": "b" }, "uid": "1" },
            "spec": { "rules": [{ "http": { "paths": [path("shop"), path("static")] } }] },
            "status": { "loadBalancer": {} },
        });
        let Manifest(pointed) = pointed(&found, "shop", "shop-source");
        assert_eq!(backends(&pointed).collect::<Vec<_>>(), ["shop-source", "static"]);
        assert_eq!(pointed["metadata"], json!({ "name": "shop", "namespace": "shop", "annotations": { "a": "b" } }));
        assert!(pointed.get("status").is_none());
    }
}
