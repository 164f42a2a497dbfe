//! The channel: what the load holds is declared, then the target follows the source; its health afterwards.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::super::servers::{alone, followed, source, target};
use super::super::{Effect, Health, Reading, Result, Working, again};
use super::accounts_stay;
use super::prove::stands_for_it;
use crate::domain::Failure;
use crate::domain::resource::Side;
use crate::domain::runbook::inputs::Restore;
use crate::services::mysql::replication::{self, Channel, Working as At};
use crate::services::mysql::snapshot::Manifest;
use crate::services::mysql::{GtidSet, Session};

/// The effects, by key.
pub(super) const PURGED: &str = "gtid-purged";
/// See [`PURGED`].
pub(super) const CHANNEL: &str = "channel";

/// How long the channel may take to connect.
const CONNECT: Duration = Duration::from_secs(30);

/// How often the lag is looked at while the target catches up.
const TICK: Duration = Duration::from_millis(500);

/// Declares what was loaded, and follows the source from there until the target has caught up.
pub(super) async fn follow(inputs: &Restore, cx: &Working, manifest: &Manifest) -> Result<()> {
    let mut there = alone(cx, &target(cx).await?).await?;
    let held = gtid_set(manifest)?;
    if let Some(origin) = held.first_tagged() {
        return Err(Failure::permanent("the source has tagged GTIDs, which a managed server does not take")
            .because(format!("tagged `{}` by {}", origin.tag.as_deref().unwrap_or_default(), origin.uuid)));
    }
    let before = replication::executed(&mut there).await?;
    let effect = Effect::new(PURGED, "declare on the target what the snapshot holds")
        .undo(json!({ "before": before.to_string(), "kept": "GTID history cannot be taken back" }));
    let declare = async { Ok(replication::add_purged(&mut there, &held).await?.to_string()) };
    cx.effect(effect, again(), declare).await?;
    let from = followed(cx, &cx.source()?.mysql).await?;
    let effect = Effect::new(CHANNEL, format!("follow {}:{}", from.host, from.port))
        .undo(json!({ "host": from.host, "port": from.port }))
        .touches(Side::Target.channel(""));
    let begin = async {
        // One that does not reach its source may have been given a password that was wrong then.
        let reaches = |channel: &Channel| channel.is_from(&from) && channel.receiver == At::Running;
        let ours = replication::status(&mut there).await?.filter(reaches);
        if ours.is_none() {
            replication::reset(&mut there).await?;
            replication::configure(&mut there, &from).await?;
        }
        if let Err(refused) = accounts_stay(&mut there).await {
            // One that stands would begin by itself at the server's next start.
            replication::reset(&mut there).await?;
            return Err(refused);
        }
        replication::start(&mut there).await?;
        replication::until_running(&mut there, Instant::now() + CONNECT).await?;
        Ok(())
    };
    cx.effect(effect, again(), begin).await?;
    catch_up(inputs, cx, &mut there).await
}

async fn catch_up(inputs: &Restore, cx: &Working, there: &mut Session) -> Result<()> {
    let mut here = Session::open(&source(cx).await?).await?;
    // One that stopped at an error in an earlier attempt is tried again: what stopped it may be mended.
    replication::start(there).await?;
    // A lag that is read before the first transaction came says nothing: what the source has now has to arrive.
    let point = replication::executed(&mut here).await?;
    let mut most = 0;
    loop {
        let executed = replication::executed(&mut here).await?;
        let channel =
            replication::status(there).await?.ok_or_else(|| Failure::permanent("the target's channel is gone"))?;
        if channel.broken() {
            let address = there.endpoint().address();
            return Err(Failure::permanent(format!("the target MySQL ({address}) does not follow the source"))
                .because(channel.to_string())
                .next(channel.way_out()));
        }
        let behind = channel.behind(&executed);
        let lag = channel.lag_seconds.unwrap_or(u64::MAX);
        if channel.running() && channel.behind(&point) == 0 && lag <= inputs.max_lag.duration().as_secs() {
            return Ok(());
        }
        cx.check_cancelled()?;
        most = most.max(behind);
        cx.progress("the target catches up", most - behind, Some(most), "transactions");
        sleep(TICK).await;
    }
}

/// How the channel is doing: unhealthy when it stands, or is further behind than the limit.
pub(super) async fn health(inputs: &Restore, cx: &Reading) -> Result<Option<Health>> {
    let state = cx.state();
    // After the switch, one of others too, and in a freeze, this channel is gone on purpose: the other one is the switch's.
    let switched = cx.plan().step_with_action("dns.switch").is_some_and(|step| state.is_over(&step.id));
    if state.switched || switched || !state.fences.is_empty() {
        return Ok(None);
    }
    let (mut here, mut there) = (Session::open(&source(cx).await?).await?, Session::open(&target(cx).await?).await?);
    let executed = replication::executed(&mut here).await?;
    // Asked before the channel and after it: a comparison may begin or end meanwhile.
    let compared = stands_for_it(&cx.state(), cx.step_id());
    let Some(channel) = replication::status(&mut there).await? else {
        return Ok(Some(Health { healthy: false, detail: "the target follows nobody".to_owned() }));
    };
    let behind = channel.behind(&executed);
    if !channel.broken() && (compared || stands_for_it(&cx.state(), cx.step_id())) {
        let detail = format!(
            "the applier of the target is stopped on purpose while every row is compared, {behind} transactions behind; \
             it goes on by itself"
        );
        return Ok(Some(Health { healthy: true, detail }));
    }
    let lag = channel.lag_seconds;
    let in_time = lag.is_some_and(|lag| lag <= inputs.max_lag.duration().as_secs().max(1) * 10);
    let lag = lag.map_or_else(|| "lag not known".to_owned(), |lag| format!("{lag} s behind"));
    let mut detail = format!("{channel}, {lag}, {behind} transactions to apply");
    if !channel.running() {
        detail = format!("the target MySQL ({}): {detail}; {}", there.endpoint().address(), channel.way_out());
    }
    Ok(Some(Health { healthy: channel.running() && in_time, detail }))
}

/// The GTID set at the snapshot's moment.
pub(super) fn gtid_set(manifest: &Manifest) -> Result<GtidSet> {
    let text = &manifest.position.gtid_executed;
    text.parse().map_err(|why| Failure::permanent(format!("the snapshot's GTID set `{text}` cannot be read: {why}")))
}
