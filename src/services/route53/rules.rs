//! What the sets at a name may become. Pure: nothing here asks or changes anything.

use std::net::IpAddr;

use thiserror::Error;

use super::compare::canonical_name;
use super::record::{Alias, Body, RecordKind, RecordSet};

/// Where a name is to point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A load balancer's host name.
    Hostname {
        /// The name that answers.
        name: String,
        /// The hosted zone of the load balancer, without which Route 53 cannot make an alias to it.
        alias_zone: Option<String>,
    },
    /// Addresses of either family.
    Addresses(Vec<IpAddr>),
}

/// Why a move is not made. Every sentence ends in a way out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Nothing at the name says where the service is.
    #[error("{0} has no A, AAAA or CNAME set: is this the name that the service's clients ask for?")]
    Nothing(String),
    /// Several sets answer by a policy, and moving one would split the traffic over two databases.
    #[error(
        "{0} is one of several sets that answer by a policy: a part of the traffic would stay behind and write to \
         the old database. Merge them into one simple set first"
    )]
    Routed(String),
    /// A traffic policy owns the set and would put it back.
    #[error("{0} belongs to the traffic policy instance {1}: change it there, or delete the instance first")]
    Managed(String, String),
    /// An HTTPS or SVCB set carries the old address beside the A set.
    #[error("{0} carries addresses as hints, which clients use instead of the A set: take the hints out first")]
    Hinted(String),
    /// A CNAME cannot stand at the top of a zone.
    #[error(
        "{0} is the top of its zone, where no CNAME can stand: give the load balancer's hosted zone id (an alias is \
         made then), or addresses"
    )]
    Apex(String),
    /// A CNAME cannot stand beside other types.
    #[error(
        "{0} has {1} beside its address, and no CNAME can stand beside them: give the load balancer's hosted zone id \
         (an alias is made then), or addresses"
    )]
    Beside(String, String),
    /// No address was given.
    #[error("no address to point {0} to: give at least one")]
    NoAddress(String),
}

/// The sets that make `name` point to `target`, from all the sets `old` that stand at it now.
///
/// Sets of other types are returned as they are. `ttl` (seconds) is used where the old set has none of
/// its own, otherwise the old set's TTL stays: lowering it is a step of its own.
pub fn move_to(
    zone: &str,
    name: &str,
    old: &[RecordSet],
    target: &Target,
    ttl: u32,
) -> Result<Vec<RecordSet>, Refusal> {
    let name = canonical_name(name);
    let (moving, staying): (Vec<_>, Vec<_>) = old.iter().partition(|set| set.kind.is_address());
    if moving.is_empty() {
        return Err(Refusal::Nothing(name));
    }
    for set in &moving {
        if let Some(instance) = &set.traffic_policy_instance {
            return Err(Refusal::Managed(set.to_string(), instance.clone()));
        }
        if !set.is_simple() {
            return Err(Refusal::Routed(set.to_string()));
        }
    }
    if let Some(hinted) = staying.iter().find(|set| carries_hints(set)) {
        return Err(Refusal::Hinted(hinted.to_string()));
    }
    let ttl = moving.iter().filter_map(|set| set.ttl()).max().unwrap_or(ttl);
    let had_v6 = moving.iter().any(|set| set.kind == RecordKind::Aaaa);

    let mut new: Vec<RecordSet> = staying.iter().map(|set| (*set).clone()).collect();
    match target {
        Target::Addresses(addresses) => {
            if addresses.is_empty() {
                return Err(Refusal::NoAddress(name));
            }
            for (kind, v6) in [(RecordKind::A, false), (RecordKind::Aaaa, true)] {
                let values: Vec<String> =
                    addresses.iter().filter(|address| address.is_ipv6() == v6).map(ToString::to_string).collect();
                if !values.is_empty() {
                    new.push(RecordSet::simple(&name, kind, ttl, values));
                }
            }
        }
        Target::Hostname { name: host, alias_zone: Some(alias_zone) } => {
            let alias = Alias { zone_id: alias_zone.clone(), dns_name: canonical_name(host), evaluate_health: false };
            new.push(RecordSet::alias(&name, RecordKind::A, alias.clone()));
            // An AAAA left as it was would send IPv6 clients to the old box for good.
            if had_v6 {
                new.push(RecordSet::alias(&name, RecordKind::Aaaa, alias));
            }
        }
        Target::Hostname { name: host, alias_zone: None } => {
            if name == canonical_name(zone) {
                return Err(Refusal::Apex(name));
            }
            if !staying.is_empty() {
                let mut kinds: Vec<&str> = staying.iter().map(|set| set.kind.as_str()).collect();
                kinds.sort_unstable();
                kinds.dedup();
                return Err(Refusal::Beside(name, kinds.join(", ")));
            }
            new.push(RecordSet::simple(&name, RecordKind::Cname, ttl, [canonical_name(host)]));
        }
    }
    Ok(new)
}

