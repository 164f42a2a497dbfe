//! `kubernetes.deploy`: the backend in the cluster, by digest, against a target that it can only read.
//!
//! Its data is not there yet, so its pods live and are not ready: that is what is expected here, and
//! `restore` sees the rollout to its end. The background jobs are a deployment of their own, at nought.

mod back;
mod database;
mod database_back;
mod schema;
mod workload;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::{Action, Checking, Outputs, Reading, Result, Working, cluster, objects};
use crate::domain::runbook::inputs::Deploy;
use crate::domain::{Check, Failure, Preview};
use database::Database;
pub(super) use workload::Workload;

/// How long pods may take to be pulled, started and live.
const ROLLOUT: Duration = Duration::from_mins(5);

impl Deploy {
    /// The image by digest, and the digest.
    fn pinned(&self, cx: &Reading) -> Result<(String, String)> {
        let image = cx.resolve(&self.image)?;
        match image.split_once('@') {
            Some((_, digest)) if digest.starts_with("sha256:") => {
                let digest = digest.to_owned();
                Ok((image, digest))
            }
            _ => Err(Failure::permanent(format!("the image {image} is not given by its digest"))
                .next("write `image = \"${steps.push.image}\"`, or NAME@sha256:...")),
        }
    }
}

impl Action for Deploy {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        let cluster = cluster::recognised(cx).await?;
        let workload = Workload::of(cx)?;
        let mut preview = Preview::undone_by(format!(
            "the revision before, or its own objects in {} removed; the empty database and the account on the target dropped",
            workload.namespace
        ));
        preview.identity("Kubernetes", cluster.identity().await?);
        let database = Database::of(cx).await?;
        database.preview(cx, &mut preview).await?;
        // Before the first deployment the image is another step's output, and a forecast goes without.
        let (image, digest) = match self.pinned(cx) {
            Ok(pinned) => pinned,
            Err(failure) if cx.attempt() == 0 => {
                preview.warnings.push(format!("{failure}: the objects are shown once it is known"));
                return Ok(preview);
            }
            Err(failure) => return Err(failure),
        };
        preview.setting("image", &image);
        let url = database.url(cx, self).await?;
        let manifests = workload.manifests(self, cx, &cluster, &image, &digest, &url).await?;
        objects::preview(&cluster, &manifests, cx, &mut preview).await?;
        Ok(preview)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        let cluster = cluster::connect(cx).await?;
        cx.pin("Kubernetes", &cluster.identity().await?)?;
        let (image, digest) = self.pinned(cx)?;
        let database = Database::of(cx).await?;
        database.make(cx).await?;
        let workload = Workload::of(cx)?;
        let url = database.url(cx, self).await?;
        objects::apply(&cluster, &workload.foundation(cx, &url).await?, cx).await?;
        let manifests = workload.manifests(self, cx, &cluster, &image, &digest, &url).await?;
        objects::apply(&cluster, &manifests, cx).await?;
        objects::renewed(&cluster, cx, &workload.namespace, &format!("app={}", workload.name)).await?;
        let live = cluster
            .wait_live(&workload.namespace, &workload.name, ROLLOUT, |how_far| cx.progress(how_far, 0, None, ""));
        objects::stoppable(cx, live).await?;
        Ok(BTreeMap::from([("digest".to_owned(), json!(digest))]))
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        let cluster = cluster::recognised(cx).await?;
        let workload = Workload::of(cx)?;
        let (namespace, name) = (&workload.namespace, &workload.name);
        let (_, digest) = self.pinned(cx)?;
        let mut pods = cluster.pods(namespace, &format!("app={name}")).await?;
        pods.retain(|pod| !pod.leaving);
        let of_digest = pods.iter().filter(|pod| pod.digests.contains(&digest)).count();
        let live = pods.iter().filter(|pod| pod.live).count();
        let ready = pods.iter().filter(|pod| pod.ready).count();
        let nodes: std::collections::BTreeSet<&str> = pods.iter().map(|pod| pod.node.as_str()).collect();
        let shown: Vec<String> = pods.iter().map(|pod| format!("{} on {}", pod.name, pod.node)).collect();
        let jobs = cluster.replicas(namespace, &format!("{name}-jobs")).await?;
        let mut checks = vec![
            Check::of(
                of_digest == pods.len() && pods.len() >= self.replicas,
                format!("{} pods run the digest that was pushed", self.replicas),
                format!("{of_digest} of {} pods run {digest}: {}", pods.len(), shown.join(", ")),
            ),
            Check::of(
                live == pods.len() && live > 0,
                "every pod lives",
                format!("{live} of {} past their startup probe", pods.len()),
            ),
            Check::noted(
                "pods are ready",
                format!("{ready} of {}: without the data they are not expected to be", pods.len()),
            ),
            Check::of(
                nodes.len() > 1 || self.replicas < 2,
                "the pods are on more than one node",
                nodes.into_iter().collect::<Vec<_>>().join(", "),
            ),
        ];
        if !self.jobs_env.is_empty() {
            let evidence = jobs.map_or_else(|| "there is no such deployment".to_owned(), |jobs| format!("{jobs} pods"));
            checks.push(Check::of(jobs == Some(0), "the background jobs stand still", evidence));
        }
        checks.extend(Database::of(cx).await?.verify(cx).await?);
        Ok(checks)
    }
    async fn way_back(&self, cx: &Reading) -> Result<Preview> {
        back::way_back(cx).await
    }

    async fn rollback(&self, cx: &Working) -> Result<Vec<Check>> {
        back::rollback(cx).await
    }
}
