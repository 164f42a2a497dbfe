//! The runbook's DNS record, for the steps that read or change it.
//!
//! Every change is a compare-and-swap from the sets that a step *found* to the sets that it *wrote*, both
//! of which it keeps. In doubt, the sets at the name say which of the two the world has.

mod in_force;

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Effect, Reading, Reality, Result, Working};
use crate::domain::{Failure, Resource};
use crate::services::resolver::{self, RecordType};
use crate::services::route53::{Access, ChangeId, RecordKind, RecordSet, Route53, Stands, Zone, canonical_name};
use crate::services::{Error, Kind};

/// The service whose identity is pinned.
const SERVICE: &str = "hosted zone";
/// Route 53 says a minute; longer than this is somebody's outage.
const INSYNC: Duration = Duration::from_mins(5);

/// The record, in a zone that was recognised as the one this run began with.
pub struct Record {
    /// The hosted zone.
    pub zone: Zone,
    /// The record's name, fully qualified.
    pub name: String,
}

/// What a swap leaves in the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Made {
    /// The change; none where there was nothing to change, or only looking told that it was made.
    change: Option<ChangeId>,
}

/// What a swap leaves to wait for.
#[derive(Debug, Clone)]
pub struct Swapped {
    change: Option<ChangeId>,
    found: Vec<RecordSet>,
    written: Vec<RecordSet>,
}

/// The type that a server is asked for.
pub fn record_type(kind: &RecordKind) -> RecordType {
    match kind {
        RecordKind::Aaaa => RecordType::AAAA,
        RecordKind::Cname => RecordType::CNAME,
        _ => RecordType::A,
    }
}

impl Record {
    /// Finds the runbook's zone, and recognises it.
    pub async fn open(cx: &Reading) -> Result<Self> {
        let dns = cx.dns()?;
        let zone = route53(cx).await?.zone(&dns.zone, &dns.record).await?;
        let record = Self { zone, name: canonical_name(&dns.record) };
        cx.recognise(SERVICE, &record.identity())?;
        Ok(record)
    }

    /// Who the zone is, for previews and pins.
    pub fn identity(&self) -> String {
        format!("{} {}", self.zone.info().id, self.zone.info().name)
    }

    /// Pins the zone at first contact.
    pub fn pin(&self, cx: &Working) -> Result<()> {
        cx.pin(SERVICE, &self.identity())
    }

    /// All sets at the name.
    pub async fn sets(&self) -> Result<Vec<RecordSet>> {
        Ok(self.zone.sets_at(&self.name).await?)
    }

    /// Refuses a record that somebody else looks after, or that is answered from elsewhere.
    pub async fn refuse_foreign(&self) -> Result<()> {
        if let Some(owner) = self.zone.owners(&self.name, &[]).await?.into_iter().next() {
            let object = owner.resource.unwrap_or_else(|| "an object that it does not name".to_owned());
            return Err(Failure::refused(format!("external-dns `{}` looks after {}", owner.owner, self.name))
                .because(format!("its mark is the TXT set {}, for {object}", owner.mark))
                .next("take the name out of external-dns first (its annotation, then its TXT set): it would take the record back"));
        }
        if let Some(at) = self.zone.delegated_away(&self.name).await? {
            return Err(Failure::refused(format!("{} is not answered from {}", self.name, self.identity()))
                .because(format!("the zone delegates {at} to other name servers"))
                .next("give the id of the zone that those servers answer from"));
        }
        Ok(())
    }

    /// Replaces `found` by `wanted` as one effect; `found` is what its undo needs.
    pub async fn swap(
        &self,
        cx: &Working,
        key: &str,
        summary: String,
        found: &[RecordSet],
        wanted: &[RecordSet],
    ) -> Result<Swapped> {
        let undo = serde_json::json!({ "found": found, "written": wanted });
        let comment = format!("cutover {} {}", cx.run(), cx.step_id());
        let look = async {
            match self.zone.look(&self.name, found, wanted).await? {
                Stands::New => Ok(Reality::Done(Made { change: None })),
                Stands::Old => Ok(Reality::NotDone),
                Stands::Neither { differences, .. } => Err(self.changed_by_others(&differences)),
            }
        };
        let act = async {
            let change = self.zone.compare_and_swap(&self.name, found, wanted, &comment).await?;
            Ok(Made { change: change.map(|change| change.id) })
        };
        let effect = found.iter().chain(wanted).fold(Effect::new(key, summary).undo(undo), |effect, set| {
            let identifier = set.set_identifier.as_deref();
            effect.touches(Resource::record(&self.zone.info().id, &set.name, &set.kind, identifier))
        });
        let Made { change } = cx.effect(effect, look, act).await?;
        Ok(Swapped { change, found: found.to_vec(), written: wanted.to_vec() })
    }

