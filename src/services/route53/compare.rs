//! When two record sets are the same, and what tells them apart.

use std::net::IpAddr;

use super::record::{Body, RecordKind, RecordSet};

impl RecordSet {
    /// Whether both say the same to DNS: order, case of host names and spelling of addresses aside.
    pub fn same_as(&self, other: &Self) -> bool {
        self.plain() == other.plain()
    }

    fn plain(&self) -> Self {
        let mut plain = self.clone();
        plain.name = canonical_name(&self.name);
        match &mut plain.body {
            Body::Values { values, .. } => {
                for value in values.iter_mut() {
                    *value = plain_value(&self.kind, value);
                }
                values.sort();
            }
            Body::Alias(alias) => alias.dns_name = canonical_name(&alias.dns_name),
        }
        plain
    }
}

/// A domain name as this module compares it: lower case, `\052` as `*`, one dot at the end.
pub fn canonical_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 1);
    let mut rest = name;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let octal = rest.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        // Only what is printable is written plainly: a dot or a space inside a label stays escaped.
        match octal {
            Some(byte) if byte.is_ascii_graphic() && byte != b'.' && byte != b'\\' => {
                out.push(char::from(byte));
                rest = &rest[at + 4..];
            }
            _ => {
                out.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    let out = out.trim_end_matches('.').to_ascii_lowercase();
    format!("{out}.")
}

fn plain_value(kind: &RecordKind, value: &str) -> String {
    match kind {
        RecordKind::A | RecordKind::Aaaa => {
            value.trim().parse::<IpAddr>().map_or_else(|_| value.trim().to_owned(), |address| address.to_string())
        }
        RecordKind::Cname | RecordKind::Ns => canonical_name(value.trim()),
        _ => value.to_owned(),
    }
}

/// Whether both lists hold the same sets, in any order.
pub fn same_sets(left: &[RecordSet], right: &[RecordSet]) -> bool {
    differences(left, right).is_empty()
}

/// What `found` has otherwise than `expected`, one sentence a set; empty where nothing differs.
pub fn differences(expected: &[RecordSet], found: &[RecordSet]) -> Vec<String> {
    let mut told = Vec::new();
    for set in expected {
        match found.iter().find(|other| other.key() == set.key()) {
            None => told.push(format!("expected {set}, which is not there")),
            Some(other) if !other.same_as(set) => {
                told.push(format!("expected {set}, found {other}{}", beyond(set, other)));
            }
            Some(_) => {}
        }
    }
    for set in found {
        if !expected.iter().any(|other| other.key() == set.key()) {
            told.push(format!("found {set}, which was not expected"));
        }
    }
    told
}

/// Says that the difference lies in what the short form of a set does not show.
fn beyond(expected: &RecordSet, found: &RecordSet) -> &'static str {
    if expected.to_string() == found.to_string() {
        " (routing policy, health check or alias details differ)"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_escapes_and_the_last_dot() {
        assert_eq!(canonical_name("App.Lab.Example"), "app.lab.example.");
        assert_eq!(canonical_name("\\052.lab.example."), "*.lab.example.");
        assert_eq!(canonical_name("a\\040b.lab.example."), "a\\040b.lab.example.");
    }

    #[test]
    fn order_of_values_and_spelling_of_addresses_do_not_matter() {
        let one = RecordSet::simple("app.x", RecordKind::Aaaa, 60, ["2001:DB8::1", "2001:db8::2"]);
        let two = RecordSet::simple("APP.x.", RecordKind::Aaaa, 60, ["2001:db8:0::2", "2001:db8::1"]);
        assert!(one.same_as(&two));
        assert!(!one.same_as(&RecordSet::simple("app.x", RecordKind::Aaaa, 61, ["2001:DB8::1", "2001:db8::2"])));
    }

    #[test]
    fn text_is_compared_exactly() {
        let one = RecordSet::simple("app.x", RecordKind::Txt, 60, ["\"A\""]);
        assert!(!one.same_as(&RecordSet::simple("app.x", RecordKind::Txt, 60, ["\"a\""])));
    }

    #[test]
    fn each_difference_is_told_once() {
        let a = RecordSet::simple("app.x", RecordKind::A, 60, ["10.0.0.1"]);
        let b = RecordSet::simple("app.x", RecordKind::A, 60, ["10.0.0.2"]);
        let txt = RecordSet::simple("app.x", RecordKind::Txt, 60, ["\"x\""]);
        assert_eq!(differences(std::slice::from_ref(&a), &[b.clone(), txt.clone()]).len(), 2);
        assert!(same_sets(&[a.clone(), txt.clone()], &[txt, a]));
    }
}
