//! What must hold before the freeze, a fact each: [`super::before`] insists on them, [`super::board`] shows them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::back::diverged_at;
use super::before::VERIFIED;
use super::service::{self, Answered, deployed};
use super::world::{World, step_of};
use crate::actions::prepare::CATALOGUE;
use crate::actions::{Reading, Result};
use crate::domain::runbook::{ActionSpec, inputs};
use crate::domain::{Failure, StepId};
use crate::services::mysql::fence::blockers;
use crate::services::mysql::fence::managed::OpenAccount;
use crate::services::mysql::replication::{self, Follows};
use crate::services::mysql::{compare, identifier};

/// How far the target is behind the source.
pub(super) struct Lag {
    /// Whether both threads run.
    pub running: bool,
    /// Seconds; nothing while the server does not know.
    pub seconds: Option<u64>,
    /// The source's transactions that are not applied.
    pub transactions: u64,
}

/// The last full comparison.
pub(super) struct Verified {
    /// When.
    pub at: Timestamp,
    /// For how long it is good.
    pub good_for: SignedDuration,
}

impl Verified {
    /// For how much longer it is good; negative where it has expired.
    pub(super) fn left(&self) -> SignedDuration {
        self.good_for - Timestamp::now().duration_since(self.at)
    }
}

/// Refuses a target that holds what the source does not have.
pub(super) fn not_diverged(cx: &Reading, world: &World) -> Result<()> {
    let Some(since) = diverged_at(cx)? else { return Ok(()) };
    Err(Failure::refused(format!("the {} holds writes that the source does not have", world.target_at))
        .because(format!("they were given up when the switch was taken back, at {since}"))
        .next("take `restore` back and run it again: it loads anew"))
}

/// Refuses a schema that is not the one that was imaged; whether there was one on record to compare with.
pub(super) async fn schema_unchanged(cx: &Reading, world: &World) -> Result<bool> {
    let prepare = step_of(cx.plan(), |action| matches!(action, ActionSpec::Prepare(_)))?;
    let Some(noted) = cx.as_step(prepare).checkpointed::<BTreeMap<String, String>>(CATALOGUE)? else {
        return Ok(false);
    };
    let now = compare::digests(&mut *world.source.lock().await, &world.schemas).await?;
    let changed: Vec<&str> =
        now.iter().filter(|(kind, digest)| noted.get(*kind) != Some(digest)).map(|(kind, _)| kind.as_str()).collect();
    if changed.is_empty() {
        return Ok(true);
    }
    Err(Failure::refused("the source's schema is not the one that was imaged")
        .because(format!("changed since `{prepare}`: {}", changed.join(", ")))
        .next("image, load and verify again from the new schema; freeze changes to it until the switch"))
}

/// Refuses a source that runs another build than the one that was imaged; nothing where the runbook names none.
pub(super) async fn build_unchanged(cx: &Reading) -> Result<Option<Answered>> {
    let Some(noted) = &cx.source()?.build else { return Ok(None) };
    let answer = service::ask(cx, service::old_address(cx)?, &cx.probe()?.read).await?;
    if answer.build.as_ref() == Some(noted) {
        return Ok(Some(answer));
    }
    Err(Failure::refused("the source's build is not the one that was imaged")
        .because(format!("it answers {answer}, [source] build says {noted}"))
        .next("build, push and deploy the new build first"))
}

/// When the old TTL has run out everywhere; nothing where it was not lowered here.
pub(super) fn old_ttl_over_at(cx: &Reading) -> Option<Timestamp> {
    let step = step_of(cx.plan(), |action| matches!(action, ActionSpec::LowerTtl(_))).ok()?;
    serde_json::from_value(cx.output(step, "old_ttl_over_at").ok()?).ok()
}

/// The step that loaded the copy, with its inputs.
pub(super) fn restore(cx: &Reading) -> Option<(StepId, inputs::Restore)> {
    cx.plan().runbook.steps.iter().find_map(|step| match &step.action {
        ActionSpec::Restore(restore) => Some((step.id.clone(), restore.clone())),
        _ => None,
    })
}

