//! A Kubernetes cluster: who it is, what we may do there, objects applied and compared, rollouts judged.
//!
//! Objects are applied server-side by the field manager `cutover` and carry two labels, one that says that
//! they are ours and one that says of which run; anything without them is somebody else's and is never
//! touched. Waiting is by watch, and a rollout that cannot succeed is told from one that needs time.

mod access;
mod apply;
mod diff;
mod everything;
mod fault;
mod manifest;
mod nodes;
mod object;
mod ownership;
mod pods;
mod read;
mod remove;
mod rollout;
mod trouble;
mod whoami;

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};

use super::error::with_causes;
use super::{Error, Kind, Result};

pub use access::{Answer, Wanted};
pub use apply::Owner;
pub use diff::{Difference, What};
pub use manifest::{Manifest, Placeholders};
pub use nodes::Node;
pub use object::Name;
pub use ownership::Stands;
pub use pods::Pod;
pub use trouble::{Trouble, trouble};

/// The field manager of everything applied here.
pub const MANAGER: &str = "cutover";
/// The label that says who manages an object; its value is [`MANAGER`].
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The label that says which run made an object.
pub const RUN: &str = "cutover.dev/run";

/// A cluster, by way of one kubeconfig context. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    address: String,
}

/// The program that a context's user logs in by, if it does by one; nothing where the kubeconfig cannot be read.
pub fn login_program(kubeconfig: Option<&Path>, context: &str) -> Option<String> {
    let file = match kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let file = file.ok()?;
    let wanted = file.contexts.iter().find(|named| named.name == context)?.context.as_ref()?.user.as_ref()?;
    let user = file.auth_infos.iter().find(|named| named.name == *wanted)?.auth_info.as_ref()?;
    user.exec.as_ref()?.command.clone()
}

impl Cluster {
    /// The cluster of `context` in `kubeconfig` (or where `KUBECONFIG` points, or `~/.kube/config`).
    /// Nothing is sent yet.
    pub async fn connect(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Self> {
        crate::services::tls::ready();
        let wanted = context.unwrap_or("the current context");
        let fault = |why: Trouble| Error::new("Kubernetes", wanted, "read the kubeconfig", Kind::NotFound).because(why);
        let mut file = match kubeconfig {
            Some(path) => Kubeconfig::read_from(path),
            None => Kubeconfig::read(),
        }
        .map_err(|why| fault(Trouble::NoKubeconfig(with_causes(&why))))?;
        let known: Vec<String> = file.contexts.iter().map(|named| named.name.clone()).collect();
        if context.is_some_and(|context| !known.iter().any(|name| name == context)) {
            return Err(fault(Trouble::NoContext { wanted: wanted.to_owned(), known }));
        }
        for named in &mut file.auth_infos {
            if let Some(exec) = named.auth_info.as_mut().and_then(|auth| auth.exec.as_mut()) {
                // A credential plugin that asks would ask behind the screen and wait for ever.
                exec.interactive_mode = Some(ExecInteractiveMode::Never);
            }
        }
        let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
        let mut config = Config::from_custom_kubeconfig(file, &options)
            .await
            .map_err(|why| fault(Trouble::NoKubeconfig(with_causes(&why))))?;
        config.connect_timeout = Some(Duration::from_secs(5));
        // Longer than a watch lasts (see `rollout`), shorter than a driver's patience.
        config.read_timeout = Some(Duration::from_secs(90));
        let address = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let client = Client::try_from(config).map_err(|why| fault::of(&address, "prepare a client", why))?;
        Ok(Self { client, address })
    }

    /// Where the API server is.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The UID of the namespace `kube-system`: as near to a cluster's identity as there is.
    pub async fn identity(&self) -> Result<String> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let namespace = api.get("kube-system").await.map_err(self.fault("read the cluster's identity"))?;
        Ok(namespace.metadata.uid.unwrap_or_default())
    }

    /// The API server's version, `v1.36.3`.
    pub async fn version(&self) -> Result<String> {
        Ok(self.client.apiserver_version().await.map_err(self.fault("read the version"))?.git_version)
    }

    fn fault<D: Into<String>>(&self, doing: D) -> impl FnOnce(kube::Error) -> Error + use<D> {
        let (address, doing) = (self.address.clone(), doing.into());
        move |why| fault::of(&address, doing, why)
    }

    fn error(&self, doing: impl Into<String>, kind: Kind) -> Error {
        Error::new("Kubernetes", &self.address, doing, kind)
    }
}
