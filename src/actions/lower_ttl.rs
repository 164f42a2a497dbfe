//! `dns.lower-ttl`: days before the switch, so that the old, long TTL has run out by then.
//!
//! Lowering a TTL helps only after the *old* one has run out, counted from when the last of the zone's
//! servers answers with the new one: that moment is the step's output, and the switch waits for it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::record::{Record, record_type};
use super::undo::recorded;
use super::{Action, Checking, Outputs, Reading, Result, Working};
use crate::domain::preview::Verb;
use crate::domain::runbook::inputs::LowerTtl;
use crate::domain::{Check, Failure, Preview};
use crate::services::resolver::{Answer, RecordType, lookup};
use crate::services::route53::rules::{Retimed, lower_ttl};
use crate::services::route53::{RecordSet, Stands, same_sets};

/// The checkpoint with the exact sets as the first attempt found them.
const FOUND: &str = "found";
/// The one effect.
const EFFECT: &str = "ttl";
/// The checkpoint and output with the moment from which no resolver keeps the old answer.
const OVER_AT: &str = "old_ttl_over_at";

impl Action for LowerTtl {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        let record = Record::open(cx).await?;
        record.refuse_foreign().await?;
        let sets = record.sets().await?;
        let lowered = self.lowered(&record, &sets)?;
        let mut preview = Preview::undone_by("the exact sets that were found, put back by compare-and-swap");
        preview.identity("hosted zone", record.identity());
        preview.setting("TTL during the migration", format!("{} s", self.seconds()?));
        for (old, new) in sets.iter().zip(&lowered.sets).filter(|(old, _)| old.kind.is_address()) {
            let object = format!("record {} {}", old.name, old.kind);
            match (old.ttl(), new.ttl()) {
                (Some(from), Some(to)) if from != to => {
                    preview.change(Verb::Change, object, vec![format!("TTL {from} s -> {to} s")]);
                }
                (Some(ttl), _) => {
                    preview.change(Verb::Keep, object, vec![format!("TTL {ttl} s")]);
                }
                (None, _) => {
                    preview.change(Verb::Keep, object, vec!["an alias: it has no TTL of its own".to_owned()]);
                }
            }
        }
        if let Some(old) = lowered.longest_old.filter(|_| !same_sets(&sets, &lowered.sets)) {
            preview.figure("old TTL runs out", format!("{old} s after the change is in force"));
        }
        if lowered.aliases > 0 {
            preview.warnings.push("an alias answers with its target's TTL, which nobody can lower here".to_owned());
        }
        if record.zone.info().private {
            preview.warnings.push("the zone is private: only its VPCs' clients see it".to_owned());
        }
        Ok(preview)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        let record = Record::open(cx).await?;
        record.pin(cx)?;
        // What the attempt that began the effect found counts: the sets may be the lowered ones by now.
        let kept = cx.checkpointed::<Vec<RecordSet>>(FOUND)?.filter(|_| cx.undo_of(EFFECT).is_some());
        let found = if let Some(kept) = kept {
            kept
        } else {
            let found = record.sets().await?;
            cx.checkpoint(FOUND, &found)?;
            found
        };
        let lowered = self.lowered(&record, &found)?;
        let summary = format!("lower the TTL of {} to {} s", record.name, self.seconds()?);
        let swapped = record.swap(cx, EFFECT, summary, &found, &lowered.sets).await?;
        record.wait_insync(cx, &swapped).await?;
        let over_at = if let Some(over_at) = cx.checkpointed::<Timestamp>(OVER_AT)? {
            over_at
        } else {
            let old = if same_sets(&found, &lowered.sets) { None } else { lowered.longest_old };
            let over_at = Timestamp::now() + Duration::from_secs(old.unwrap_or_default().into());
            cx.checkpoint(OVER_AT, &over_at)?;
            over_at
        };
        Ok(BTreeMap::from([(OVER_AT.to_owned(), json!(over_at))]))
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        let record = Record::open(cx).await?;
        let most = self.seconds()?;
        let sets = record.sets().await?;
        let mut checks = Vec::new();
        for server in record.servers(cx).await? {
            for set in sets.iter().filter(|set| set.kind.is_address()) {
                let kind = record_type(&set.kind);
                let fact = format!("{server} answers {} {} for at most {most} s", set.name, set.kind);
                let answer = lookup(server, &record.name, kind).await?;
                let ttl = ttl_of(&answer, kind);
                let evidence = answer.to_string();
                checks.push(match ttl {
                    _ if !answer.authoritative => Check::failed(fact, format!("{evidence}; not with authority")),
                    // An alias's target may have none of this type, and its TTL is not ours.
                    _ if set.ttl().is_none() => Check::noted(fact, format!("an alias: {evidence}")),
                    Some(ttl) => Check::of(ttl <= most, fact, evidence),
                    None => Check::failed(fact, evidence),
                });
            }
        }
        if let Some(over_at) = cx.checkpointed::<Timestamp>(OVER_AT)? {
            checks.push(Check::noted("the old TTL runs out", format!("at {over_at:.0}; the switch waits for it")));
        }
        Ok(checks)
    }

    async fn way_back(&self, cx: &Reading) -> Result<Preview> {
        let record = Record::open(cx).await?;
        let mut preview = Preview::undone_by("lowering the TTL again, and its wait for the old one to run out");
        preview.identity("hosted zone", record.identity());
        preview.loses = Some(0);
        preview.takes = cx.measured(|_| false).or_else(|| cx.way_there());
        let Some(Swap { found, written }) = swap(cx)? else { return Ok(preview) };
        let verb = match record.zone.look(&record.name, &written, &found).await? {
            Stands::Old => Verb::Change,
            Stands::New => Verb::Keep,
            Stands::Neither { differences, .. } => return Err(record.changed_by_others(&differences)),
        };
        for (old, new) in found.iter().zip(&written).filter(|(old, new)| !old.same_as(new)) {
            let ttl = |set: &RecordSet| set.ttl().map_or_else(|| "none".to_owned(), |ttl| format!("{ttl} s"));
            let detail = vec![format!("TTL {} -> {}", ttl(new), ttl(old))];
            preview.change(verb, format!("record {} {}", old.name, old.kind), detail);
        }
        Ok(preview)
    }

    async fn rollback(&self, cx: &Working) -> Result<Vec<Check>> {
        let Some(Swap { found, written }) = swap(cx)? else { return Ok(Vec::new()) };
        let record = Record::open(cx).await?;
        cx.take_back(EFFECT, async |_| record.put_back(cx, &written, &found).await).await?;
        let mut checks = Vec::new();
        for server in record.servers(cx).await? {
            for set in found.iter().filter(|set| set.kind.is_address()) {
                let fact = format!("{server} answers {} {} as it was found", set.name, set.kind);
                let answer = lookup(server, &record.name, record_type(&set.kind)).await?;
                checks.push(match set.ttl() {
                    Some(ttl) => {
                        let held = answer.authoritative && ttl_of(&answer, record_type(&set.kind)) == Some(ttl);
                        Check::of(held, fact, format!("{answer}; its TTL was {ttl} s"))
                    }
                    None => Check::noted(fact, format!("an alias: {answer}")),
                });
            }
        }
        Ok(checks)
    }
}

