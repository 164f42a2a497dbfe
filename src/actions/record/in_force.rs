//! Whether a change is in force where nothing is left to ask Route 53 for: its answer was lost, and with it its id.
//!
//! Each server that speaks for the zone is asked for itself, until all of them answer with what was written.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Record, record_type};
use crate::actions::{Reading, Result};
use crate::domain::Failure;
use crate::services::resolver::{Answer, lookup};
use crate::services::route53::{Body, RecordKind, RecordSet, canonical_name, same_sets};

const TICK: Duration = Duration::from_millis(500);
/// Within so long Route 53 says that its servers all answer with a change; waited out where no answer would tell.
const PROPAGATES: Duration = Duration::from_mins(1);

/// Waits until every server of the zone answers with `written`, for `patience` at most.
pub(super) async fn wait(
    cx: &Reading,
    record: &Record,
    found: &[RecordSet],
    written: &[RecordSet],
    patience: Duration,
) -> Result<()> {
    let changed = changed(found, written);
    if changed.is_empty() {
        return Ok(());
    }
    let begun = Instant::now();
    let tick = || cx.progress("wait for the zone's servers", begun.elapsed().as_secs(), None, "s");
    if !changed.iter().any(Changed::shows) {
        while begun.elapsed() < PROPAGATES {
            tick();
            sleep(TICK).await;
        }
        return Ok(());
    }
    let servers = record.servers(cx).await?;
    loop {
        let mut behind = None;
        'asked: for server in &servers {
            for change in changed.iter().filter(|change| change.shows()) {
                behind = match lookup(*server, &record.name, record_type(&change.kind)).await {
                    Ok(answer) if change.is_in(&answer) => continue,
                    Ok(answer) if answer.authoritative => Some(answer.to_string()),
                    Ok(answer) => Some(format!("{answer}; not with authority")),
                    Err(silent) => Some(Failure::from(silent).in_full()),
                };
                break 'asked;
            }
        }
        let Some(behind) = behind else { return Ok(()) };
        tick();
        if begun.elapsed() >= patience {
            return Err(Failure::transient(format!(
                "the servers of {} do not all answer {} as it was written",
                record.identity(),
                record.name
            ))
            .because(format!("after {} s, {behind}", begun.elapsed().as_secs()))
            .next("it usually takes a minute: see that this machine reaches them, then run the step again; nothing is sent again"));
        }
        sleep(TICK).await;
    }
}

/// The sets of one type of address, where the change touched them.
struct Changed {
    kind: RecordKind,
    old: Vec<RecordSet>,
    new: Vec<RecordSet>,
}

/// What a client could see of a change. One batch holds all of it, so that any of it stands for the whole.
fn changed(found: &[RecordSet], written: &[RecordSet]) -> Vec<Changed> {
    let of = |sets: &[RecordSet], kind: &RecordKind| {
        sets.iter().filter(|set| set.kind == *kind).cloned().collect::<Vec<RecordSet>>()
    };
    [RecordKind::A, RecordKind::Aaaa, RecordKind::Cname]
        .into_iter()
        .map(|kind| Changed { old: of(found, &kind), new: of(written, &kind), kind })
        .filter(|change| !same_sets(&change.old, &change.new))
        .collect()
}

impl Changed {
    /// Whether an answer tells the new sets from the old ones. What an alias answers is its target's, and may be
    /// nothing: that it is in force shows by the old values' absence only.
    fn shows(&self) -> bool {
        let values = |sets: &[RecordSet]| !sets.is_empty() && sets.iter().all(|set| set.ttl().is_some());
        values(&self.new) || values(&self.old)
    }

    /// Whether an answer is by the new sets.
    fn is_in(&self, answer: &Answer) -> bool {
        let kind = record_type(&self.kind);
        let name = self.old.iter().chain(&self.new).next().map(|set| set.name.as_str()).unwrap_or_default();
        let own: Vec<RecordSet> = answer
            .records
            .iter()
            .filter(|record| record.kind == kind && canonical_name(&record.name) == canonical_name(name))
            .map(|record| RecordSet::simple(name, self.kind.clone(), record.ttl, [record.value.as_str()]))
            .collect();
        let (new, old) = (singly(&self.new), singly(&self.old));
        let among = |sets: &[RecordSet], one: &RecordSet| sets.iter().any(|set| set.same_as(one));
        if !answer.authoritative {
            return false;
        }
        if self.new.is_empty() || self.new.iter().any(|set| set.ttl().is_none()) {
            return !own.iter().any(|one| among(&old, one));
        }
        // Of sets that are chosen among, an answer has some; of one that stands alone, all.
        let whole = !self.new.iter().all(RecordSet::is_simple) || own.len() == new.len();
        whole && !own.is_empty() && own.iter().all(|one| among(&new, one))
    }
}

