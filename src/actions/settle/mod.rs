//! `settle`: the new stack watched for a while, then the way back closed and the old stack stopped.
//!
//! The [`soak`] comes first and can end the step. Resetting the channel back to the source is the point of no
//! return; after it the old backend and its MySQL are stopped, and the old NGINX is left relaying, with
//! what still comes there on show. Up to that point [`back`] takes the step back.

mod back;
mod soak;

use serde_json::json;

use crate::actions::dns::before::SKIP_START;
use crate::actions::dns::companion::END;
use crate::actions::dns::service::{self, deployed};
use crate::actions::dns::world::{front, step_of};
use crate::actions::record::Record;
use crate::actions::servers::{alone, source, target};
use crate::actions::undo::recorded;
use crate::actions::{Action, Checking, Effect, Outputs, Reading, Result, Working, again, program};
use crate::domain::preview::Verb;
use crate::domain::resource::SOURCE;
use crate::domain::resource::Side;
use crate::domain::runbook::ActionSpec;
use crate::domain::runbook::inputs::Settle;
use crate::domain::{Check, Failure, Preview};
use crate::services::mysql::replication;
use crate::services::mysql::variable::Variable;
use crate::services::mysql::{Server, Session};
use crate::services::route53::rules::with_ttl;
use crate::services::route53::{RecordSet, same_sets};
use soak::{SOAKED, Soaked};

const FOUND: &str = "found";
/// The effect that puts the long TTL into the record.
const TTL: &str = "ttl";

impl Action for Settle {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        let mut preview = Preview::undone_by(
            "its rollback, up to the end of the channel back to the source; nothing from there on: what tenants write exists \
             on the target only",
        );
        preview.setting("soak", self.soak.to_string());
        preview.setting("failed reads that end it", format!("more than {} %", self.max_failed_percent));
        let record = Record::open(cx).await?;
        preview.identity("hosted zone", record.identity());
        let found = record.sets().await?;
        if let Some(ttl) = self.ttl(cx)? {
            for set in found.iter().filter(|set| set.kind.is_address() && set.ttl().is_some_and(|found| found != ttl)) {
                let detail = vec![format!("TTL {} s -> {ttl} s", set.ttl().unwrap_or_default())];
                preview.change(Verb::Change, format!("record {} {}", set.name, set.kind), detail);
            }
        }
        preview.change(
            Verb::Remove,
            "the channel from the target back to the source",
            vec!["the point of no return".to_owned()],
        );
        for command in &self.stop_source {
            preview.change(Verb::Change, "the old stack", vec![format!("run {}", command.join(" "))]);
        }
        preview.warnings.push(
            "the old NGINX goes on relaying: its box is switched off when no hit came for a whole TTL".to_owned(),
        );
        Ok(preview)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        if cx.checkpointed::<Soaked>(SOAKED)?.is_none() {
            let soaked = self.soak(cx).await?;
            cx.checkpoint(SOAKED, &soaked)?;
        }
        self.restore_ttl(cx).await?;
        end_way_back(cx).await?;
        for (at, command) in self.stop_source.iter().enumerate() {
            let effect = Effect::new(format!("stop-source-{at}"), format!("run {}", command.join(" ")))
                .touches(Side::Source.server());
            let act = async {
                let ended = program::change(cx, command, &std::collections::BTreeMap::new()).await?;
                if ended.good {
                    Ok(())
                } else {
                    Err(Failure::permanent(format!("run {}", command.join(" "))).because(ended.said))
                }
            };
            cx.effect(effect, again(), act).await?;
        }
        if cx.state().fences.contains_key(SOURCE) && !self.stop_source.is_empty() {
            cx.log("the source is stopped: its fence has nothing left to guard")?;
            cx.fence(SOURCE, false)?;
        }
        Ok(Outputs::new())
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        if let Some(soaked) = cx.checkpointed::<Soaked>(SOAKED)? {
            let held = !soaked.fails_more_often_than(self.max_failed_percent);
            checks.push(Check::of(
                held,
                "the service over the soak",
                format!("{} reads, {} failed", soaked.reads, soaked.failed),
            ));
        }
        let now = read_once(cx, &deployed(cx)?).await;
        let evidence =
            now.as_ref().map_or_else(|failure| format!("{failure}: {}", failure.why.join("; ")), Clone::clone);
        checks.push(Check::of(now.is_ok(), "the service answers by its name", evidence));
        let mut session = Session::open(&target(cx).await?).await?;
        let server = Server::read(&mut session).await?;
        let evidence = "log_bin; on a managed server it is on only while backups are";
        checks.push(Check::of(server.log_bin, "the target's backups and binlog are on", evidence));
        if let Some(front) = front(cx).await? {
            let mode = front.status().await?.mode.word();
            checks.push(Check::of(mode == "relay", "the old address still relays", mode));
            checks.push(match front.hits().await {
                Ok(hits) => Check::noted("requests relayed by the old address", hits.to_string()),
                Err(error) => Check::noted("requests relayed by the old address", format!("not counted: {error}")),
            });
        }
        Ok(checks)
    }

    async fn way_back(&self, cx: &Reading) -> Result<Preview> {
        back::way_back(cx).await
    }

    async fn rollback(&self, cx: &Working) -> Result<Vec<Check>> {
        back::rollback(cx).await
    }
}

