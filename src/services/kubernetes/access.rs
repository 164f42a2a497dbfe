//! What we may do: asked of the API server, one access review for each wish.

use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::Api;
use kube::api::PostParams;

use super::Cluster;
use crate::services::Result;

/// Something we want to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// `create`, `patch`, `get`, `watch`, `delete`.
    pub verb: &'static str,
    /// The API group, empty for the core.
    pub group: &'static str,
    /// The resource in the plural, `deployments`.
    pub resource: &'static str,
    /// The namespace; all of them, or none, if `None`.
    pub namespace: Option<String>,
}

/// The server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What was asked.
    pub wanted: Wanted,
    /// Whether we may.
    pub allowed: bool,
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dot = if self.group.is_empty() { "" } else { "." };
        write!(f, "{} {}{dot}{}", self.verb, self.resource, self.group)?;
        self.namespace.as_ref().map_or(Ok(()), |namespace| write!(f, " in {namespace}"))
    }
}

impl Cluster {
    /// Asks for every wish whether it would be allowed.
    pub async fn may(&self, wishes: Vec<Wanted>) -> Result<Vec<Answer>> {
        let api: Api<SelfSubjectAccessReview> = Api::all(self.client.clone());
        let ask = |wanted: Wanted| {
            let api = api.clone();
            async move {
                let review = SelfSubjectAccessReview {
                    spec: SelfSubjectAccessReviewSpec {
                        resource_attributes: Some(ResourceAttributes {
                            verb: Some(wanted.verb.to_owned()),
                            group: Some(wanted.group.to_owned()),
                            resource: Some(wanted.resource.to_owned()),
                            namespace: wanted.namespace.clone(),
                            ..ResourceAttributes::default()
                        }),
                        ..SelfSubjectAccessReviewSpec::default()
                    },
                    ..SelfSubjectAccessReview::default()
                };
                let answer =
                    api.create(&PostParams::default(), &review).await.map_err(self.fault("review our permissions"))?;
                Ok(Answer { wanted, allowed: answer.status.is_some_and(|status| status.allowed) })
            }
        };
        futures_util::stream::iter(wishes).map(ask).buffered(4).try_collect().await
    }
}