/// Each value as a set of its own, as an answer has it.
fn singly(sets: &[RecordSet]) -> Vec<RecordSet> {
    let values = |set: &RecordSet| match &set.body {
        Body::Values { ttl, values } => {
            values.iter().map(|value| RecordSet::simple(&set.name, set.kind.clone(), *ttl, [value.as_str()])).collect()
        }
        Body::Alias(_) => Vec::new(),
    };
    sets.iter().flat_map(values).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::resolver::{Record as Given, RecordType, Verdict};
    use crate::services::route53::Alias;

    const APP: &str = "app.lab.example.";

    fn answer(records: &[(RecordType, u32, &str)]) -> Answer {
        Answer {
            server: "192.0.2.53:53".parse().unwrap(),
            authoritative: true,
            verdict: Verdict::Exists,
            records: records
                .iter()
                .map(|(kind, ttl, value)| Given { name: APP.into(), kind: *kind, ttl: *ttl, value: (*value).into() })
                .collect(),
            elsewhere: None,
        }
    }

    fn a(ttl: u32, values: &[&str]) -> RecordSet {
        RecordSet::simple(APP, RecordKind::A, ttl, values.iter().copied())
    }

    fn alias(kind: RecordKind) -> RecordSet {
        let to = Alias { zone_id: "Z1".into(), dns_name: "lb.example.".into(), evaluate_health: false };
        RecordSet::alias(APP, kind, to)
    }

    #[test]
    fn a_lowered_ttl_is_in_force_where_every_value_comes_with_it_and_with_authority() {
        let (found, written) = ([a(3600, &["192.0.2.1", "192.0.2.2"])], [a(60, &["192.0.2.1", "192.0.2.2"])]);
        let changed = changed(&found, &written);
        assert_eq!(changed.len(), 1);
        let told = |ttl, values: &[&str]| {
            let records: Vec<_> = values.iter().map(|value| (RecordType::A, ttl, *value)).collect();
            changed[0].is_in(&answer(&records))
        };
        assert!(told(60, &["192.0.2.2", "192.0.2.1"]));
        assert!(!told(3600, &["192.0.2.1", "192.0.2.2"]), "the old TTL");
        assert!(!told(60, &["192.0.2.1"]), "a part of it");
        assert!(!told(60, &[]));
        let cached = Answer { authoritative: false, ..answer(&[(RecordType::A, 60, "192.0.2.1")]) };
        assert!(!changed[0].is_in(&cached));
    }

    #[test]
    fn an_alias_shows_by_the_old_values_being_gone_and_two_aliases_are_not_told_apart() {
        let there = changed(&[a(60, &["192.0.2.1"])], &[alias(RecordKind::A), alias(RecordKind::Aaaa)]);
        let shows: Vec<_> = there.iter().filter(|change| change.shows()).collect();
        assert_eq!(shows.len(), 1, "an alias may have no address of the other family");
        assert!(shows[0].is_in(&answer(&[(RecordType::A, 60, "198.51.100.7")])));
        assert!(!shows[0].is_in(&answer(&[(RecordType::A, 60, "192.0.2.1")])));
        let mut other = alias(RecordKind::A);
        other.body =
            Body::Alias(Alias { zone_id: "Z2".into(), dns_name: "old.example.".into(), evaluate_health: false });
        assert!(!changed(&[other], &[alias(RecordKind::A)])[0].shows());
    }

    #[test]
    fn a_name_that_gave_way_to_addresses_is_gone_from_the_answer() {
        let cname = RecordSet::simple(APP, RecordKind::Cname, 60, ["old.example."]);
        let back = changed(&[alias(RecordKind::A)], std::slice::from_ref(&cname));
        let there = changed(&[cname], &[alias(RecordKind::A)]);
        let shown: Vec<_> = there.iter().filter(|change| change.shows()).collect();
        assert_eq!(shown.len(), 1);
        let old = answer(&[(RecordType::CNAME, 60, "old.example.")]);
        assert!(!shown[0].is_in(&old) && shown[0].is_in(&answer(&[])));
        let shown: Vec<_> = back.iter().filter(|change| change.shows()).collect();
        assert!(shown.iter().all(|change| change.is_in(&old)) && !shown.is_empty());
        assert!(changed(&[a(60, &["192.0.2.1"])], &[a(60, &["192.0.2.1"])]).is_empty(), "nothing to wait for");
    }
}