impl Settle {
    /// The TTL to come back to, in seconds; none where it cannot be known.
    fn ttl(&self, cx: &Reading) -> Result<Option<u32>> {
        if let Some(ttl) = self.ttl {
            return Ok(u32::try_from(ttl.duration().as_secs()).ok());
        }
        let Ok(step) = step_of(cx.plan(), |action| matches!(action, ActionSpec::LowerTtl(_))) else { return Ok(None) };
        let found = cx.as_step(step).checkpointed::<Vec<RecordSet>>(FOUND)?.unwrap_or_default();
        Ok(RecordSet::longest_ttl(&found))
    }

    async fn restore_ttl(&self, cx: &Working) -> Result<()> {
        let Some(ttl) = self.ttl(cx)? else { return cx.log("the old TTL is not known: it stays as it is") };
        let record = Record::open(cx).await?;
        let kept = cx.checkpointed::<Vec<RecordSet>>(FOUND)?.filter(|_| cx.undo_of(TTL).is_some());
        let found = if let Some(kept) = kept { kept } else { record.sets().await? };
        cx.checkpoint(FOUND, &found)?;
        let wanted = with_ttl(&found, ttl).sets;
        if same_sets(&found, &wanted) {
            return Ok(());
        }
        let swapped =
            record.swap(cx, TTL, format!("put the TTL of {} to {ttl} s again", record.name), &found, &wanted).await?;
        record.wait_insync(cx, &swapped).await
    }
}

/// One read by the service's name, answered by the deployed build.
async fn read_once(cx: &Reading, digest: &str) -> Result<String> {
    let name = &cx.dns()?.record;
    let address = service::first_ingress(cx, name).await?;
    let answer = service::ask(cx, address, &cx.probe()?.read).await?;
    if answer.is_of_build(digest) {
        return Ok(answer.to_string());
    }
    Err(Failure::transient(format!("{address} answered otherwise than expected")).because(answer.to_string()))
}

/// The point of no return: the source follows no more, and is as it was found.
async fn end_way_back(cx: &Working) -> Result<()> {
    let dns = step_of(cx.plan(), |action| matches!(action, ActionSpec::Switch(_)))?;
    let state = cx.state().step(dns);
    let found = state.effects.get(SKIP_START).map(|effect| recorded::<Variable>(&effect.undo, "before")).transpose()?;
    let effect = Effect::new(END, "stop and reset the channel back to the source: the point of no return")
        .touches(Side::Source.channel(""))
        .touches(Side::Source.persisted("skip_replica_start"));
    let effect = effect.undo(json!({ "none": "what is written from here on exists on the target only" }));
    let act = async {
        let mut session = alone(cx, &source(cx).await?).await?;
        replication::reset(&mut session).await?;
        replication::set_filter(&mut session, &[]).await?;
        if let Some(found) = &found {
            found.put_back_persisted(&mut session).await?;
        }
        Ok(())
    };
    cx.effect(effect, again(), act).await
}
