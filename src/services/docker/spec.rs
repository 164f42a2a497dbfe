//! What a container is to be, in our words, and the engine's request made of it.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, DeviceMapping, EndpointIpamConfig, EndpointSettings, HostConfig, HostConfigCgroupnsModeEnum,
    NetworkingConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum,
};

use super::Labels;

/// A container to be made. Everything not said is the engine's default.
#[derive(Debug, Clone, Default)]
pub struct ContainerSpec {
    /// Its name.
    pub name: String,
    /// Name or id of its image.
    pub image: String,
    /// Host name inside it.
    pub hostname: Option<String>,
    /// Instead of the image's entry point.
    pub entrypoint: Option<Vec<String>>,
    /// Instead of the image's arguments.
    pub command: Option<Vec<String>>,
    /// `KEY=value`, each. Anyone with access to the engine can read them.
    pub env: Vec<String>,
    /// Instead of the image's user.
    pub user: Option<String>,
    /// Labels.
    pub labels: Labels,
    /// The network it joins.
    pub network: Option<String>,
    /// Its fixed address there.
    pub address: Option<String>,
    /// Other names there.
    pub aliases: Vec<String>,
    /// Ports published on the host.
    pub ports: Vec<Port>,
    /// Volumes and directories.
    pub mounts: Vec<Mount>,
    /// Paths in memory, as (path, options).
    pub tmpfs: Vec<(String, String)>,
    /// Capabilities added (`ALL`, `NET_ADMIN`).
    pub cap_add: Vec<String>,
    /// Capabilities dropped.
    pub cap_drop: Vec<String>,
    /// `seccomp=unconfined` and the like. `systempaths=unconfined` is understood here, as in Docker's client.
    pub security_opt: Vec<String>,
    /// Devices of the host, same path inside.
    pub devices: Vec<String>,
    /// `a *:* rwm` and the like.
    pub device_cgroup_rules: Vec<String>,
    /// A cgroup namespace of its own.
    pub private_cgroup: bool,
    /// Name servers.
    pub dns: Vec<String>,
    /// `name:address`, each, for its hosts file.
    pub extra_hosts: Vec<String>,
    /// Started again by the engine whenever it ends.
    pub restart: bool,
    /// A tiny init as process 1.
    pub init: bool,
    /// Most memory, in bytes.
    pub memory: Option<i64>,
    /// Seconds between the stop signal and the kill.
    pub stop_timeout: Option<i64>,
    /// Size of `/dev/shm`, in bytes.
    pub shm_size: Option<i64>,
    /// Kernel settings of its own namespaces.
    pub sysctls: Labels,
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Port inside.
    pub inside: u16,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// Address on the host, `127.0.0.1`.
    pub host: String,
    /// Port on the host; 0 lets the engine choose.
    pub outside: u16,
}

impl Port {
    /// `inside` over TCP, on `outside` of the loopback address.
    pub fn loopback(inside: u16, outside: u16) -> Self {
        Self { inside, protocol: "tcp", host: "127.0.0.1".to_owned(), outside }
    }
}

/// A volume or a directory in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// A named volume.
    Volume {
        /// The volume's name.
        name: String,
        /// Path inside.
        at: String,
    },
    /// A volume without a name, which goes with the container.
    Anonymous {
        /// Path inside.
        at: String,
    },
    /// A path of the engine's host.
    Bind {
        /// Path on the host.
        from: String,
        /// Path inside.
        at: String,
        /// Not writable inside.
        read_only: bool,
    },
}

impl ContainerSpec {
    /// A container of `image`, named `name`.
    pub fn new(name: impl Into<String>, image: impl Into<String>) -> Self {
        Self { name: name.into(), image: image.into(), ..Self::default() }
    }

    pub(super) fn body(&self) -> ContainerCreateBody {
        let anonymous = self.mounts.iter().filter_map(|mount| match mount {
            Mount::Anonymous { at } => Some(at.clone()),
            _ => None,
        });
        ContainerCreateBody {
            hostname: self.hostname.clone(),
            user: self.user.clone(),
            exposed_ports: Some(self.ports.iter().map(|port| format!("{}/{}", port.inside, port.protocol)).collect()),
            env: Some(self.env.clone()),
            cmd: self.command.clone(),
            entrypoint: self.entrypoint.clone(),
            image: Some(self.image.clone()),
            labels: Some(self.labels.clone().into_iter().collect()),
            volumes: Some(anonymous.collect()),
            stop_timeout: self.stop_timeout,
            host_config: Some(self.host_config()),
            networking_config: self.network.as_ref().map(|network| NetworkingConfig {
                endpoints_config: Some(HashMap::from([(
                    network.clone(),
                    endpoint(self.address.as_deref(), &self.aliases),
                )])),
            }),
            ..ContainerCreateBody::default()
        }
    }

    fn host_config(&self) -> HostConfig {
        let binds = self.mounts.iter().filter_map(|mount| match mount {
            Mount::Volume { name, at } => Some(format!("{name}:{at}")),
            Mount::Bind { from, at, read_only } => Some(format!("{from}:{at}{}", if *read_only { ":ro" } else { "" })),
            Mount::Anonymous { .. } => None,
        });
        let open_paths = self.security_opt.iter().any(|option| option == "systempaths=unconfined");
        let port = |port: &Port| {
            let binding = PortBinding { host_ip: Some(port.host.clone()), host_port: Some(port.outside.to_string()) };
            (format!("{}/{}", port.inside, port.protocol), Some(vec![binding]))
        };
        let device = |path: &String| DeviceMapping {
            path_on_host: Some(path.clone()),
            path_in_container: Some(path.clone()),
            cgroup_permissions: Some("rwm".to_owned()),
        };
        HostConfig {
            binds: Some(binds.collect()),
            tmpfs: Some(self.tmpfs.iter().cloned().collect()),
            network_mode: self.network.clone(),
            port_bindings: Some(self.ports.iter().map(port).collect()),
            cap_add: Some(self.cap_add.clone()),
            cap_drop: Some(self.cap_drop.clone()),
            security_opt: Some(self.security_opt.iter().filter(|o| *o != "systempaths=unconfined").cloned().collect()),
            masked_paths: open_paths.then(Vec::new),
            readonly_paths: open_paths.then(Vec::new),
            devices: Some(self.devices.iter().map(device).collect()),
            device_cgroup_rules: Some(self.device_cgroup_rules.clone()),
            cgroupns_mode: self.private_cgroup.then_some(HostConfigCgroupnsModeEnum::PRIVATE),
            dns: Some(self.dns.clone()),
            extra_hosts: Some(self.extra_hosts.clone()),
            restart_policy: self.restart.then_some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
                maximum_retry_count: None,
            }),
            init: self.init.then_some(true),
            memory: self.memory,
            shm_size: self.shm_size,
            sysctls: (!self.sysctls.is_empty()).then(|| self.sysctls.clone().into_iter().collect()),
            ..HostConfig::default()
        }
    }
}

/// A place on a network.
pub(super) fn endpoint(address: Option<&str>, aliases: &[String]) -> EndpointSettings {
    EndpointSettings {
        ipam_config: address.map(|address| EndpointIpamConfig {
            ipv4_address: Some(address.to_owned()),
            ..EndpointIpamConfig::default()
        }),
        aliases: (!aliases.is_empty()).then(|| aliases.to_vec()),
        ..EndpointSettings::default()
    }
}
