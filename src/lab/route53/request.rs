//! Reading a batch of changes from its XML, as strictly as the service's schema does.

use quick_xml::de::from_str;
use serde::Deserialize;

use super::batch::{Edit, Verb};
use crate::services::route53::{Alias, Body, Policy, RecordKind, RecordSet, canonical_name};

/// The namespace of every message.
pub const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// What a client asks to change.
#[derive(Debug)]
pub struct Batch {
    /// What it says about it.
    pub comment: Option<String>,
    /// The edits in order.
    pub edits: Vec<Edit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename = "ChangeResourceRecordSetsRequest")]
struct Root {
    #[serde(rename = "@xmlns")]
    namespace: String,
    #[serde(rename = "ChangeBatch")]
    batch: XmlBatch,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct XmlBatch {
    comment: Option<String>,
    changes: XmlChanges,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct XmlChanges {
    #[serde(rename = "Change", default)]
    list: Vec<XmlChange>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct XmlChange {
    action: String,
    resource_record_set: XmlSet,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct XmlSet {
    name: String,
    #[serde(rename = "Type")]
    kind: String,
    set_identifier: Option<String>,
    weight: Option<i64>,
    region: Option<String>,
    geo_location: Option<XmlGeo>,
    failover: Option<String>,
    multi_value_answer: Option<bool>,
    #[serde(rename = "TTL")]
    ttl: Option<i64>,
    resource_records: Option<XmlRecords>,
    alias_target: Option<XmlAlias>,
    health_check_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct XmlGeo {
    #[serde(rename = "ContinentCode")]
    continent: Option<String>,
    #[serde(rename = "CountryCode")]
    country: Option<String>,
    #[serde(rename = "SubdivisionCode")]
    subdivision: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct XmlRecords {
    #[serde(rename = "ResourceRecord", default)]
    list: Vec<XmlRecord>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct XmlRecord {
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct XmlAlias {
    hosted_zone_id: String,
    #[serde(rename = "DNSName")]
    dns_name: String,
    evaluate_target_health: bool,
}

/// Reads a batch; the error is the message of an `InvalidInput`.
pub fn parse(xml: &str) -> Result<Batch, String> {
    let root: Root = from_str(xml).map_err(|error| format!("Invalid XML ; {error}"))?;
    if root.namespace != NAMESPACE {
        return Err(format!("Invalid XML ; the namespace is '{}', not '{NAMESPACE}'", root.namespace));
    }
    let changes = root.batch.changes.list;
    if changes.is_empty() || changes.len() > 1000 {
        return Err(format!("Invalid request: a batch has 1 to 1000 changes, not {}", changes.len()));
    }
    let edits = changes.into_iter().map(edit).collect::<Result<_, _>>()?;
    Ok(Batch { comment: root.batch.comment, edits })
}

fn edit(change: XmlChange) -> Result<Edit, String> {
    let set = change.resource_record_set;
    let verb = match change.action.as_str() {
        "CREATE" => Verb::Create,
        "DELETE" => Verb::Delete,
        "UPSERT" => Verb::Upsert,
        other => {
            return Err(format!(
                "Invalid XML ; Value '{other}' is not facet-valid with respect to enumeration '[CREATE, DELETE, UPSERT]'"
            ));
        }
    };
    let place = format!(
        "Change with [Action={}, Name={}, Type={}, SetIdentifier={}]",
        change.action,
        canonical_name(&set.name),
        set.kind,
        set.set_identifier.as_deref().unwrap_or("null")
    );
    let body = body(&set, &place)?;
    let policy = policy(&set, &place)?;
    Ok(Edit {
        verb,
        set: RecordSet {
            name: canonical_name(&set.name),
            kind: kind(&set.kind)?,
            body,
            set_identifier: set.set_identifier,
            policy,
            health_check: set.health_check_id,
            traffic_policy_instance: None,
        },
    })
}

fn kind(word: &str) -> Result<RecordKind, String> {
    const KNOWN: [&str; 17] = [
        "A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB",
        "TLSA", "TXT",
    ];
    if KNOWN.contains(&word) {
        Ok(RecordKind::from(word))
    } else {
        Err(format!(
            "Invalid XML ; Value '{word}' is not facet-valid with respect to enumeration '[{}]'",
            KNOWN.join(", ")
        ))
    }
}

fn body(set: &XmlSet, place: &str) -> Result<Body, String> {
    const ONE_OF: &str = "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]";
    let values: Vec<String> =
        set.resource_records.iter().flat_map(|records| &records.list).map(|record| record.value.clone()).collect();
    match (&set.alias_target, set.ttl, values.is_empty()) {
        (Some(alias), None, true) => Ok(Body::Alias(Alias {
            zone_id: alias.hosted_zone_id.clone(),
            dns_name: alias.dns_name.clone(),
            evaluate_health: alias.evaluate_target_health,
        })),
        (Some(_), _, _) => Err(format!("{ONE_OF}, but found more than one in {place}")),
        (None, Some(ttl), false) => match u32::try_from(ttl) {
            Ok(ttl) if ttl <= 2_147_483_647 => Ok(Body::Values { ttl, values }),
            _ => Err(format!("Invalid request: TTL {ttl} is not between 0 and 2147483647 in {place}")),
        },
        (None, _, _) => Err(format!("{ONE_OF}, but found none in {place}")),
    }
}

fn policy(set: &XmlSet, place: &str) -> Result<Option<Policy>, String> {
    const ONE_OF: &str =
        "Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer]";
    let mut policies = Vec::new();
    if let Some(weight) = set.weight {
        if !(0..=255).contains(&weight) {
            return Err(format!(
                "1 validation error detected: Value '{weight}' at 'weight' failed to satisfy constraint: Member must have \
                 value between 0 and 255 in {place}"
            ));
        }
        policies.push(Policy::Weighted(weight));
    }
    policies.extend(set.region.clone().map(Policy::Latency));
    if let Some(role) = &set.failover {
        if role != "PRIMARY" && role != "SECONDARY" {
            return Err(format!("Invalid XML ; Failover is PRIMARY or SECONDARY, not '{role}' in {place}"));
        }
        policies.push(Policy::Failover(role.clone()));
    }
    policies.extend(set.multi_value_answer.map(Policy::Multivalue));
    policies.extend(set.geo_location.as_ref().map(|geo| Policy::Geolocation {
        continent: geo.continent.clone(),
        country: geo.country.clone(),
        subdivision: geo.subdivision.clone(),
    }));
    match (policies.len(), &set.set_identifier) {
        (0, None) => Ok(None),
        (0, Some(_)) => Err(format!("{ONE_OF}, but found none in {place}")),
        (1, None) => Err(format!("Invalid request: Missing field 'SetIdentifier' in {place}")),
        (1, Some(_)) => Ok(policies.pop()),
        _ => Err(format!("{ONE_OF}, but found more than one in {place}")),
    }
}
