//! What an inventory does not look at: the one table, each row with its reason.

use std::collections::BTreeMap;

use crate::domain::Resource;

/// Something that is not looked at.
#[derive(Debug, Clone, Copy)]
pub struct LeftOut {
    /// Resources by their text form, `*` standing for anything.
    pub what: &'static str,
    /// These parts of them; where none is named, the whole.
    pub parts: &'static [&'static str],
    /// Why.
    pub why: &'static str,
}

/// Everything that is left out.
pub const LEFT_OUT: &[LeftOut] = &[
    whole("kubernetes/Event/*", "a report of what happened; it goes by itself after an hour"),
    whole("kubernetes/Lease/*", "a heartbeat, renewed every few seconds"),
    whole("kubernetes/PodMetrics/*", "a measurement"),
    whole("kubernetes/NodeMetrics/*", "a measurement"),
    whole("kubernetes/ComponentStatus/*", "the health of the control plane, asked anew each time"),
    parts(
        "kubernetes/*",
        &["metadata.managedFields", "metadata.resourceVersion", "metadata.generation", "metadata.uid"],
        "the API server's own bookkeeping",
    ),
    parts("kubernetes/*", &["metadata.creationTimestamp"], "an object made again just as it was is as it was"),
    parts("kubernetes/*", &["status"], "what controllers see, not what anybody wants"),
    parts(
        "kubernetes/EndpointSlice/*",
        &["endpoints", "metadata.annotations", "metadata.labels"],
        "it follows the pods of its Service",
    ),
    parts(
        "kubernetes/Endpoints/*",
        &["subsets", "metadata.annotations", "metadata.labels"],
        "it follows the pods of its Service",
    ),
    whole("*-mysql/variable/gtid_executed", "history: it grows with every write and is never taken back"),
    whole("*-mysql/variable/gtid_purged", "history: what of it has left the binary logs"),
    whole("*-mysql/variable/gtid_owned", "transactions under way"),
    parts("docker/volume/*", &["created"], "the engine gives the time of the directory's last change for it"),
    parts("*-mysql/user/*", &["password_last_changed"], "a time"),
    whole("file/*/dockerd.log", "the Docker engine's log, where the lab started the engine"),
    whole("file/*/lock", "whoever works on the lab holds it"),
    whole("file/*/route53/*", "the stand-in's own memory and log; its zones are asked for by its API"),
    whole("file/*/rehearsals/*/traffic*", "the rehearsal's own record of its tenants"),
    whole("file/*/rehearsals/*.json", "the rehearsal's own record: inventories, ledger, summary"),
    whole("file/*/rehearsals/*/state", "the run itself; what is in it is looked at"),
    whole("file/*/state/journal.sqlite*", "the run's journal: it is what explains"),
    whole("file/*/state/telemetry*.jsonl", "what was only known live, kept beside the journal for looking back"),
    whole("file/*/state/seen-*", "how far somebody read the journal"),
    whole("file/*/state/engine.*", "the engine's words, and the socket it listens on"),
    whole("file/*/state/watch.sock", "the socket where others look on"),
    whole("file/*/state/lock", "whoever drives the run holds it"),
    whole("file/*/state/*.program", "a step's program holds it, so that it runs alone"),
    whole("registry/repository/*", "a repository without a tag is a name that distribution keeps; tags are looked at"),
];

const fn whole(what: &'static str, why: &'static str) -> LeftOut {
    LeftOut { what, parts: &[], why }
}

const fn parts(what: &'static str, parts: &'static [&'static str], why: &'static str) -> LeftOut {
    LeftOut { what, parts, why }
}

/// Whether all of a thing is left out.
pub(super) fn wholly(resource: &Resource) -> bool {
    LEFT_OUT.iter().any(|row| row.parts.is_empty() && matches(row.what, resource.as_str()))
}

/// Whether every thing of a kind is left out: then it need not even be asked for.
pub(super) fn kind(service: &str, kind: &str) -> bool {
    LEFT_OUT.iter().any(|row| row.parts.is_empty() && row.what == format!("{service}/{kind}/*"))
}

/// The parts that are looked at.
pub(super) fn without(resource: &Resource, mut known: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for row in LEFT_OUT.iter().filter(|row| matches(row.what, resource.as_str())) {
        known.retain(|path, _| !row.parts.iter().any(|part| within(part, path)));
    }
    known
}

fn within(part: &str, path: &str) -> bool {
    path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether `pattern` is all of `text`, each `*` standing for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| matches(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::domain::resource::Side;
    use crate::lab::inventory::parts;

    #[test]
    fn every_row_has_its_reason_and_stands_once() {
        for (at, row) in LEFT_OUT.iter().enumerate() {
            assert!(!row.why.is_empty(), "{}", row.what);
            let again = LEFT_OUT[..at].iter().any(|other| other.what == row.what && other.parts == row.parts);
            assert!(!again, "{} stands twice", row.what);
        }
    }

    #[test]
    fn what_moves_by_itself_is_left_out_and_nothing_beside_it() {
        assert!(wholly(&Resource::object("events.k8s.io/v1", "Event", Some("shop"), "web.1")));
        assert!(!wholly(&Resource::object("v1", "ConfigMap", Some("shop"), "Event")));
        assert!(wholly(&Side::Target.variable("gtid_executed")));
        assert!(!wholly(&Side::Target.variable("gtid_mode")));
        assert!(!wholly(&Resource::file(Path::new("/etc/hosts"))));
        let object =
            json!({"metadata": {"uid": "1", "name": "web"}, "spec": {"replicas": 1}, "status": {"a": {"b": 1}}});
        let web = Resource::object("apps/v1", "Deployment", Some("shop"), "web");
        let left: Vec<String> = without(&web, parts::of(&object)).into_keys().collect();
        assert_eq!(left, ["metadata.name", "spec.replicas"]);
    }
}
