//! Small reads and changes of single objects: addresses, classes, scale.

use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::IngressClass;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::json;

use super::{Cluster, MANAGER};
use crate::services::{Kind, Result};

impl Cluster {
    /// The host name or address that the cloud gave a Service of type LoadBalancer, if it has one yet.
    pub async fn load_balancer(&self, namespace: &str, service: &str) -> Result<Option<String>> {
        let api: Api<Service> = Api::namespaced(self.client.clone(), namespace);
        let found = api.get_opt(service).await.map_err(self.fault(format!("read Service {namespace}/{service}")))?;
        Ok(found.and_then(address))
    }

    /// Every Service of type LoadBalancer that has an address, of a namespace or of all: its name and that address.
    pub async fn load_balancers(&self, namespace: Option<&str>) -> Result<Vec<(String, String)>> {
        let api: Api<Service> = match namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let place = namespace.unwrap_or("every namespace");
        let found =
            api.list(&ListParams::default()).await.map_err(self.fault(format!("list the Services in {place}")))?;
        let named =
            found.items.into_iter().filter_map(|service| Some((service.metadata.name.clone()?, address(service)?)));
        Ok(named.collect())
    }

    /// Waits until a Service of type LoadBalancer has its address. A cloud that gave none in all that time lacks
    /// something that waiting again does not mend: a controller, a quota, a subnet.
    pub async fn wait_load_balancer(&self, namespace: &str, service: &str, within: Duration) -> Result<String> {
        let api: Api<Service> = Api::namespaced(self.client.clone(), namespace);
        let config = watcher::Config::default().timeout(60).fields(&format!("metadata.name={service}"));
        let mut changes = watcher(api, config).default_backoff().applied_objects().boxed();
        let found = async {
            while let Some(change) = changes.next().await {
                if let Some(address) = change.ok().and_then(address) {
                    return Some(address);
                }
            }
            None
        };
        if let Ok(Some(address)) = tokio::time::timeout(within, found).await {
            return Ok(address);
        }
        let warnings = self.warnings(namespace, "Service", service).await.unwrap_or_default();
        let why = format!("the cloud gave none within {} s {}", within.as_secs(), warnings.join("; "));
        Err(self
            .error(format!("get an address for Service {namespace}/{service}"), Kind::Permanent)
            .because(why.trim_end().to_owned())
            .next(format!(
                "`kubectl -n {namespace} describe service {service}`: the cluster's load balancer controller says there what \
                 it lacks; a cluster without one never gives an address (kind, kubeadm: install MetalLB, or the like)"
            )))
    }

    /// The controller of an ingress class, if the class is there.
    pub async fn ingress_class(&self, class: &str) -> Result<Option<String>> {
        let api: Api<IngressClass> = Api::all(self.client.clone());
        let found = api.get_opt(class).await.map_err(self.fault(format!("read IngressClass {class}")))?;
        Ok(found.and_then(|class| class.spec).and_then(|spec| spec.controller))
    }

    /// How many pods a deployment is to have, if it is there.
    pub async fn replicas(&self, namespace: &str, deployment: &str) -> Result<Option<i32>> {
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let found =
            api.get_opt(deployment).await.map_err(self.fault(format!("read Deployment {namespace}/{deployment}")))?;
        Ok(found.map(|deployment| deployment.spec.and_then(|spec| spec.replicas).unwrap_or(1)))
    }

    /// Gives a deployment this many pods.
    pub async fn scale(&self, namespace: &str, deployment: &str, replicas: u32) -> Result<()> {
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let scaled = api.patch_scale(deployment, &params, &Patch::Merge(json!({"spec": {"replicas": replicas}}))).await;
        scaled.map(drop).map_err(self.fault(format!("scale Deployment {namespace}/{deployment} to {replicas}")))
    }
}

fn address(service: Service) -> Option<String> {
    let ingress = service.status?.load_balancer?.ingress?.into_iter().next()?;
    ingress.hostname.or(ingress.ip)
}