/// The last full comparison: the restore's, or one that the switch made because that had expired.
pub(super) fn verified(cx: &Reading) -> Option<Verified> {
    let (step, restore) = restore(cx)?;
    let here = cx.checkpointed::<Timestamp>(VERIFIED).ok().flatten();
    let at = cx.state().step(&step).ended.max(here)?;
    let good_for = SignedDuration::try_from(restore.verify_expiry.duration()).unwrap_or(SignedDuration::MAX);
    Some(Verified { at, good_for })
}

/// How far the target is behind; refused where it does not follow, or will not by itself.
pub(super) async fn lag(world: &World) -> Result<Lag> {
    let doing = || Failure::permanent("the target does not follow the source");
    let channel = replication::status(&mut *world.target.lock().await).await?;
    let channel = channel.ok_or_else(|| doing().next("run `restore` again: its channel is gone"))?;
    if channel.broken() {
        return Err(doing().because(channel.to_string()).next(channel.way_out()));
    }
    let at = replication::executed(&mut *world.source.lock().await).await?;
    Ok(Lag { running: channel.running(), seconds: channel.lag_seconds, transactions: channel.behind(&at) })
}

/// Refuses a source with channels of others', the unnamed one too: the way back would take its place.
pub(super) async fn no_foreign_channels(world: &World) -> Result<()> {
    let back = [(world.reverse.host.clone(), world.reverse.port)];
    let all = replication::follows(&mut *world.source.lock().await).await?;
    let ours = |it: &Follows| it.channel.is_empty() && it.is_of(&world.target_facts.uuid, &back);
    let foreign: Vec<String> = all.iter().filter(|it| !ours(it)).map(ToString::to_string).collect();
    if foreign.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!("the {} has channels that nobody here made", world.source_at))
        .because(foreign.join(", "))
        .next("whoever made them stops and resets them: the way back needs the source to follow the target alone"))
}

/// Refuses a source with XA transactions that somebody prepared and left.
pub(super) async fn nothing_prepared(world: &World) -> Result<()> {
    let prepared = blockers::prepared_transactions(&mut *world.source.lock().await).await?;
    if prepared == 0 {
        return Ok(());
    }
    Err(Failure::permanent(format!("{prepared} XA transactions are prepared on the source"))
        .because("they would survive the fence and could commit behind it")
        .next("commit or roll them back: XA RECOVER lists them"))
}

/// Refuses rights with which the application could not write on the target, which tenants would find out past the point
/// of switching.
pub(super) fn can_write(world: &World, wanted: &OpenAccount) -> Result<()> {
    let reads_only: Vec<&str> = wanted.rights.iter().filter(|(_, held)| !writes(held)).map(|(it, _)| &**it).collect();
    if reads_only.is_empty() {
        return Ok(());
    }
    let account = &world.old_account;
    Err(Failure::refused(format!("{} could not write on the target", world.new_account))
        .because(format!(
            "it gets the rights that {account} has on a whole schema of the {}, and there it may not INSERT, UPDATE or \
             DELETE in {}",
            world.source_at,
            reads_only.join(", ")
        ))
        .next(format!(
            "where its rights stand on *.*, on single tables, in a role or with another host part: GRANT SELECT, INSERT, \
             UPDATE, DELETE, and whatever else it uses, ON {}.* TO {account} at the source",
            identifier(reads_only[0])
        )))
}

fn writes(held: &BTreeSet<String>) -> bool {
    ["INSERT", "UPDATE", "DELETE"].iter().any(|right| held.contains(*right))
}

/// What the new side answers by its ingress; refused where it is not the deployed build.
pub(super) async fn served(cx: &Reading, inputs: &inputs::Switch) -> Result<Answered> {
    let address = cx.resolve(&inputs.address)?;
    let first = service::first_ingress(cx, &address).await?;
    let answer = service::ask(cx, first, &cx.probe()?.read).await?;
    if answer.is_of_build(&deployed(cx)?) {
        return Ok(answer);
    }
    Err(Failure::permanent(format!("the ingress at {first} does not serve the deployed build"))
        .because(format!("it answers {answer}"))
        .next("look at the pods of `deploy`, and whether the ingress still relays to the source"))
}
