//! What a batch of changes makes of a zone, or everything that is wrong with it. Pure.
//!
//! The edits are looked at one by one against what the batch has made so far, then the whole against the
//! rules of a zone. Any fault refuses all of it; the sentences are worded as Route 53 words them, because
//! people search for them.

use serde::{Deserialize, Serialize};

use super::values;
use super::world::HostedZone;
use crate::services::route53::{Body, Policy, RecordKind, RecordSet};

/// What an edit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// Adds a set that is not there.
    Create,
    /// Takes a set away that is there to the letter.
    Delete,
    /// Creates or replaces.
    Upsert,
}

/// One edit of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// What it does.
    pub verb: Verb,
    /// The set.
    pub set: RecordSet,
}

/// The zone's sets after `edits`; `any_zone` finds the zone that an alias points into.
pub fn apply<'a>(
    zone: &'a HostedZone,
    edits: &[Edit],
    any_zone: impl Fn(&str) -> Option<&'a HostedZone>,
) -> Result<Vec<RecordSet>, Vec<String>> {
    let mut sets = zone.sets.clone();
    let mut faults = Vec::new();
    for edit in edits {
        let set = &edit.set;
        if !zone.holds(&set.name) {
            faults.push(format!("RRSet with DNS name {} is not permitted in zone {}", set.name, zone.name));
            continue;
        }
        let at = sets.iter().position(|other| other.key() == set.key());
        match (edit.verb, at) {
            (Verb::Create, Some(_)) => faults.push(format!("Tried to create {} but it already exists", named(set))),
            (Verb::Delete, None) => faults.push(format!("Tried to delete {} but it was not found", named(set))),
            (Verb::Delete, Some(at)) if !identical(&sets[at], set) => faults.push(format!(
                "Tried to delete {} but the values provided do not match the current values",
                named(set)
            )),
            (Verb::Delete, Some(at)) => {
                sets.remove(at);
            }
            (Verb::Upsert, Some(at)) => sets[at] = set.clone(),
            (Verb::Create | Verb::Upsert, None) => sets.push(set.clone()),
        }
        if edit.verb != Verb::Delete {
            faults.extend(values::faults(set));
        }
    }
    for edit in edits.iter().filter(|edit| edit.verb != Verb::Delete) {
        if let Some(set) = sets.iter().find(|other| other.key() == edit.set.key()) {
            neighbours(zone, &sets, set, &mut faults);
            if let Body::Alias(alias) = &set.body {
                let target = any_zone(&alias.zone_id);
                faults.extend(alias_fault(zone, &sets, set, target, &alias.dns_name));
            }
        }
    }
    for kind in [RecordKind::Soa, RecordKind::Ns] {
        if !sets.iter().any(|set| set.name == zone.name && set.kind == kind) {
            faults.push(format!("A HostedZone must contain at least one {kind} record for the zone itself"));
        }
    }
    if faults.is_empty() { Ok(sets) } else { Err(faults) }
}

/// What the sets beside `set` forbid.
fn neighbours(zone: &HostedZone, sets: &[RecordSet], set: &RecordSet, faults: &mut Vec<String>) {
    let (name, kind) = (&set.name, &set.kind);
    if *kind == RecordKind::Cname && *name == zone.name {
        faults.push(format!("RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {}", zone.name));
    }
    let here: Vec<&RecordSet> = sets.iter().filter(|other| other.name == *name).collect();
    if *kind == RecordKind::Cname && here.iter().any(|other| other.kind != RecordKind::Cname) {
        faults.push(format!(
            "RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with the \
             same DNS name in zone {}",
            zone.name
        ));
    } else if *kind != RecordKind::Cname && here.iter().any(|other| other.kind == RecordKind::Cname) {
        faults.push(format!(
            "RRSet of type {kind} with DNS name {name} is not permitted because a conflicting RRSet of type CNAME with \
             the same DNS name already exists in zone {}",
            zone.name
        ));
    }
    for other in here.into_iter().filter(|other| other.kind == *kind && other.key() != set.key()) {
        if other.is_simple() != set.is_simple() || policy_word(other) != policy_word(set) {
            faults.push(format!(
                "{} cannot be created because a {} RRSet with the same name and type exists",
                named(set),
                policy_word(other)
            ));
            break;
        }
    }
}

fn alias_fault(
    zone: &HostedZone,
    sets: &[RecordSet],
    set: &RecordSet,
    target: Option<&HostedZone>,
    dns_name: &str,
) -> Option<String> {
    let tried = |zone_id: &str| {
        format!("Tried to create an alias that targets {dns_name}, type {} in zone {zone_id}", set.kind)
    };
    let Some(target) = target else {
        return Some(format!("{}, but that zone was not found", tried("(unknown)")));
    };
    let name = crate::services::route53::canonical_name(dns_name);
    if !target.holds(&name) {
        return Some(format!("{}, but the alias target name does not lie within the target zone", tried(&target.id)));
    }
    let there = if target.id == zone.id { sets } else { &target.sets };
    // A load balancer's name answers no AAAA where it has none, but may be aliased; in one's own zone it must exist.
    let found = there.iter().any(|other| {
        other.name == name && (other.kind == set.kind || (target.id != zone.id && other.kind.is_address()))
    });
    let itself = target.id == zone.id && name == set.name;
    (!found || itself).then(|| format!("{}, but that target was not found", tried(&target.id)))
}

/// As strict as the real comparison: the values as a set, everything else to the letter.
fn identical(stored: &RecordSet, given: &RecordSet) -> bool {
    let sorted = |set: &RecordSet| {
        let mut set = set.clone();
        match &mut set.body {
            Body::Values { values, .. } => values.sort(),
            Body::Alias(alias) => alias.dns_name = crate::services::route53::canonical_name(&alias.dns_name),
        }
        set
    };
    sorted(stored) == sorted(given)
}

fn named(set: &RecordSet) -> String {
    let identifier = set.set_identifier.as_ref().map(|id| format!(", set identifier='{id}'")).unwrap_or_default();
    format!("resource record set [name='{}', type='{}'{identifier}]", set.name, set.kind)
}

fn policy_word(set: &RecordSet) -> &'static str {
    match set.policy {
        None => "simple",
        Some(Policy::Weighted(_)) => "weighted",
        Some(Policy::Latency(_)) => "latency",
        Some(Policy::Failover(_)) => "failover",
        Some(Policy::Geolocation { .. }) => "geolocation",
        Some(Policy::Geoproximity { .. }) => "geoproximity",
        Some(Policy::Cidr { .. }) => "CIDR",
        Some(Policy::Multivalue(_)) => "multivalue answer",
    }
}
