//! The stand-in's state: zones, changes under way, and what DNS answers now. On disk as one JSON file.
//!
//! A change is in the zone as soon as it is accepted, and in the DNS answers only when it is INSYNC: the
//! two are kept apart here, as they are on the real service.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::batch::Edit;
use crate::lab::files;
use crate::services::route53::{RecordKind, RecordSet};

/// The hosted zone of the lab.
pub const ZONE_ID: &str = "ZLABEXAMPLE0001";
/// Its name.
pub const ZONE_NAME: &str = "lab.example.";
/// The load balancer's zone: the platform's own, so the API does not list it, but aliases may point into it.
pub const ELB_ZONE_ID: &str = "ZLABELB0001";
/// Its name.
pub const ELB_ZONE_NAME: &str = "elb.lab.example.";

/// What a fresh zone looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// The service's TTL, in seconds.
    pub ttl: u32,
    /// The old box's address.
    pub service: Ipv4Addr,
    /// The load balancer's address.
    pub balancer: Ipv4Addr,
    /// The address at which the zone's name servers answer.
    pub name_server: Ipv4Addr,
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            ttl: 15,
            service: Ipv4Addr::new(172, 30, 77, 10),
            balancer: Ipv4Addr::new(172, 30, 77, 50),
            name_server: Ipv4Addr::new(172, 30, 77, 1),
        }
    }
}

/// A hosted zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostedZone {
    /// Its id.
    pub id: String,
    /// Its name, with the dot at its end.
    pub name: String,
    /// Whether the account owns it; the platform's zones can only be pointed into.
    pub owned: bool,
    /// The delegation set.
    pub name_servers: Vec<String>,
    /// Its sets with every accepted change.
    pub sets: Vec<RecordSet>,
    /// Its sets as DNS answers them.
    pub served: Vec<RecordSet>,
}

impl HostedZone {
    /// Whether `name` (with its last dot) is this zone's name or below it.
    pub fn holds(&self, name: &str) -> bool {
        name == self.name || name.ends_with(&format!(".{}", self.name))
    }
}

/// An accepted change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Its id.
    pub id: String,
    /// Whose zone.
    pub zone: String,
    /// When it was accepted, in milliseconds of Unix time.
    pub submitted_at: u64,
    /// When it is in force everywhere, in milliseconds of Unix time.
    pub insync_at: u64,
    /// What the client said about it.
    pub comment: Option<String>,
    /// Who made it: the access key.
    pub by: String,
    /// What it did.
    pub edits: Vec<Edit>,
    /// The zone's sets after it, until they are served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<RecordSet>>,
}

/// Everything the stand-in remembers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct World {
    seed: Seed,
    zones: BTreeMap<String, HostedZone>,
    changes: Vec<Accepted>,
}

impl World {
    /// A fresh world.
    pub fn fresh(seed: Seed) -> Self {
        let zones = [lab_zone(&seed), elb_zone(&seed)];
        Self { seed, zones: zones.into_iter().map(|zone| (zone.id.clone(), zone)).collect(), changes: Vec::new() }
    }

    /// What a reset goes back to.
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// A zone of the account.
    pub fn owned(&self, id: &str) -> Option<&HostedZone> {
        self.zones.get(id).filter(|zone| zone.owned)
    }

    /// Any zone that an alias may point into.
    pub fn zone(&self, id: &str) -> Option<&HostedZone> {
        self.zones.get(id)
    }

    /// All zones.
    pub fn zones(&self) -> impl Iterator<Item = &HostedZone> {
        self.zones.values()
    }

    /// All changes, the oldest first.
    pub fn changes(&self) -> &[Accepted] {
        &self.changes
    }

    /// Takes a change in; its sets are served from `insync_at` on.
    pub fn accept(&mut self, change: Accepted) {
        if let (Some(zone), Some(after)) = (self.zones.get_mut(&change.zone), &change.after) {
            zone.sets.clone_from(after);
        }
        self.changes.push(change);
    }

    /// Puts into force what is due at `now`, in milliseconds of Unix time.
    pub fn settle(&mut self, now: u64) {
        for change in self.changes.iter_mut().filter(|change| change.insync_at <= now) {
            if let (Some(after), Some(zone)) = (change.after.take(), self.zones.get_mut(&change.zone)) {
                zone.served = after;
            }
        }
    }

    /// Reads the world that an earlier process left in `directory`; a fresh one where there is none.
    pub fn load(directory: &Path, seed: Seed) -> std::io::Result<Self> {
        match std::fs::read(file(directory)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::fresh(seed)),
            Err(error) => Err(error),
        }
    }

    /// Writes the world whole, so that a reader or a crash sees the old file or the new one.
    pub fn save(&self, directory: &Path) -> std::io::Result<()> {
        files::write(&file(directory), &serde_json::to_vec_pretty(self)?, 0o600)
    }
}

fn file(directory: &Path) -> PathBuf {
    directory.join("route53.json")
}

/// Milliseconds of Unix time. Wall time, because the file outlives the process.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn lab_zone(seed: &Seed) -> HostedZone {
    let app = "app.lab.example";
    let sets = vec![
        RecordSet::simple(app, RecordKind::A, seed.ttl, [seed.service.to_string()]),
        // Beside the address, as in life: nobody may touch these.
        RecordSet::simple(app, "MX".into(), 300, ["10 mail.lab.example."]),
        RecordSet::simple(app, RecordKind::Txt, 300, ["\"v=spf1 mx -all\"", "\"site-verification=b1d6f1\""]),
        RecordSet::simple(app, "CAA".into(), 300, ["0 issue \"ca.lab.example\""]),
        RecordSet::simple("mail.lab.example", RecordKind::A, 300, [seed.service.to_string()]),
    ];
    zone(ZONE_ID, ZONE_NAME, true, seed, sets)
}

fn elb_zone(seed: &Seed) -> HostedZone {
    let balancer = RecordSet::simple("ingress-1.elb.lab.example", RecordKind::A, 5, [seed.balancer.to_string()]);
    zone(ELB_ZONE_ID, ELB_ZONE_NAME, false, seed, vec![balancer])
}

fn zone(id: &str, name: &str, owned: bool, seed: &Seed, own: Vec<RecordSet>) -> HostedZone {
    let server = format!("ns-1.{name}");
    let soa = format!("{server} hostmaster.{name} 1 7200 900 1209600 60");
    let mut sets = vec![
        RecordSet::simple(name, RecordKind::Soa, 900, [soa]),
        RecordSet::simple(name, RecordKind::Ns, 172_800, [server.clone()]),
        RecordSet::simple(&server, RecordKind::A, 172_800, [seed.name_server.to_string()]),
    ];
    sets.extend(own);
    HostedZone {
        id: id.to_owned(),
        name: name.to_owned(),
        owned,
        name_servers: vec![server.trim_end_matches('.').to_owned()],
        served: sets.clone(),
        sets,
    }
}
