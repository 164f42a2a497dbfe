//! `settle` taken back, up to its point of no return: the record's sets as they were found.
//!
//! The soak changes nothing and the channel back to the source still runs, so an attempt that ended before the
//! intent to end that channel must not stand in the way of taking the switch back. From the intent on it does:
//! the channel may be gone.

use crate::actions::dns::companion::END;
use crate::actions::record::Record;
use crate::actions::undo::recorded;
use crate::actions::{Reading, Result, Working};
use crate::domain::preview::Verb;
use crate::domain::{Check, Failure, Preview};
use crate::services::route53::{RecordSet, Stands, same_sets};

use super::TTL;

/// The record's sets as the step found them and as it wrote them.
struct Swap {
    found: Vec<RecordSet>,
    written: Vec<RecordSet>,
}

pub(super) async fn way_back(cx: &Reading) -> Result<Preview> {
    refuse_past_the_end(cx)?;
    let mut preview = Preview::undone_by("starting the step again: another soak");
    preview.loses = Some(0);
    let Some(Swap { found, written }) = swap(cx)? else { return Ok(preview) };
    preview.takes = cx.measured(|key| key == TTL);
    let record = Record::open(cx).await?;
    preview.identity("hosted zone", record.identity());
    let verb = match record.zone.look(&record.name, &written, &found).await? {
        Stands::Old => Verb::Change,
        Stands::New => Verb::Keep,
        Stands::Neither { differences, .. } => return Err(record.changed_by_others(&differences)),
    };
    for (old, new) in found.iter().zip(&written).filter(|(old, new)| !old.same_as(new)) {
        let detail = vec![format!("TTL {} -> {}", ttl(new), ttl(old))];
        preview.change(verb, format!("record {} {}", old.name, old.kind), detail);
    }
    Ok(preview)
}

pub(super) async fn rollback(cx: &Working) -> Result<Vec<Check>> {
    refuse_past_the_end(cx)?;
    let Some(Swap { found, written }) = swap(cx)? else { return Ok(Vec::new()) };
    let record = Record::open(cx).await?;
    cx.take_back(TTL, async |_| record.put_back(cx, &written, &found).await).await?;
    let now = record.sets().await?;
    let listed = now.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    Ok(vec![Check::of(same_sets(&found, &now), "the zone holds what the step had found", listed)])
}

/// Refuses once the end of the channel was intended: in doubt it is gone, and nothing else carries writes back.
fn refuse_past_the_end(cx: &Reading) -> Result<()> {
    if !cx.standing().iter().any(|(key, _)| key == END) {
        return Ok(());
    }
    Err(Failure::refused(format!("step `{}` is past the point of no return", cx.step_id()))
        .because(
            "the channel back to the source is ended, or may be: what tenants write from there on exists on the target only",
        )
        .next(format!("go forward: run `{}` to its end, or adopt it; what is wrong is mended on the new side", cx.step_id())))
}

/// What the step may have written, if it came so far.
fn swap(cx: &Reading) -> Result<Option<Swap>> {
    let Some((_, effect)) = cx.standing().into_iter().find(|(key, _)| key == TTL) else { return Ok(None) };
    Ok(Some(Swap { found: recorded(&effect.undo, "found")?, written: recorded(&effect.undo, "written")? }))
}

fn ttl(set: &RecordSet) -> String {
    set.ttl().map_or_else(|| "none".to_owned(), |ttl| format!("{ttl} s"))
}
