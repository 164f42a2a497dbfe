//! The probe pod: whether a cluster's pods reach the lab, found out by a pod there, from an image that its
//! nodes pull from the lab's registry.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::OwnCluster;
use crate::lab::{Lab, base, registry};
use crate::services::docker::Credentials;
use crate::services::kubernetes::{Manifest, Name, Owner, Placeholders, Pod};
use crate::services::registry::Registry;
use crate::services::{Error, Kind, Result};

/// The namespace that the pod stands in, and the run that it is labelled with.
pub const NAMESPACE: &str = "cutover-probe";

const POD: &str = "reach";
/// The image in the lab's registry: the base of all the lab's images, so its layers are there already.
const IMAGE: &str = "lab/probe:lab";
const OBJECTS: &str = include_str!("../../../assets/lab/probe/pod.yaml");
const SCRIPT: &str = include_str!("../../../assets/lab/probe/reach.sh");

/// How long the pod may take from its making to its last word: a slow pull, and all that it tries.
const PATIENCE: Duration = Duration::from_mins(4);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long its namespace may take to go.
const GONE: Duration = Duration::from_mins(1);

/// An address that the pod has to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What is there, in a reader's words: `the managed MySQL`.
    pub what: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// By what it is told from a proxy that takes any connection.
    pub speaks: Speaks,
}

/// What is spoken at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaks {
    /// A MySQL server greets whoever connects.
    MySql,
    /// A web server answers `GET path` for `host` with `expect`.
    Http {
        /// The service's host name.
        host: String,
        /// Path and query.
        path: String,
        /// The status.
        expect: u16,
    },
}

impl Wanted {
    /// As the pod's script takes it: kind, address, port, and of a request host, path and status.
    fn arguments(&self) -> [String; 6] {
        let (kind, host, path, expect) = match &self.speaks {
            Speaks::MySql => ("mysql", "-", "-", 0),
            Speaks::Http { host, path, expect } => ("http", host.as_str(), path.as_str(), *expect),
        };
        let words = [kind, &self.host, &self.port.to_string(), host, path, &expect.to_string()];
        words.map(str::to_owned)
    }
}

/// A probe of one cluster.
pub struct Probe<'a> {
    own: &'a OwnCluster,
    /// The registry as the nodes pull from it.
    pull: String,
    wanted: Vec<Wanted>,
}

impl<'a> Probe<'a> {
    /// A probe of `own` whose image is pulled from `pull`, and which has to reach all of `wanted`.
    pub fn new(own: &'a OwnCluster, pull: &str, wanted: Vec<Wanted>) -> Self {
        Self { own, pull: pull.to_owned(), wanted }
    }

    /// Makes the pod and waits for its word. What it makes stands until [`remove`](Self::remove).
    ///
    /// # Errors
    /// An address is not reached: which, from which pod, and why.
    pub async fn run(&self, lab: &Lab) -> Result<()> {
        let password = self.push(lab).await?;
        self.remove().await?;
        for manifest in self.manifests(&password)? {
            self.own.cluster.apply(&manifest, &owner()).await?;
        }
        let pod = self.ended().await?;
        let said = self.own.cluster.pod_log(NAMESPACE, POD, 100).await?;
        let missed: Vec<(&Wanted, String)> =
            self.wanted.iter().filter_map(|wanted| Some((wanted, missed(wanted, &said)?))).collect();
        if missed.is_empty() { Ok(()) } else { Err(self.unreached(&pod, &missed)) }
    }

    /// Takes away what the probe made, and what an interrupted one left.
    pub async fn remove(&self) -> Result<()> {
        self.own.cluster.delete(&Name::core("Namespace", None, NAMESPACE), &owner(), GONE).await.map(drop)
    }

    /// Makes sure of the image in the lab's registry; the registry's password.
    async fn push(&self, lab: &Lab) -> Result<SecretString> {
        let site = lab.site(&|_| ()).await?;
        let source = base::ensure(&site).await?;
        let password = SecretString::from(site.secret("registry").await?);
        let credentials = Credentials::Basic { username: registry::USER.to_owned(), password: password.clone() };
        let (repository, tag) = IMAGE.split_once(':').unwrap_or((IMAGE, "latest"));
        if Registry::new(registry::PUSH_ADDRESS, Some(credentials.clone()))?.resolve(repository, tag).await?.is_none() {
            let target = format!("{}/{IMAGE}", registry::PUSH_ADDRESS);
            site.engine.tag(source, &target).await?;
            site.engine.push(&target, Some(&credentials), |_| {}).await?;
            // Only a name: the image itself stays, as `source`.
            site.engine.remove_image(&target).await?;
        }
        Ok(password)
    }