fn carries_hints(set: &RecordSet) -> bool {
    let binding = set.kind == RecordKind::Https || set.kind.as_str() == "SVCB";
    match &set.body {
        Body::Values { values, .. } => {
            binding && values.iter().any(|value| value.contains("ipv4hint") || value.contains("ipv6hint"))
        }
        Body::Alias(_) => false,
    }
}

/// The sets at a name with another TTL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retimed {
    /// All the sets, those of other types as they were.
    pub sets: Vec<RecordSet>,
    /// The longest TTL that an address set had, in seconds: until it has run out, resolvers may keep the
    /// old answer. None where all of them are aliases.
    pub longest_old: Option<u32>,
    /// How many address sets are aliases: they have no TTL of their own, their target's counts.
    pub aliases: usize,
}

/// All the sets with the address sets' TTL as `ttl` seconds, up or down.
pub fn with_ttl(sets: &[RecordSet], ttl: u32) -> Retimed {
    retime(sets, |_| ttl)
}

/// All the sets with no address set's TTL above `ttl` seconds: a shorter one stays.
pub fn lower_ttl(sets: &[RecordSet], ttl: u32) -> Retimed {
    retime(sets, |old| old.min(ttl))
}

fn retime(sets: &[RecordSet], new: impl Fn(u32) -> u32) -> Retimed {
    let mut out = Retimed { sets: sets.to_vec(), longest_old: None, aliases: 0 };
    for set in out.sets.iter_mut().filter(|set| set.kind.is_address()) {
        match &mut set.body {
            Body::Values { ttl, .. } => {
                out.longest_old = Some(out.longest_old.map_or(*ttl, |longest| longest.max(*ttl)));
                *ttl = new(*ttl);
            }
            Body::Alias(_) => out.aliases += 1,
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::route53::record::Policy;

    const NAME: &str = "app.lab.example.";

    fn a() -> RecordSet {
        RecordSet::simple(NAME, RecordKind::A, 15, ["10.0.0.1"])
    }
    fn mx() -> RecordSet {
        RecordSet::simple(NAME, "MX".into(), 300, ["10 mail.lab.example."])
    }
    fn host(alias_zone: Option<&str>) -> Target {
        Target::Hostname { name: "lb.elb.lab.example".into(), alias_zone: alias_zone.map(Into::into) }
    }
    fn to(old: &[RecordSet], target: &Target) -> Result<Vec<RecordSet>, Refusal> {
        move_to("lab.example", NAME, old, target, 60)
    }

    #[test]
    fn a_lonely_address_becomes_a_cname_with_the_same_ttl() {
        let new = to(&[a()], &host(None)).unwrap();
        assert_eq!(new, [RecordSet::simple(NAME, RecordKind::Cname, 15, ["lb.elb.lab.example."])]);
    }

    #[test]
    fn beside_other_types_only_an_alias_or_addresses_will_do() {
        assert_eq!(to(&[a(), mx()], &host(None)), Err(Refusal::Beside(NAME.into(), "MX".into())));
        let aliased = to(&[a(), mx()], &host(Some("ZELB"))).unwrap();
        assert_eq!(aliased[0], mx());
        assert!(matches!(&aliased[1].body, Body::Alias(alias) if alias.zone_id == "ZELB"));
        let plain = to(&[a(), mx()], &Target::Addresses(vec!["10.0.0.9".parse().unwrap()])).unwrap();
        assert_eq!(plain, [mx(), RecordSet::simple(NAME, RecordKind::A, 15, ["10.0.0.9"])]);
    }

    #[test]
    fn no_cname_at_the_top_of_a_zone() {
        let top = RecordSet::simple("lab.example", RecordKind::A, 15, ["10.0.0.1"]);
        assert!(matches!(move_to("lab.example.", "lab.example", &[top], &host(None), 60), Err(Refusal::Apex(_))));
    }

    #[test]
    fn the_ipv6_address_moves_or_goes_in_the_same_batch() {
        let v6 = RecordSet::simple(NAME, RecordKind::Aaaa, 15, ["2001:db8::1"]);
        let aliased = to(&[a(), v6.clone()], &host(Some("ZELB"))).unwrap();
        assert_eq!(aliased.iter().map(|set| set.kind.as_str()).collect::<Vec<_>>(), ["A", "AAAA"]);
        let cname = to(&[a(), v6.clone()], &host(None)).unwrap();
        assert_eq!(cname.len(), 1);
        let v4_only = to(&[a(), v6], &Target::Addresses(vec!["10.0.0.9".parse().unwrap()])).unwrap();
        assert!(v4_only.iter().all(|set| set.kind == RecordKind::A));
    }

    #[test]
    fn an_alias_that_becomes_a_cname_takes_the_ttl_that_was_given() {
        let alias = Alias { zone_id: "Z".into(), dns_name: "old.".into(), evaluate_health: true };
        let new = to(&[RecordSet::alias(NAME, RecordKind::A, alias)], &host(None)).unwrap();
        assert_eq!(new[0].ttl(), Some(60));
    }

    #[test]
    fn routed_managed_hinted_and_missing_sets_are_refused() {
        let mut weighted = a();
        weighted.set_identifier = Some("blue".into());
        weighted.policy = Some(Policy::Weighted(0));
        assert!(matches!(to(&[weighted], &host(None)), Err(Refusal::Routed(_))));
        let mut managed = a();
        managed.traffic_policy_instance = Some("tp-1".into());
        assert!(matches!(to(&[managed], &host(None)), Err(Refusal::Managed(..))));
        let https = RecordSet::simple(NAME, RecordKind::Https, 300, ["1 . ipv4hint=10.0.0.1"]);
        assert!(matches!(to(&[a(), https], &host(Some("Z"))), Err(Refusal::Hinted(_))));
        assert_eq!(to(&[mx()], &host(None)), Err(Refusal::Nothing(NAME.into())));
        assert_eq!(to(&[a()], &Target::Addresses(vec![])), Err(Refusal::NoAddress(NAME.into())));
    }

    #[test]
    fn only_the_address_is_retimed_and_an_alias_says_that_it_has_no_ttl() {
        let lowered = lower_ttl(&[a(), mx()], 5);
        assert_eq!((lowered.longest_old, lowered.aliases), (Some(15), 0));
        assert_eq!(lowered.sets.iter().map(RecordSet::ttl).collect::<Vec<_>>(), [Some(5), Some(300)]);
        assert_eq!(lower_ttl(&[a()], 60).sets, [a()]);
        assert_eq!(with_ttl(&[a()], 60).sets[0].ttl(), Some(60));
        let alias = Alias { zone_id: "Z".into(), dns_name: "old.".into(), evaluate_health: true };
        let none = with_ttl(&[RecordSet::alias(NAME, RecordKind::A, alias)], 60);
        assert_eq!((none.longest_old, none.aliases), (None, 1));
    }
}
