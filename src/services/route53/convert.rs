//! Between our [`RecordSet`] and the SDK's, losing nothing.

use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::types::{
    AliasTarget, CidrRoutingConfig, Coordinates, GeoLocation, GeoProximityLocation, ResourceRecord, ResourceRecordSet,
    ResourceRecordSetFailover, ResourceRecordSetRegion, RrType,
};

use super::compare::canonical_name;
use super::record::{Alias, Body, Policy, RecordKind, RecordSet};

/// Why a set of the SDK has no plain form: refusing it beats losing a part of it.
#[derive(Debug, thiserror::Error)]
#[error("the set {name} {kind} has {what}, which this program cannot keep exactly")]
pub(super) struct Unkept {
    name: String,
    kind: String,
    what: &'static str,
}

pub(super) fn from_sdk(set: &ResourceRecordSet) -> Result<RecordSet, Unkept> {
    let unkept = |what| Unkept { name: set.name.clone(), kind: set.r#type.as_str().to_owned(), what };
    let body = match (&set.alias_target, set.ttl) {
        (Some(alias), None) => Body::Alias(Alias {
            zone_id: alias.hosted_zone_id.clone(),
            dns_name: alias.dns_name.clone(),
            evaluate_health: alias.evaluate_target_health,
        }),
        (None, Some(ttl)) => Body::Values {
            ttl: u32::try_from(ttl).map_err(|_| unkept("a TTL that is no count of seconds"))?,
            values: set.resource_records().iter().map(|record| record.value.clone()).collect(),
        },
        // A set made by a traffic policy may have neither; it is refused by its instance anyway.
        (None, None) if set.traffic_policy_instance_id.is_some() => Body::Values { ttl: 0, values: Vec::new() },
        _ => return Err(unkept("both an alias and a TTL, or neither")),
    };
    let mut policies: Vec<Policy> = Vec::new();
    policies.extend(set.weight.map(Policy::Weighted));
    policies.extend(set.region.as_ref().map(|region| Policy::Latency(region.as_str().to_owned())));
    policies.extend(set.failover.as_ref().map(|failover| Policy::Failover(failover.as_str().to_owned())));
    policies.extend(set.multi_value_answer.map(Policy::Multivalue));
    policies.extend(set.geo_location.as_ref().map(|geo| Policy::Geolocation {
        continent: geo.continent_code.clone(),
        country: geo.country_code.clone(),
        subdivision: geo.subdivision_code.clone(),
    }));
    policies.extend(set.geo_proximity_location.as_ref().map(|geo| Policy::Geoproximity {
        region: geo.aws_region.clone(),
        local_zone_group: geo.local_zone_group.clone(),
        coordinates: geo.coordinates.as_ref().map(|at| (at.latitude.clone(), at.longitude.clone())),
        bias: geo.bias,
    }));
    policies.extend(
        set.cidr_routing_config
            .as_ref()
            .map(|cidr| Policy::Cidr { collection: cidr.collection_id.clone(), location: cidr.location_name.clone() }),
    );
    if policies.len() > 1 {
        return Err(unkept("more than one routing policy"));
    }
    Ok(RecordSet {
        name: canonical_name(&set.name),
        kind: RecordKind::from(set.r#type.as_str()),
        body,
        set_identifier: set.set_identifier.clone(),
        policy: policies.pop(),
        health_check: set.health_check_id.clone(),
        traffic_policy_instance: set.traffic_policy_instance_id.clone(),
    })
}

pub(super) fn to_sdk(set: &RecordSet) -> Result<ResourceRecordSet, BuildError> {
    let mut out = ResourceRecordSet::builder()
        .name(&set.name)
        .r#type(RrType::from(set.kind.as_str()))
        .set_set_identifier(set.set_identifier.clone())
        .set_health_check_id(set.health_check.clone())
        .set_traffic_policy_instance_id(set.traffic_policy_instance.clone());
    out = match &set.body {
        Body::Values { ttl, values } => {
            let mut with_values = out.ttl(i64::from(*ttl));
            for value in values {
                with_values = with_values.resource_records(ResourceRecord::builder().value(value).build()?);
            }
            with_values
        }
        Body::Alias(alias) => out.alias_target(
            AliasTarget::builder()
                .hosted_zone_id(&alias.zone_id)
                .dns_name(&alias.dns_name)
                .evaluate_target_health(alias.evaluate_health)
                .build()?,
        ),
    };
    out = match &set.policy {
        None => out,
        Some(Policy::Weighted(weight)) => out.weight(*weight),
        Some(Policy::Latency(region)) => out.region(ResourceRecordSetRegion::from(region.as_str())),
        Some(Policy::Failover(role)) => out.failover(ResourceRecordSetFailover::from(role.as_str())),
        Some(Policy::Multivalue(on)) => out.multi_value_answer(*on),
        Some(Policy::Geolocation { continent, country, subdivision }) => out.geo_location(
            GeoLocation::builder()
                .set_continent_code(continent.clone())
                .set_country_code(country.clone())
                .set_subdivision_code(subdivision.clone())
                .build(),
        ),
        Some(Policy::Geoproximity { region, local_zone_group, coordinates, bias }) => {
            let mut geo = GeoProximityLocation::builder()
                .set_aws_region(region.clone())
                .set_local_zone_group(local_zone_group.clone())
                .set_bias(*bias);
            if let Some((latitude, longitude)) = coordinates {
                geo = geo.coordinates(Coordinates::builder().latitude(latitude).longitude(longitude).build()?);
            }
            out.geo_proximity_location(geo.build())
        }
        Some(Policy::Cidr { collection, location }) => out.cidr_routing_config(
            CidrRoutingConfig::builder().collection_id(collection).location_name(location).build()?,
        ),
    };
    out.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_goes_there_and_back() {
        let policies = [
            None,
            Some(Policy::Weighted(255)),
            Some(Policy::Latency("eu-west-1".into())),
            Some(Policy::Failover("PRIMARY".into())),
            Some(Policy::Multivalue(true)),
            Some(Policy::Geolocation { continent: Some("EU".into()), country: None, subdivision: None }),
            Some(Policy::Geoproximity {
                region: None,
                local_zone_group: None,
                coordinates: Some(("1.0".into(), "2.0".into())),
                bias: Some(4),
            }),
            Some(Policy::Cidr { collection: "c".into(), location: "l".into() }),
        ];
        for policy in policies {
            let mut set = RecordSet::simple("app.lab.example", RecordKind::A, 15, ["10.0.0.1", "10.0.0.2"]);
            set.set_identifier = policy.as_ref().map(|_| "one".to_owned());
            set.policy = policy;
            set.health_check = Some("hc".into());
            assert_eq!(from_sdk(&to_sdk(&set).unwrap()).unwrap(), set);
        }
        let alias = Alias { zone_id: "Z".into(), dns_name: "lb.".into(), evaluate_health: true };
        let set = RecordSet::alias("app.lab.example", RecordKind::Aaaa, alias);
        assert_eq!(from_sdk(&to_sdk(&set).unwrap()).unwrap(), set);
    }
}
