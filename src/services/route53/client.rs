//! The connection to Route 53, and finding the zone of a name.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_route53::Client;
use aws_sdk_route53::config::http::HttpResponse;
use aws_sdk_route53::config::retry::RetryConfig;
use aws_sdk_route53::config::{Credentials, Region, SharedCredentialsProvider};
use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};
use backon::{ExponentialBuilder, Retryable};
use secrecy::{ExposeSecret, SecretString};

use super::compare::canonical_name;
use super::fault::{Fault, judge};
use super::pace::Pace;
use super::zone::Zone;
use crate::services::clock::{self, Drift};
use crate::services::{Error, Kind, Result};

const AWS_ENDPOINT: &str = "https://route53.amazonaws.com";

/// How Route 53 is reached.
#[derive(Debug, Default)]
pub struct Access {
    /// Another endpoint than AWS's: a stand-in's `http://127.0.0.1:10080`.
    pub endpoint: Option<String>,
    /// The region that requests are signed for; `us-east-1` where none is given.
    pub region: Option<String>,
    /// An access key and its secret; without them AWS's default chain is asked (environment, profile,
    /// SSO, process, instance).
    pub keys: Option<(String, SecretString)>,
}

/// A client of Route 53. Cheap to clone; all clones and all clients of one endpoint share one pace.
#[derive(Clone)]
pub struct Route53 {
    pub(super) client: Client,
    pub(super) address: Arc<str>,
    /// What its requests are signed with.
    pub(super) credentials: Option<SharedCredentialsProvider>,
    pace: Arc<Pace>,
}

impl fmt::Debug for Route53 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route53").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What a hosted zone is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ZoneInfo {
    /// Its id, without the `/hostedzone/` in front.
    pub id: String,
    /// Its name, with the dot at its end.
    pub name: String,
    /// Whether it answers inside a VPC only.
    pub private: bool,
    /// The delegation set's name servers; a private zone has none.
    pub name_servers: Vec<String>,
    /// How many sets it holds.
    pub sets: u64,
}

impl ZoneInfo {
    /// Whether `name` is this zone's name or below it.
    pub fn holds(&self, name: &str) -> bool {
        let name = canonical_name(name);
        name == self.name || name.ends_with(&format!(".{}", self.name))
    }
}

impl Route53 {
    /// Prepares a client; nothing is sent yet.
    pub async fn connect(access: Access) -> Self {
        let region = Region::new(access.region.unwrap_or_else(|| "us-east-1".to_owned()));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(Duration::from_secs(15))
            .build();
        let mut shared = aws_config::defaults(aws_config::BehaviorVersion::latest()).region(region);
        if let Some((id, secret)) = access.keys {
            shared = shared.credentials_provider(Credentials::new(id, secret.expose_secret(), None, None, "runbook"));
        }
        let shared = shared.load().await;
        let mut config = aws_sdk_route53::config::Builder::from(&shared)
            .timeout_config(timeouts)
            // The SDK would send a change again after a lost answer; this adapter looks first.
            .retry_config(RetryConfig::disabled());
        let endpoint = access.endpoint.or_else(|| shared.endpoint_url().map(str::to_owned));
        if let Some(endpoint) = &endpoint {
            config = config.endpoint_url(endpoint);
        }
        let address = endpoint.unwrap_or_else(|| AWS_ENDPOINT.to_owned());
        Self {
            client: Client::from_conf(config.build()),
            pace: Pace::towards(&address),
            address: address.into(),
            credentials: shared.credentials_provider(),
        }
    }

    /// Where the API is.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The API's clock against ours: requests are signed with ours, and refused when it is minutes off.
    pub async fn drift(&self) -> Result<Option<Drift>> {
        clock::of_server("Route 53", &self.address).await
    }