    fn manifests(&self, password: &SecretString) -> Result<Vec<Manifest>> {
        let auth = BASE64_STANDARD.encode(format!("{}:{}", registry::USER, password.expose_secret()));
        let config = json!({"auths": {&self.pull: {"auth": auth}}}).to_string();
        let addresses: Vec<String> = self.wanted.iter().flat_map(Wanted::arguments).collect();
        let placeholders = Placeholders::from([
            ("namespace".to_owned(), json!(NAMESPACE)),
            ("pod".to_owned(), json!(POD)),
            ("image".to_owned(), json!(self.image())),
            ("script".to_owned(), json!(SCRIPT)),
            ("addresses".to_owned(), json!(addresses)),
            ("docker_config".to_owned(), json!(BASE64_STANDARD.encode(config))),
        ]);
        Manifest::parse(OBJECTS, &placeholders).map_err(|why| self.error("fill the probe's manifests").because(why))
    }

    fn image(&self) -> String {
        format!("{}/{IMAGE}", self.pull)
    }

    /// Waits until the pod has said all that it has to say.
    async fn ended(&self) -> Result<Pod> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let pod = self.own.cluster.pods(NAMESPACE, &owner().selector()).await?.into_iter().next();
            match pod {
                Some(pod) if pod.phase == "Succeeded" || pod.phase == "Failed" => return Ok(pod),
                Some(pod) if pod.hopeless.is_some() => return Err(self.hopeless(&pod).await),
                _ if Instant::now() > deadline => {
                    let events = self.own.cluster.warnings(NAMESPACE, "Pod", POD).await.unwrap_or_default();
                    let why = format!("pod {NAMESPACE}/{POD} did not end within {} s", PATIENCE.as_secs());
                    return Err(self
                        .error("run a probe pod there")
                        .because(format!("{why}: {}", events.join("; ")).trim_end_matches(": ").to_owned())
                        .next(format!("`kubectl --context {} get nodes`: has it room for a pod?", self.own.context)));
                }
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// A pod that will not start: for want of its image the registry is what is out of reach.
    async fn hopeless(&self, pod: &Pod) -> Error {
        let said = pod.hopeless.as_ref().map(ToString::to_string).unwrap_or_default();
        let whence = format!("pod {NAMESPACE}/{POD} on {}", pod.node);
        if !said.contains("Image") {
            return self.error("run a probe pod there").because(format!("{whence}: {said}"));
        }
        let events = self.own.cluster.warnings(NAMESPACE, "Pod", POD).await.unwrap_or_default();
        let failed = events.into_iter().find(|event| event.contains(&self.pull)).unwrap_or(said);
        self.error(format!("reach the registry at {}", self.pull))
            .because(format!("{whence} could not pull {}: {failed}", self.image()))
            .next(format!(
                "let its nodes pull from {0}: a name that they resolve, a route, and {0} among their insecure registries \
                 (it speaks plain HTTP); or give the address by which they reach it: `--set registry_pull='\"HOST:PORT\"'`",
                self.pull
            ))
    }

    fn unreached(&self, pod: &Pod, missed: &[(&Wanted, String)]) -> Error {
        let named = |(wanted, _): &(&Wanted, String)| format!("{} at {}:{}", wanted.what, wanted.host, wanted.port);
        let why = |(wanted, why): &(&Wanted, String)| format!("{}:{}: {why}", wanted.host, wanted.port);
        let all = missed.iter().map(named).collect::<Vec<_>>().join(", and ");
        let whys = missed.iter().map(why).collect::<Vec<_>>().join("; ");
        self.error(format!("reach {all} from its pods"))
            .because(format!("pod {NAMESPACE}/{POD} on {}: {whys}", pod.node))
            .next(format!(
                "give its nodes a route to the lab's network {}, and allow it in NetworkPolicies and firewalls; nodes that are \
                 containers of this Docker engine: `docker network connect {} NODE`",
                crate::lab::SUBNET,
                crate::lab::NETWORK
            ))
    }

    fn error(&self, doing: impl Into<String>) -> Error {
        let service = format!("cluster `{}`", self.own.context);
        Error::new(service, self.own.cluster.address(), doing, Kind::Permanent)
    }
}

fn owner() -> Owner {
    Owner::new(NAMESPACE)
}

/// Why the pod did not reach an address, by what it said; nothing if it did.
fn missed(wanted: &Wanted, said: &str) -> Option<String> {
    let address = format!("{}:{}", wanted.host, wanted.port);
    let of = |word: &str| said.lines().find_map(|line| line.strip_prefix(word)?.trim().strip_prefix(&address));
    match of("reached ") {
        Some("") => None,
        _ => Some(of("missed ").map_or_else(|| "the pod did not say".to_owned(), |why| why.trim().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_reached_only_if_the_pod_says_so() {
        let at =
            |host: &str, port| Wanted { what: "it".to_owned(), host: host.to_owned(), port, speaks: Speaks::MySql };
        let said = "missed 10.0.0.2:3306 Connection refused\nreached 10.0.0.1:80\n";
        assert_eq!(missed(&at("10.0.0.1", 80), said), None);
        assert_eq!(missed(&at("10.0.0.2", 3306), said).as_deref(), Some("Connection refused"));
        assert_eq!(missed(&at("10.0.0.1", 8), said).as_deref(), Some("the pod did not say"));
        assert_eq!(missed(&at("10.0.0.3", 80), "").as_deref(), Some("the pod did not say"));
    }
}
