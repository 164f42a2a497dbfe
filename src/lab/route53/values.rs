//! Whether a set's values are values of its type, read with a DNS parser rather than by their looks.

use std::collections::BTreeSet;
use std::str::FromStr;

use hickory_server::proto::rr::{Name, RData, RecordType};

use crate::services::route53::{Body, RecordKind, RecordSet};

/// Everything wrong with the set's values.
pub fn faults(set: &RecordSet) -> Vec<String> {
    let Body::Values { values, .. } = &set.body else { return Vec::new() };
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    if Name::from_str(&set.name).is_err() {
        faults.push(format!("FATAL problem: DomainLabelIllegal encountered with '{}'", set.name));
    }
    for value in values {
        if !seen.insert(value) {
            faults.push(format!("Duplicate Resource Record: '{value}'"));
        }
        if let Err(problem) = parse(&set.kind, value) {
            faults.push(format!("Invalid Resource Record: FATAL problem: {problem} encountered with '{value}'"));
        }
    }
    if set.kind == RecordKind::Cname && values.len() != 1 {
        faults.push(format!("RRSet of type CNAME with DNS name {} must have exactly one value", set.name));
    }
    if !set.is_simple()
        && values.len() != 1
        && !matches!(set.policy, Some(crate::services::route53::Policy::Multivalue(_)))
    {
        faults.push(format!(
            "RRSet with DNS name {}, type {} and a routing policy must have one value",
            set.name, set.kind
        ));
    }
    faults
}

/// A value as DNS sends it.
pub fn parse(kind: &RecordKind, value: &str) -> Result<RData, String> {
    let record_type = RecordType::from_str(kind.as_str()).map_err(|_| format!("UnknownType {kind}"))?;
    let text = match kind {
        // Names in values count from the root, with or without their last dot.
        RecordKind::Cname | RecordKind::Ns => crate::services::route53::canonical_name(value),
        RecordKind::Txt if !value.starts_with('"') => {
            return Err("InvalidCharacterString (Value should be enclosed in quotation marks)".to_owned());
        }
        _ => value.to_owned(),
    };
    let word = match kind {
        RecordKind::A => "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)",
        RecordKind::Aaaa => "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)",
        _ => "RRDATAUnparseable",
    };
    RData::try_from_str(record_type, &text).map_err(|_| word.to_owned())
}