    /// The zone with this id, checked to hold `record`.
    pub async fn zone(&self, id: &str, record: &str) -> Result<Zone> {
        let id = plain_id(id);
        let doing = format!("read the hosted zone {id}");
        let found = self.read(&doing, || self.client.get_hosted_zone().id(&id).send()).await?;
        let zone = found
            .hosted_zone
            .ok_or_else(|| Fault::permanent("no zone in the answer").into_error(&self.address, &doing))?;
        let info = ZoneInfo {
            id,
            name: canonical_name(&zone.name),
            private: zone.config.is_some_and(|config| config.private_zone),
            name_servers: found.delegation_set.map(|set| set.name_servers).unwrap_or_default(),
            sets: zone.resource_record_set_count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
        };
        if !info.holds(record) {
            return Err(Error::new("Route 53", &*self.address, doing, Kind::Conflict)
                .because(format!("{record} is not in the zone {} ({})", info.name, info.id))
                .next("give the id of the zone that the record is in"));
        }
        Ok(Zone::new(self.clone(), info))
    }

    /// The zone with the longest name that holds `record`.
    ///
    /// A public and a private zone of one name are told apart by id only, so two are a conflict.
    pub async fn find_zone(&self, record: &str) -> Result<Zone> {
        let doing = format!("find the hosted zone of {record}");
        let wanted = canonical_name(record);
        let mut best: Vec<(String, String)> = Vec::new();
        let mut marker = None;
        loop {
            let page = self.read(&doing, || self.client.list_hosted_zones().set_marker(marker.clone()).send()).await?;
            for zone in &page.hosted_zones {
                let name = canonical_name(&zone.name);
                let holds = wanted == name || wanted.ends_with(&format!(".{name}"));
                let length = best.first().map_or(0, |(_, best)| best.len());
                if holds && name.len() >= length {
                    if name.len() > length {
                        best.clear();
                    }
                    best.push((plain_id(&zone.id), name));
                }
            }
            marker = page.next_marker;
            if !page.is_truncated || marker.is_none() {
                break;
            }
        }
        match best.as_slice() {
            [] => Err(Error::new("Route 53", &*self.address, doing, Kind::NotFound)
                .because("no hosted zone of this account holds the name")
                .next("check the record's name, and whose account the credentials are of")),
            [(id, _)] => self.zone(id, record).await,
            several => {
                let ids: Vec<&str> = several.iter().map(|(id, _)| id.as_str()).collect();
                Err(Error::new("Route 53", &*self.address, doing, Kind::Conflict)
                    .because(format!("several zones are named {}: {}", several[0].1, ids.join(", ")))
                    .next("give the id of the one that the clients ask"))
            }
        }
    }

    /// Every hosted zone of the account; their name servers are not asked for.
    pub async fn zones(&self) -> Result<Vec<Zone>> {
        let doing = "list the hosted zones";
        let mut zones = Vec::new();
        let mut marker = None;
        loop {
            let page = self.read(doing, || self.client.list_hosted_zones().set_marker(marker.clone()).send()).await?;
            for zone in page.hosted_zones {
                let info = ZoneInfo {
                    id: plain_id(&zone.id),
                    name: canonical_name(&zone.name),
                    private: zone.config.is_some_and(|config| config.private_zone),
                    name_servers: Vec::new(),
                    sets: zone.resource_record_set_count.and_then(|sets| u64::try_from(sets).ok()).unwrap_or_default(),
                };
                zones.push(Zone::new(self.clone(), info));
            }
            marker = page.next_marker;
            if !page.is_truncated || marker.is_none() {
                return Ok(zones);
            }
        }
    }

    /// A call that reads: sent again on throttling and network faults.
    pub(super) async fn read<T, E, Fut>(&self, doing: &str, call: impl Fn() -> Fut) -> Result<T>
    where
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.call(false, call).await.map_err(|fault| fault.into_error(&self.address, doing))
    }

    /// A call, sent again only where its failure says that nothing of it took effect.
    pub(super) async fn call<T, E, Fut>(&self, changing: bool, call: impl Fn() -> Fut) -> std::result::Result<T, Fault>
    where
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let attempt = || async {
            self.pace.turn(changing).await;
            // The SDK's futures are tens of kilobytes; every caller's would be too.
            Box::pin(call()).await.map_err(|error| judge(&error, changing))
        };
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(300))
            .with_max_delay(Duration::from_secs(5))
            .with_max_times(6)
            .with_jitter();
        attempt.retry(backoff).when(|fault: &Fault| fault.again).await
    }
}

/// An id without the path that Route 53 puts in front of it.
pub(super) fn plain_id(id: &str) -> String {
    id.rsplit('/').next().unwrap_or(id).to_owned()
}
