//! The service's objects in the cluster.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::actions::{Reading, Result, objects};
use crate::domain::runbook::inputs::Deploy;
use crate::services::kubernetes::{Cluster, Manifest, Name, Placeholders};

const FOUNDATION: &str = include_str!("../../../assets/deploy/foundation.yaml");
const PULL_SECRET: &str = include_str!("../../../assets/deploy/pull-secret.yaml");
const WEB: &str = include_str!("../../../assets/deploy/web.yaml");
const JOBS: &str = include_str!("../../../assets/deploy/jobs.yaml");

/// Where the service's objects are, and what they are called.
pub(in crate::actions) struct Workload {
    pub(in crate::actions) namespace: String,
    pub(in crate::actions) name: String,
}

impl Workload {
    pub(in crate::actions) fn of(cx: &Reading) -> Result<Self> {
        Ok(Self { namespace: cx.kubernetes()?.namespace.clone(), name: cx.connections().service.name.clone() })
    }

    /// The namespace and the Secrets, which everything else reads.
    pub(super) async fn foundation(&self, cx: &Reading, url: &SecretString) -> Result<Vec<Manifest>> {
        let mut placeholders = self.names();
        placeholders.insert("database_url".to_owned(), objects::encoded(url.expose_secret()));
        let mut manifests = objects::parse("the service's foundation", FOUNDATION, &placeholders)?;
        if let Some(docker_config) = objects::docker_config(cx).await? {
            placeholders.insert("docker_config".to_owned(), docker_config);
            manifests.extend(objects::parse("the registry secret", PULL_SECRET, &placeholders)?);
        }
        Ok(manifests)
    }

    /// Everything, in order.
    pub(super) async fn manifests(
        &self,
        inputs: &Deploy,
        cx: &Reading,
        cluster: &Cluster,
        image: &str,
        digest: &str,
        url: &SecretString,
    ) -> Result<Vec<Manifest>> {
        let mut manifests = self.foundation(cx, url).await?;
        let pull_secret = format!("{}-registry", self.name);
        let has_pull_secret = manifests.iter().any(|manifest| manifest.name().name == pull_secret);
        // The autoscaler's figure, and jobs that were started, stay as they are when the step is done again.
        let standing =
            cluster.replicas(&self.namespace, &self.name).await?.and_then(|count| usize::try_from(count).ok());
        let jobs = cluster.replicas(&self.namespace, &format!("{}-jobs", self.name)).await?;
        let mut placeholders = self.names();
        placeholders.extend([
            ("image".to_owned(), json!(image)),
            ("host".to_owned(), json!(cx.connections().service.host)),
            ("class".to_owned(), json!(inputs.class)),
            ("port".to_owned(), json!(inputs.port)),
            ("live".to_owned(), json!(inputs.live)),
            ("ready".to_owned(), json!(inputs.ready)),
            ("cpu".to_owned(), json!(inputs.cpu)),
            ("memory".to_owned(), json!(inputs.memory)),
            (
                "replicas".to_owned(),
                json!(
                    standing.map_or(inputs.replicas, |standing| standing.clamp(inputs.replicas, inputs.max_replicas))
                ),
            ),
            ("min_replicas".to_owned(), json!(inputs.replicas)),
            ("max_replicas".to_owned(), json!(inputs.max_replicas)),
            ("cpu_target".to_owned(), json!(inputs.cpu_target)),
            ("jobs_replicas".to_owned(), json!(jobs.unwrap_or_default())),
            ("web_env".to_owned(), self.environment(inputs, digest, &inputs.web_env)),
            ("jobs_env".to_owned(), self.environment(inputs, digest, &inputs.jobs_env)),
            ("pull_secrets".to_owned(), if has_pull_secret { json!([{"name": pull_secret}]) } else { Value::Null }),
            ("configuration".to_owned(), json!(self.configuration(cluster).await?)),
        ]);
        manifests.extend(objects::parse("the service", WEB, &placeholders)?);
        if !inputs.jobs_env.is_empty() {
            manifests.extend(objects::parse("the background jobs", JOBS, &placeholders)?);
        }
        Ok(manifests)
    }

    /// The names of all of it, with background jobs or without.
    pub(in crate::actions) fn taken(&self, jobs: bool) -> Result<Vec<Name>> {
        let mut names = Vec::new();
        for text in [FOUNDATION, PULL_SECRET, WEB].into_iter().chain(jobs.then_some(JOBS)) {
            names.extend(objects::names("the service", text, &self.names())?);
        }
        Ok(names)
    }

    fn names(&self) -> Placeholders {
        Placeholders::from([("name".to_owned(), json!(self.name)), ("namespace".to_owned(), json!(self.namespace))])
    }

    /// The version of the database Secret: another one means other pods.
    async fn configuration(&self, cluster: &Cluster) -> Result<String> {
        let secret = Name::core("Secret", Some(&self.namespace), &format!("{}-database", self.name));
        let found = cluster.get(&secret).await?;
        Ok(found
            .and_then(|secret| secret["metadata"]["resourceVersion"].as_str().map(str::to_owned))
            .unwrap_or_else(|| "new".to_owned()))
    }

    fn environment(&self, inputs: &Deploy, digest: &str, more: &BTreeMap<String, String>) -> Value {
        let secret = format!("{}-database", self.name);
        let mut environment = vec![
            json!({"name": inputs.database_env, "valueFrom": {"secretKeyRef": {"name": secret, "key": "url"}}}),
            json!({"name": inputs.build_env, "value": digest}),
        ];
        let mut plain = inputs.env.clone();
        plain.extend(more.clone());
        environment.extend(plain.into_iter().map(|(name, value)| json!({"name": name, "value": value})));
        Value::Array(environment)
    }
}