/// The sets as the step found them and as it wrote them.
struct Swap {
    found: Vec<RecordSet>,
    written: Vec<RecordSet>,
}

/// What the step may have written, if it came so far.
fn swap(cx: &Reading) -> Result<Option<Swap>> {
    let Some((_, effect)) = cx.standing().into_iter().next() else { return Ok(None) };
    Ok(Some(Swap { found: recorded(&effect.undo, "found")?, written: recorded(&effect.undo, "written")? }))
}

/// The longest TTL of an answer's records of one type.
fn ttl_of(answer: &Answer, kind: RecordType) -> Option<u32> {
    answer.records.iter().filter(|record| record.kind == kind).map(|record| record.ttl).max()
}

impl LowerTtl {
    /// The TTL in whole seconds.
    fn seconds(&self) -> Result<u32> {
        u32::try_from(self.ttl.duration().as_secs()).map_err(|_| {
            Failure::permanent(format!("a TTL of {} is longer than DNS can say", self.ttl))
                .next("write one such as `60s`")
        })
    }

    fn lowered(&self, record: &Record, sets: &[RecordSet]) -> Result<Retimed> {
        let lowered = lower_ttl(sets, self.seconds()?);
        if lowered.longest_old.is_none() && lowered.aliases == 0 {
            return Err(Failure::permanent(format!(
                "{} has no A, AAAA or CNAME set in the zone {}",
                record.name,
                record.identity()
            ))
            .next(
                "write the name that the service's clients ask for into [dns] record, and the id of the zone that answers \
                 for it into [dns] zone; then run it again",
            ));
        }
        Ok(lowered)
    }
}
