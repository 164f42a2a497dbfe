//! Somebody's own cluster in the place of the lab's: looked at from inside before anything is made there, and
//! freed of what earlier rehearsals left. It is not the lab's to bring up, to reset or to take away.
//!
//! ```text
//! probe      a pod of ours that has to reach registry, target and Rev1; taken away again
//! clean      what rehearsals of this lab made there, by the labels that it carries; nothing else
//! ```

mod clean;
mod probe;

use std::path::Path;

use crate::services::Result;
use crate::services::kubernetes::Cluster;

pub use probe::{NAMESPACE, Probe, Speaks, Wanted};

/// A cluster that is not the lab's.
#[derive(Clone)]
pub struct OwnCluster {
    /// The context by which it was named.
    pub context: String,
    /// The way there.
    pub cluster: Cluster,
}

impl OwnCluster {
    /// The cluster of a context, in this kubeconfig or where `KUBECONFIG` points, once it has answered.
    pub async fn open(kubeconfig: Option<&Path>, context: &str) -> Result<Self> {
        let lists = "`kubectl config get-contexts` lists the contexts, `--kubeconfig` names another file";
        let cluster = Cluster::connect(kubeconfig, Some(context)).await.map_err(|error| error.next(lists))?;
        cluster.identity().await?;
        Ok(Self { context: context.to_owned(), cluster })
    }
}
