//! Removing objects: only the run's own, only the very one that was looked at, and gone means gone.

use std::time::Duration;

use futures_util::StreamExt as _;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, Preconditions, PropagationPolicy};
use kube::runtime::{WatchStreamExt as _, watcher};

use super::{Cluster, Name, Owner};
use crate::services::{Kind, Result};

/// How often the object is looked for besides the watch.
const LOOK: Duration = Duration::from_secs(1);

impl Cluster {
    /// Deletes an object of `owner` and waits until it is gone; `false` if it was not there. Somebody
    /// else's is a conflict, and stays.
    pub async fn delete(&self, name: &Name, owner: &Owner, within: Duration) -> Result<bool> {
        let doing = format!("delete {name}");
        let api = match self.api_of(name).await {
            Err(error) if error.kind == Kind::NotFound => return Ok(false),
            other => other?,
        };
        let Some(found) = self.current(&api, name, owner).await? else { return Ok(false) };
        // In the foreground: what it owns goes first, so that nothing is left when it is gone.
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Foreground),
            preconditions: Some(Preconditions { uid: found.uid(), resource_version: None }),
            ..DeleteParams::default()
        };
        match api.delete(&name.name, &params).await.map_err(self.fault(doing.clone())) {
            Err(error) if error.kind == Kind::NotFound => return Ok(false),
            other => other?,
        };
        let config = watcher::Config::default().timeout(60).fields(&format!("metadata.name={}", name.name));
        let mut changes = watcher(api.clone(), config).default_backoff().touched_objects().boxed();
        let gone = async {
            loop {
                let now = api.get_opt(&name.name).await.map_err(self.fault(doing.clone()))?;
                // One with another uid was made by somebody meanwhile.
                if now.is_none_or(|now| now.uid() != found.uid()) {
                    return Ok(());
                }
                // A watch that begins after the object went has nothing to tell: so look now and then, too.
                let _ = tokio::time::timeout(LOOK, changes.next()).await;
            }
        };
        match tokio::time::timeout(within, gone).await {
            Ok(result) => result.map(|()| true),
            Err(_) => Err(self
                .error(doing, Kind::Transient)
                .because(format!("it is still there after {} s", within.as_secs()))
                .next("kubectl get it with -o yaml: a finalizer names who has to let go of it")),
        }
    }
}