    /// Puts back what a swap found, and waits until every server of Route 53 has it. Done already is well;
    /// sets that somebody else changed meanwhile are refused.
    pub async fn put_back(&self, cx: &Working, written: &[RecordSet], found: &[RecordSet]) -> Result<()> {
        let comment = format!("cutover {} {} taken back", cx.run(), cx.step_id());
        let change = match self.zone.look(&self.name, written, found).await? {
            // By an earlier attempt, which may have died before it was in force.
            Stands::New => None,
            Stands::Old => self.zone.compare_and_swap(&self.name, written, found, &comment).await?,
            Stands::Neither { differences, .. } => return Err(self.changed_by_others(&differences)),
        };
        let change = change.map(|change| change.id);
        self.wait_insync(cx, &Swapped { change, found: written.to_vec(), written: found.to_vec() }).await
    }

    /// The refusal of a record that is neither as a step found it nor as it wrote it.
    pub(super) fn changed_by_others(&self, differences: &[String]) -> Failure {
        Failure::refused(format!("somebody else changed the sets at {}", self.name))
            .because(differences.join("; "))
            .next("find out who; then retry, or adopt the step")
    }

    /// Waits until Route 53's own servers all answer with the change: by its id, or, where that was lost or is
    /// forgotten, by asking each of them.
    pub async fn wait_insync(&self, cx: &Reading, swapped: &Swapped) -> Result<()> {
        let tick = |waited: Duration| cx.progress("wait for INSYNC", waited.as_secs(), None, "s");
        let in_force = async {
            if let Some(change) = &swapped.change {
                match self.zone.wait_insync(change, INSYNC, tick).await {
                    // Route 53 forgets a change after some days; a step may be gone on with later than that.
                    Err(gone) if gone.kind == Kind::NotFound => {}
                    waited => return Ok(waited?),
                }
            }
            in_force::wait(cx, self, &swapped.found, &swapped.written, INSYNC).await
        };
        tokio::select! {
            waited = in_force => waited,
            () = cx.cancel().cancelled() => Err(Failure::interrupted()),
        }
    }

    /// How long clients may hold the answer that is given now, in seconds: the longest that a server of the
    /// zone says.
    pub async fn answered_ttl(&self, cx: &Reading) -> Result<Option<u32>> {
        let mut longest = None;
        for server in self.servers(cx).await? {
            longest = longest.max(resolver::addresses_of(server, &self.name).await?.ttl);
        }
        Ok(longest)
    }

    /// The servers that speak for the zone: the runbook's, else the delegation set's, each by its address.
    pub async fn servers(&self, cx: &Reading) -> Result<Vec<SocketAddr>> {
        let dns = cx.dns()?;
        if !dns.servers.is_empty() {
            return addresses(&dns.servers).await;
        }
        let by = resolvers(cx).await?.into_iter().next().ok_or_else(|| {
            Failure::permanent("no resolver to find the zone's name servers with")
                .next("write [dns] servers or resolvers into the runbook")
        })?;
        let servers = resolver::servers_named(&self.zone.info().name_servers, by).await?;
        if servers.is_empty() {
            return Err(Failure::permanent(format!("no name server of {} was found", self.identity()))
                .because(format!("{by} knows no address of {}", self.zone.info().name_servers.join(", ")))
                .next("write [dns] servers into the runbook: a private zone's are its VPC's resolver"));
        }
        Ok(servers)
    }
}

/// Route 53 with the runbook's credentials; nothing is sent yet.
pub async fn route53(cx: &Reading) -> Result<Route53> {
    let dns = cx.dns()?;
    let keys = match &dns.credentials {
        Some(key) => {
            use secrecy::ExposeSecret;
            let id = cx.secret(&key.id).await?;
            Some((id.expose_secret().to_owned(), cx.secret(&key.secret).await?))
        }
        None => None,
    };
    Ok(Route53::connect(Access { endpoint: dns.endpoint.clone(), region: None, keys }).await)
}

/// The resolvers that clients use: the runbook's, else this machine's.
pub async fn resolvers(cx: &Reading) -> Result<Vec<SocketAddr>> {
    let dns = cx.dns()?;
    if dns.resolvers.is_empty() { Ok(resolver::resolvers_of_this_machine()?) } else { addresses(&dns.resolvers).await }
}

/// Every address of each `host:port`; port 53 where none is written.
async fn addresses(hosts: &[String]) -> Result<Vec<SocketAddr>> {
    let mut found = Vec::new();
    for host in hosts {
        let with_port = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
            host.clone()
        } else {
            format!("{host}:53")
        };
        let resolved = tokio::net::lookup_host(&with_port).await.map_err(|why| {
            let error = Error::new("DNS server", host, "find its address", Kind::Transient);
            Failure::from(error.because(why).next("write its address and port"))
        })?;
        found.extend(resolved);
    }
    Ok(found)
}
