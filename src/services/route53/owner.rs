//! Who else looks after a record: the marks that external-dns leaves in TXT sets.

use serde::{Deserialize, Serialize};

use super::compare::canonical_name;
use super::record::{Body, RecordKind, RecordSet};

/// A mark of external-dns, which will take the record back after any change by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The name of the TXT set that says so.
    pub mark: String,
    /// The owner's id in it.
    pub owner: String,
    /// The Kubernetes object that it was made for, where it is said.
    pub resource: Option<String>,
}

/// The names at which external-dns is known to leave the mark for `name`: the name itself, and the name
/// with the record's type in front.
pub(super) fn mark_names(name: &str) -> Vec<String> {
    let name = canonical_name(name);
    let plain = name.strip_prefix("*.").map_or_else(|| name.clone(), |rest| format!("_wildcard.{rest}"));
    let mut names = vec![name.clone()];
    for kind in ["a", "aaaa", "cname"] {
        names.push(format!("{kind}-{plain}"));
    }
    names
}

/// Whether a TXT set of this name could be a mark for `name`: any prefix or suffix on its first label, or
/// labels in front of it (`--txt-prefix` and `--txt-suffix` are free text).
pub(super) fn may_mark(mark: &str, name: &str) -> bool {
    let (mark, name) = (canonical_name(mark), canonical_name(name));
    if mark == name || mark.ends_with(&format!(".{name}")) {
        return true;
    }
    match (mark.split_once('.'), name.split_once('.')) {
        (Some((mark_label, mark_rest)), Some((label, rest))) => {
            let label = if label == "*" { "wildcard" } else { label };
            mark_rest == rest
                && (mark_label.ends_with(&format!("-{label}")) || mark_label.starts_with(&format!("{label}-")))
        }
        _ => false,
    }
}

/// The mark in a TXT set, if it is one.
pub(super) fn read_mark(set: &RecordSet) -> Option<Owner> {
    let Body::Values { values, .. } = &set.body else { return None };
    if set.kind != RecordKind::Txt {
        return None;
    }
    let mark =
        values.iter().map(|value| value.trim_matches('"')).find(|value| value.contains("heritage=external-dns"))?;
    let field = |key: &str| {
        mark.split(',').find_map(|part| part.trim().strip_prefix(key)?.strip_prefix('=')).map(str::to_owned)
    };
    Some(Owner {
        mark: set.name.clone(),
        owner: field("external-dns/owner").unwrap_or_else(|| "unnamed".to_owned()),
        resource: field("external-dns/resource"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn txt(name: &str, value: &str) -> RecordSet {
        RecordSet::simple(name, RecordKind::Txt, 300, [value])
    }

    #[test]
    fn a_mark_names_its_owner_and_object() {
        let value = "\"heritage=external-dns,external-dns/owner=prod,external-dns/resource=ingress/shop/web\"";
        let owner = read_mark(&txt("a-app.lab.example", value)).unwrap();
        assert_eq!((owner.owner.as_str(), owner.resource.as_deref()), ("prod", Some("ingress/shop/web")));
        assert_eq!(read_mark(&txt("app.lab.example", "\"v=spf1 -all\"")), None);
    }

    #[test]
    fn prefixed_and_suffixed_names_are_marks_and_other_names_are_not() {
        for mark in ["app.x.", "cname-app.x.", "extdns.app.x.", "app-owner.x.", "team-a-app.x."] {
            assert!(may_mark(mark, "app.x"), "{mark}");
        }
        for other in ["myapp.x.", "app.y.", "x.", "apple-1.x."] {
            assert!(!may_mark(other, "app.x"), "{other}");
        }
        assert!(mark_names("*.x").contains(&"cname-_wildcard.x.".to_owned()));
    }
}
