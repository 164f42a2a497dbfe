//! Networks of containers.

use bollard::models::{Ipam, IpamConfig, NetworkConnectRequest, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptions;

use super::{Engine, Labels, by_labels, spec};
use crate::services::{Kind, Result};

impl Engine {
    /// Makes a bridge network unless one of this name is there; `subnet` is (`172.30.77.0/24`, gateway).
    pub async fn ensure_network(&self, name: &str, subnet: Option<(&str, &str)>, labels: &Labels) -> Result<()> {
        if self.network_labels(name).await?.is_some() {
            return Ok(());
        }
        let ipam = subnet.map(|(subnet, gateway)| Ipam {
            config: Some(vec![IpamConfig {
                subnet: Some(subnet.to_owned()),
                gateway: Some(gateway.to_owned()),
                ..IpamConfig::default()
            }]),
            ..Ipam::default()
        });
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            labels: Some(labels.clone().into_iter().collect()),
            ipam,
            ..NetworkCreateRequest::default()
        };
        self.docker.create_network(request).await.map(drop).map_err(self.fault(format!("make the network {name}")))
    }

    /// Labels of a network, if it is there.
    pub async fn network_labels(&self, name: &str) -> Result<Option<Labels>> {
        match self.docker.inspect_network(name, None).await {
            Ok(found) => Ok(Some(found.labels.unwrap_or_default().into_iter().collect())),
            Err(why) => {
                let error = self.fault(format!("inspect the network {name}"))(why);
                if error.kind == Kind::NotFound { Ok(None) } else { Err(error) }
            }
        }
    }

    /// Names of the networks with these labels.
    pub async fn networks_labelled(&self, labels: &[(&str, &str)]) -> Result<Vec<String>> {
        let options = ListNetworksOptions { filters: Some(by_labels(labels)) };
        let found = self.docker.list_networks(Some(options)).await.map_err(self.fault("list networks"))?;
        Ok(found.into_iter().filter_map(|network| network.name).collect())
    }

    /// Joins a container to a further network.
    pub async fn connect_network(&self, network: &str, container: &str, address: Option<&str>) -> Result<()> {
        let request = NetworkConnectRequest {
            container: container.to_owned(),
            endpoint_config: Some(spec::endpoint(address, &[])),
        };
        self.docker
            .connect_network(network, request)
            .await
            .map_err(self.fault(format!("join {container} to {network}")))
    }

    /// Removes a network; not there is done already (`false`).
    pub async fn remove_network(&self, name: &str) -> Result<bool> {
        self.gone_is_done(self.docker.remove_network(name).await, format!("remove the network {name}"))
    }
}
