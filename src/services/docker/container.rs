//! Containers: made, looked at, waited for, stopped, removed.

use std::time::{Duration, Instant};

use bollard::container::LogOutput;
use bollard::models::{ContainerStateStatusEnum, HealthStatusEnum};
use bollard::query_parameters::{
    CreateContainerOptions, ListContainersOptions, LogsOptions, RemoveContainerOptions, StopContainerOptions,
    WaitContainerOptions,
};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::{ContainerSpec, Engine, Labels, Output, by_labels};
use crate::services::{Error, Kind, Result};

/// How often a state that the engine does not announce is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// What the engine knows of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerInfo {
    /// Its id.
    pub id: String,
    /// Its name, without the slash.
    pub name: String,
    /// Id of its image (`sha256:...`).
    pub image_id: String,
    /// Labels.
    pub labels: Labels,
    /// Whether it runs.
    pub running: bool,
    /// How its last process ended, if it ended.
    pub exit_code: Option<i64>,
    /// What its health check says.
    pub health: Health,
    /// Addresses by network.
    pub addresses: Labels,
    /// Published ports as (`8080/tcp`, port on the host).
    pub ports: Vec<(String, u16)>,
}

/// What a container's health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// The image has no check.
    None,
    /// Not known yet.
    Starting,
    /// Passing.
    Healthy,
    /// Failing.
    Unhealthy,
}

impl Engine {
    /// Makes a container and does not start it; its id.
    pub async fn create(&self, spec: &ContainerSpec) -> Result<String> {
        let options = CreateContainerOptions { name: Some(spec.name.clone()), ..CreateContainerOptions::default() };
        let made = self.docker.create_container(Some(options), spec.body()).await;
        Ok(made.map_err(self.fault(format!("make the container {}", spec.name)))?.id)
    }

    /// Starts a container; running already is done already.
    pub async fn start(&self, container: &str) -> Result<()> {
        self.docker
            .start_container(container, None)
            .await
            .map_err(self.fault(format!("start the container {container}")))
    }

    /// Makes and starts a container; its id.
    pub async fn run(&self, spec: &ContainerSpec) -> Result<String> {
        let id = self.create(spec).await?;
        self.start(&id).await?;
        Ok(id)
    }

    /// Runs a container to its end, and returns what it printed; the container is removed.
    pub async fn run_to_end(&self, spec: &ContainerSpec) -> Result<Output> {
        let id = self.run(spec).await?;
        let ended = self.ended(&id).await;
        let output = self.logs(&id, None).await;
        self.remove_container(&id).await?;
        let (stdout, stderr) = output?;
        Ok(Output { exit_code: ended?, stdout, stderr })
    }

