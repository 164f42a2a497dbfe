//! What DNS answers to one question, from the zones as they are served. Pure but for the draw of a weight.

use std::str::FromStr;

use hickory_server::proto::op::ResponseCode;
use hickory_server::proto::rr::{Name, Record, RecordType};

use super::values;
use super::world::HostedZone;
use crate::services::route53::{Body, Policy, RecordKind, RecordSet, canonical_name};

/// Longer chains of CNAMEs and aliases are a loop.
const LONGEST_CHAIN: usize = 8;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// NOERROR, NXDOMAIN, REFUSED.
    pub code: ResponseCode,
    /// Whether one of our zones holds the name.
    pub authoritative: bool,
    /// The records asked for.
    pub answers: Vec<Record>,
    /// The SOA of a "no", or a delegation.
    pub authority: Vec<Record>,
}

impl Reply {
    fn empty(code: ResponseCode, authoritative: bool) -> Self {
        Self { code, authoritative, answers: Vec::new(), authority: Vec::new() }
    }
}

/// The answer to `kind` at `name`; `draw(n)` gives a number below `n`.
pub fn answer(zones: &[&HostedZone], name: &Name, kind: RecordType, draw: &mut dyn FnMut(u64) -> u64) -> Reply {
    let mut owner = name.clone();
    let mut at = canonical_name(&name.to_string());
    let mut reply = Reply::empty(ResponseCode::Refused, false);
    for hop in 0..LONGEST_CHAIN {
        let Some(zone) = holder(zones, &at) else {
            // A chain that leaves our zones: the client goes on by itself.
            return reply;
        };
        if hop == 0 {
            reply = Reply::empty(ResponseCode::NoError, true);
        }
        if let Some(delegation) = delegation(zone, &at) {
            reply.authoritative = hop > 0;
            reply.authority = records(delegation, &delegation_name(delegation));
            return reply;
        }
        let Some(here) = sets_at(zone, &at) else {
            reply.code = ResponseCode::NXDomain;
            reply.authority = soa(zone);
            return reply;
        };
        let cname = here.iter().find(|set| set.kind == RecordKind::Cname && kind != RecordType::CNAME);
        if let Some(Body::Values { values, .. }) = cname.map(|set| &set.body) {
            reply.answers.extend(cname.map(|set| records(set, &owner)).unwrap_or_default());
            at = values.first().map(|value| canonical_name(value)).unwrap_or_default();
            owner = Name::from_str(&at).unwrap_or(owner);
            continue;
        }
        let group: Vec<&RecordSet> = here.into_iter().filter(|set| set.kind.as_str() == kind.to_string()).collect();
        for set in choose(&group, draw) {
            reply.answers.extend(resolve(zones, set, &owner, draw, 0));
        }
        if reply.answers.iter().all(|record| record.record_type() != kind) {
            reply.authority = soa(zone);
        }
        return reply;
    }
    Reply::empty(ResponseCode::ServFail, true)
}

/// The zone with the longest name that holds `name`.
fn holder<'a>(zones: &[&'a HostedZone], name: &str) -> Option<&'a HostedZone> {
    zones.iter().copied().filter(|zone| zone.holds(name)).max_by_key(|zone| zone.name.len())
}

/// The sets at a name or at the wildcard that covers it; none where there is no such name.
fn sets_at<'a>(zone: &'a HostedZone, name: &str) -> Option<Vec<&'a RecordSet>> {
    let at = |name: &str| zone.served.iter().filter(|set| set.name == name).collect::<Vec<_>>();
    let exact = at(name);
    let below = format!(".{name}");
    if !exact.is_empty() || zone.served.iter().any(|set| set.name.ends_with(&below)) {
        return Some(exact);
    }
    // The closest name above that exists decides: only its own wildcard counts (RFC 4592).
    let mut rest = name;
    while let Some((_, parent)) = rest.split_once('.').filter(|(_, parent)| zone.holds(parent)) {
        let wild = at(&format!("*.{parent}"));
        if !wild.is_empty() {
            return Some(wild);
        }
        let under = format!(".{parent}");
        if zone.served.iter().any(|set| set.name == parent || set.name.ends_with(&under)) {
            return None;
        }
        rest = parent;
    }
    None
}

fn delegation<'a>(zone: &'a HostedZone, name: &str) -> Option<&'a RecordSet> {
    zone.served.iter().find(|set| {
        let below = format!(".{}", set.name);
        set.kind == RecordKind::Ns && set.name != zone.name && (set.name == name || name.ends_with(&below))
    })
}

fn delegation_name(set: &RecordSet) -> Name {
    Name::from_str(&set.name).unwrap_or_default()
}

/// The sets of a group that answer this time.
fn choose<'a>(group: &[&'a RecordSet], draw: &mut dyn FnMut(u64) -> u64) -> Vec<&'a RecordSet> {
    let weight = |set: &RecordSet| match set.policy {
        Some(Policy::Weighted(weight)) => u64::try_from(weight).unwrap_or_default(),
        _ => 0,
    };
    match group.first().and_then(|set| set.policy.as_ref()) {
        Some(Policy::Weighted(_)) => {
            let sum: u64 = group.iter().map(|set| weight(set)).sum();
            let even = sum == 0;
            let mut left = draw(if even { group.len() as u64 } else { sum });
            for set in group {
                let share = if even { 1 } else { weight(set) };
                if left < share {
                    return vec![set];
                }
                left -= share;
            }
            Vec::new()
        }
        Some(Policy::Multivalue(_)) => group.iter().take(8).copied().collect(),
        Some(Policy::Failover(_)) => {
            let primary = group.iter().find(|set| set.policy == Some(Policy::Failover("PRIMARY".to_owned())));
            primary.or(group.first()).copied().into_iter().collect()
        }
        _ => group.first().copied().into_iter().collect(),
    }
}

/// A set's records under the name that was asked for; an alias answers what its target answers.
fn resolve(
    zones: &[&HostedZone],
    set: &RecordSet,
    owner: &Name,
    draw: &mut dyn FnMut(u64) -> u64,
    depth: usize,
) -> Vec<Record> {
    let Body::Alias(alias) = &set.body else { return records(set, owner) };
    let Some(zone) = zones.iter().find(|zone| zone.id == alias.zone_id) else { return Vec::new() };
    let target = canonical_name(&alias.dns_name);
    let group: Vec<&RecordSet> =
        zone.served.iter().filter(|other| other.name == target && other.kind == set.kind).collect();
    if depth >= LONGEST_CHAIN {
        return Vec::new();
    }
    choose(&group, draw).into_iter().flat_map(|set| resolve(zones, set, owner, draw, depth + 1)).collect()
}

fn records(set: &RecordSet, owner: &Name) -> Vec<Record> {
    let Body::Values { ttl, values } = &set.body else { return Vec::new() };
    values
        .iter()
        .filter_map(|value| values::parse(&set.kind, value).ok())
        .map(|data| Record::from_rdata(owner.clone(), *ttl, data))
        .collect()
}

fn soa(zone: &HostedZone) -> Vec<Record> {
    let owner = Name::from_str(&zone.name).unwrap_or_default();
    let soa = zone.served.iter().find(|set| set.kind == RecordKind::Soa && set.name == zone.name);
    soa.map(|set| records(set, &owner)).unwrap_or_default()
}
