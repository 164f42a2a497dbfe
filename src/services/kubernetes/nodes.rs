//! The nodes: ready or not, and for which architecture an image has to be built.

use k8s_openapi::api::core::v1::Node as ApiNode;
use kube::Api;
use kube::api::ListParams;

use super::Cluster;
use crate::services::Result;

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Whether it says that it is ready.
    pub ready: bool,
    /// Why not, in its own words.
    pub reason: String,
    /// `amd64`, `arm64`.
    pub architecture: String,
    /// The kubelet's version.
    pub version: String,
}

impl Cluster {
    /// All nodes, by name.
    pub async fn nodes(&self) -> Result<Vec<Node>> {
        let api: Api<ApiNode> = Api::all(self.client.clone());
        let found = api.list(&ListParams::default()).await.map_err(self.fault("list the nodes"))?;
        let mut nodes: Vec<Node> = found.items.into_iter().map(node).collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(nodes)
    }
}

fn node(node: ApiNode) -> Node {
    let status = node.status.unwrap_or_default();
    let ready = status.conditions.unwrap_or_default().into_iter().find(|condition| condition.type_ == "Ready");
    let info = status.node_info.unwrap_or_default();
    Node {
        name: node.metadata.name.unwrap_or_default(),
        ready: ready.as_ref().is_some_and(|condition| condition.status == "True"),
        reason: ready.and_then(|condition| condition.message).unwrap_or_else(|| "it has not reported yet".to_owned()),
        architecture: info.architecture,
        version: info.kubelet_version,
    }
}
