//! Every object of a cluster, of every kind that can be listed: for those who compare two moments.

use futures_util::{StreamExt as _, TryStreamExt as _};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::discovery::{Discovery, Scope, verbs};
use serde_json::{Value, json};

use super::Cluster;
use crate::services::Result;

/// Objects of one kind asked for at once.
const PAGE: u32 = 500;
/// Kinds asked for at the same time.
const ABREAST: usize = 8;

/// Where objects are listed.
#[derive(Clone)]
enum Within {
    Everywhere,
    Namespace(String),
    /// What is in no namespace and carries these labels.
    NoNamespace(String),
}

impl Within {
    /// Whether objects of this scope are found there.
    fn has(&self, scope: &Scope) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Namespace(_) => *scope == Scope::Namespaced,
            Self::NoNamespace(_) => *scope == Scope::Cluster,
        }
    }
}

impl Cluster {
    /// Every object of every kind that discovery names and `wanted` wants, as the API server shows it.
    pub async fn everything(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<Value>> {
        self.list(&[Within::Everywhere], wanted).await
    }

    /// Every object of one namespace, of every kind that `wanted` wants.
    pub async fn everything_in(&self, namespace: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<Value>> {
        self.list(&[Within::Namespace(namespace.to_owned())], wanted).await
    }

    /// Every object of these namespaces, and of what is in no namespace that which carries these labels (a
    /// selector), of every kind that `wanted` wants.
    pub async fn everything_of(
        &self,
        namespaces: &[String],
        labels: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Value>> {
        let mut places: Vec<Within> = namespaces.iter().cloned().map(Within::Namespace).collect();
        places.push(Within::NoNamespace(labels.to_owned()));
        self.list(&places, wanted).await
    }

    async fn list(&self, places: &[Within], wanted: impl Fn(&str) -> bool) -> Result<Vec<Value>> {
        let doing = "find out which kinds of object there are";
        let known = Discovery::new(self.client.clone()).run().await.map_err(self.fault(doing))?;
        let wanted: Vec<(ApiResource, Within)> = known
            .groups()
            .flat_map(kube::discovery::ApiGroup::recommended_resources)
            .filter(|(resource, abilities)| abilities.supports_operation(verbs::LIST) && wanted(&resource.kind))
            .flat_map(|(resource, abilities)| {
                let here = places.iter().filter(move |place| place.has(&abilities.scope));
                here.map(move |place| (resource.clone(), place.clone()))
            })
            .collect();
        let listed =
            futures_util::stream::iter(wanted).map(|(kind, place)| self.every(kind, place)).buffer_unordered(ABREAST);
        Ok(listed.try_collect::<Vec<_>>().await?.into_iter().flatten().collect())
    }

    async fn every(&self, kind: ApiResource, place: Within) -> Result<Vec<Value>> {
        let api: Api<DynamicObject> = match &place {
            Within::Namespace(namespace) => Api::namespaced_with(self.client.clone(), namespace, &kind),
            Within::Everywhere | Within::NoNamespace(_) => Api::all_with(self.client.clone(), &kind),
        };
        let mut params = ListParams::default().limit(PAGE);
        if let Within::NoNamespace(labels) = place {
            params = params.labels(&labels);
        }
        let mut found = Vec::new();
        loop {
            let page = api.list(&params).await.map_err(self.fault(format!("list every {}", kind.kind)))?;
            for object in page.items {
                let mut object = serde_json::to_value(object).unwrap_or_default();
                // A list names its objects' kind once, not with each.
                object["apiVersion"] = json!(kind.api_version);
                object["kind"] = json!(kind.kind);
                found.push(object);
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(found),
            }
        }
    }
}