    /// Waits until a container has ended; its exit code.
    pub async fn ended(&self, container: &str) -> Result<i64> {
        let mut stream = self.docker.wait_container(container, None::<WaitContainerOptions>);
        match stream.next().await {
            Some(Ok(ended)) => Ok(ended.status_code),
            // bollard makes an error of every exit code but 0.
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(why)) => Err(self.fault(format!("wait for the container {container}"))(why)),
            None => Err(Error::new(
                "Docker engine",
                self.address(),
                format!("wait for the container {container}"),
                Kind::Unknown,
            )
            .because("the engine's answer was empty")),
        }
    }

    /// The container of this name or id, if there is one.
    pub async fn container(&self, container: &str) -> Result<Option<ContainerInfo>> {
        let found = match self.docker.inspect_container(container, None).await {
            Ok(found) => found,
            Err(why) => {
                let error = self.fault(format!("inspect the container {container}"))(why);
                return if error.kind == Kind::NotFound { Ok(None) } else { Err(error) };
            }
        };
        let state = found.state.unwrap_or_default();
        let settings = found.network_settings.unwrap_or_default();
        let health = match state.health.and_then(|health| health.status) {
            Some(HealthStatusEnum::HEALTHY) => Health::Healthy,
            Some(HealthStatusEnum::UNHEALTHY) => Health::Unhealthy,
            Some(HealthStatusEnum::STARTING) => Health::Starting,
            _ => Health::None,
        };
        let addresses = settings.networks.unwrap_or_default().into_iter();
        let ports = settings.ports.unwrap_or_default().into_iter().flat_map(|(inside, bindings)| {
            bindings
                .unwrap_or_default()
                .into_iter()
                .filter_map(move |binding| Some((inside.clone(), binding.host_port?.parse().ok()?)))
        });
        Ok(Some(ContainerInfo {
            id: found.id.unwrap_or_default(),
            name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            image_id: found.image.unwrap_or_default(),
            labels: found.config.and_then(|config| config.labels).unwrap_or_default().into_iter().collect(),
            running: state.running.unwrap_or_default(),
            exit_code: matches!(state.status, Some(ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD))
                .then(|| state.exit_code.unwrap_or_default()),
            health,
            addresses: addresses.filter_map(|(network, at)| Some((network, at.ip_address?))).collect(),
            ports: ports.collect(),
        }))
    }

    /// Names of all containers with these labels (an empty value: any value), running or not.
    pub async fn containers_labelled(&self, labels: &[(&str, &str)]) -> Result<Vec<String>> {
        let options =
            ListContainersOptions { all: true, filters: Some(by_labels(labels)), ..ListContainersOptions::default() };
        let found = self.docker.list_containers(Some(options)).await.map_err(self.fault("list containers"))?;
        let name = |names: Vec<String>| names.first().map(|name| name.trim_start_matches('/').to_owned());
        Ok(found.into_iter().filter_map(|container| name(container.names?)).collect())
    }

    /// Waits until the container's own check passes, or, where it has none, until it runs. An end of the
    /// container or a failing check is an error at once, with its last lines.
    pub async fn wait_healthy(&self, container: &str, within: Duration) -> Result<()> {
        let doing = format!("wait for the container {container} to be healthy");
        let deadline = Instant::now() + within;
        loop {
            let Some(now) = self.container(container).await? else {
                return Err(Error::new("Docker engine", self.address(), doing, Kind::NotFound));
            };
            let why = match (now.running, now.exit_code, now.health) {
                (true, _, Health::Healthy | Health::None) => return Ok(()),
                (_, Some(code), _) => format!("it ended with exit code {code}"),
                (_, _, Health::Unhealthy) => "its health check fails".to_owned(),
                _ if Instant::now() > deadline => format!("it was not healthy within {} s", within.as_secs()),
                _ => {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
            };
            let (stdout, stderr) = self.logs(container, Some(20)).await.unwrap_or_default();
            return Err(Error::new("Docker engine", self.address(), doing, Kind::Permanent)
                .because(format!("{why}; its last lines:\n{stdout}{stderr}")));
        }
    }

    /// What the container printed so far (the last `tail` lines), as (stdout, stderr).
    pub async fn logs(&self, container: &str, tail: Option<u32>) -> Result<(String, String)> {
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            tail: tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()),
            ..LogsOptions::default()
        };
        let mut stream = self.docker.logs(container, Some(options));
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(piece) = stream.try_next().await.map_err(self.fault(format!("read the log of {container}")))? {
            match piece {
                LogOutput::StdErr { message } => stderr.extend_from_slice(&message),
                other => stdout.extend_from_slice(&other.into_bytes()),
            }
        }
        Ok((String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned()))
    }

    /// Asks a container to end and kills it after `grace`; not there is done already (`false`).
    pub async fn stop(&self, container: &str, grace: Duration) -> Result<bool> {
        let options = StopContainerOptions { signal: None, t: i32::try_from(grace.as_secs()).ok() };
        self.gone_is_done(
            self.docker.stop_container(container, Some(options)).await,
            format!("stop the container {container}"),
        )
    }

    /// Sends a signal (`KILL`, `HUP`).
    pub async fn signal(&self, container: &str, signal: &str) -> Result<()> {
        let options = bollard::query_parameters::KillContainerOptions { signal: signal.to_owned() };
        self.docker
            .kill_container(container, Some(options))
            .await
            .map_err(self.fault(format!("send {signal} to {container}")))
    }

    /// Removes a container, running or not, with its anonymous volumes; not there is done already (`false`).
    pub async fn remove_container(&self, container: &str) -> Result<bool> {
        let options = RemoveContainerOptions { v: true, force: true, link: false };
        self.gone_is_done(
            self.docker.remove_container(container, Some(options)).await,
            format!("remove the container {container}"),
        )
    }

    pub(super) fn gone_is_done(
        &self,
        result: std::result::Result<(), bollard::errors::Error>,
        doing: String,
    ) -> Result<bool> {
        match result {
            Ok(()) => Ok(true),
            Err(why) => {
                let error = self.fault(doing)(why);
                if error.kind == Kind::NotFound { Ok(false) } else { Err(error) }
            }
        }
    }
}
