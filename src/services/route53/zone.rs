//! One hosted zone: reading the sets at a name, and swapping them.

use std::time::Duration;

use aws_sdk_route53::types::{Change as SdkChange, ChangeAction, ChangeBatch, RrType};
use tokio::time::Instant;

use super::change::{Change, ChangeId, ChangeState, Stands, read_change};
use super::client::{Route53, ZoneInfo};
use super::compare::{canonical_name, differences, same_sets};
use super::convert::{from_sdk, to_sdk};
use super::fault::Fault;
use super::owner::{Owner, mark_names, may_mark, read_mark};
use super::record::{RecordKind, RecordSet};
use crate::services::{Error, Kind, Result};

/// Above this many sets the whole zone is not read for marks of another owner: four a page and second.
const WHOLE_ZONE: u64 = 1_200;

/// A hosted zone that is known to hold the record it was asked for.
#[derive(Debug, Clone)]
pub struct Zone {
    route53: Route53,
    info: ZoneInfo,
}

impl Zone {
    pub(super) fn new(route53: Route53, info: ZoneInfo) -> Self {
        Self { route53, info }
    }

    /// What the zone is.
    pub fn info(&self) -> &ZoneInfo {
        &self.info
    }

    /// All sets of all types at exactly `name`, accepted changes that are still pending included.
    pub async fn sets_at(&self, name: &str) -> Result<Vec<RecordSet>> {
        let name = canonical_name(name);
        self.list(Some(&name), |set| set.name == name).await
    }

    /// Every set of the zone, in Route 53's order.
    pub async fn all_sets(&self) -> Result<Vec<RecordSet>> {
        self.list(None, |_| true).await
    }

    /// Sets from `start` on for as long as `wanted` says so.
    async fn list(&self, start: Option<&str>, wanted: impl Fn(&RecordSet) -> bool) -> Result<Vec<RecordSet>> {
        let doing = match start {
            Some(name) => format!("list the sets at {name}"),
            None => format!("list the sets of {}", self.info.name),
        };
        let mut next: (Option<String>, Option<RrType>, Option<String>) = (start.map(str::to_owned), None, None);
        let mut sets = Vec::new();
        loop {
            let page = self
                .route53
                .read(&doing, || {
                    self.route53
                        .client
                        .list_resource_record_sets()
                        .hosted_zone_id(&self.info.id)
                        .set_start_record_name(next.0.clone())
                        .set_start_record_type(next.1.clone())
                        .set_start_record_identifier(next.2.clone())
                        .send()
                })
                .await?;
            for set in &page.resource_record_sets {
                // The name is looked at first: a strange set elsewhere in the zone is none of our business.
                if start.is_some_and(|name| canonical_name(&set.name) != name) {
                    return Ok(sets);
                }
                let set = from_sdk(set).map_err(|unkept| self.error(&doing, Kind::Permanent).because(unkept))?;
                if !wanted(&set) {
                    return Ok(sets);
                }
                sets.push(set);
            }
            if !page.is_truncated || page.next_record_name.is_none() {
                return Ok(sets);
            }
            next = (page.next_record_name, page.next_record_type, page.next_record_identifier);
        }
    }

    /// Replaces the sets at `name` by `new` if they still are `expected`, in one batch over all types.
    ///
    /// Unchanged sets are not touched, and `None` says that there was nothing to change. Where the world is
    /// not as expected the error is [`Kind::Conflict`] and tells each difference; where the answer was lost
    /// it is [`Kind::Unknown`], and [`Zone::look`] resolves the doubt. `comment` is kept with the change.
    pub async fn compare_and_swap(
        &self,
        name: &str,
        expected: &[RecordSet],
        new: &[RecordSet],
        comment: &str,
    ) -> Result<Option<Change>> {
        let name = canonical_name(name);
        let doing = format!("replace the sets at {name}");
        if let Some(stray) = expected.iter().chain(new).find(|set| canonical_name(&set.name) != name) {
            return Err(self.error(&doing, Kind::Permanent).because(format!("{stray} is not at {name}")));
        }
        let found = self.sets_at(&name).await?;
        if !same_sets(expected, &found) {
            return Err(self.lost(&doing, &differences(expected, &found)));
        }
        let mut changes = Vec::new();
        let mut push = |action: ChangeAction, set: &RecordSet| {
            let set = to_sdk(set)?;
            changes.push(SdkChange::builder().action(action).resource_record_set(set).build()?);
            Ok::<(), aws_sdk_route53::error::BuildError>(())
        };
        // A DELETE must match what is stored to the letter: what was found is sent, not what was expected.
        for set in found.iter().filter(|set| !new.iter().any(|other| other.same_as(set))) {
            push(ChangeAction::Delete, set).map_err(|error| self.error(&doing, Kind::Permanent).because(error))?;
        }
        for set in new.iter().filter(|set| !found.iter().any(|other| other.same_as(set))) {
            push(ChangeAction::Create, set).map_err(|error| self.error(&doing, Kind::Permanent).because(error))?;
        }
        if changes.is_empty() {
            return Ok(None);
        }
        let batch = ChangeBatch::builder()
            .set_changes(Some(changes))
            .comment(comment.chars().take(256).collect::<String>())
            .build()
            .map_err(|error| self.error(&doing, Kind::Permanent).because(error))?;
        let sent = self
            .route53
            .call(true, || {
                self.route53
                    .client
                    .change_resource_record_sets()
                    .hosted_zone_id(&self.info.id)
                    .change_batch(batch.clone())
                    .send()
            })
            .await;
        match sent {
            Ok(answer) => answer.change_info.map(|info| Some(read_change(&info))).ok_or_else(|| {
                // Accepted without an id: it was made, and only looking tells.
                self.error(&doing, Kind::Unknown).because("the answer names no change")
            }),
            Err(fault) if fault.kind == Kind::Conflict => Err(self.beaten(&doing, &name, expected, fault).await),
            Err(fault) => Err(fault.into_error(&self.route53.address, doing)),
        }
    }

    /// Somebody changed the sets between our look and our batch: tell what, where it can be seen.
    async fn beaten(&self, doing: &str, name: &str, expected: &[RecordSet], fault: Fault) -> Error {
        match self.sets_at(name).await {
            Ok(found) if !same_sets(expected, &found) => self.lost(doing, &differences(expected, &found)),
            _ => fault.into_error(&self.route53.address, doing),
        }
    }

    fn lost(&self, doing: &str, differences: &[String]) -> Error {
        self.error(doing, Kind::Conflict)
            .because(differences.join("; "))
            .next("somebody else changed this record: find out who, then look at the step's preview again")
    }

    /// How the world stands to a swap from `old` to `new`.
    pub async fn look(&self, name: &str, old: &[RecordSet], new: &[RecordSet]) -> Result<Stands> {
        let found = self.sets_at(name).await?;
        Ok(if same_sets(new, &found) {
            Stands::New
        } else if same_sets(old, &found) {
            Stands::Old
        } else {
            let differences = differences(old, &found);
            Stands::Neither { found, differences }
        })
    }

    /// How far a change is. Route 53 forgets changes after some days: [`Kind::NotFound`].
    pub async fn change(&self, id: &ChangeId) -> Result<Change> {
        let doing = format!("ask for the change {}", id.0);
        let answer = self.route53.read(&doing, || self.route53.client.get_change().id(&id.0).send()).await?;
        answer
            .change_info
            .map(|info| read_change(&info))
            .ok_or_else(|| self.error(&doing, Kind::Transient).because("the answer names no change"))
    }

    /// Waits until Route 53's own servers all answer with a change, for `deadline` at most.
    /// `on_tick` hears the time waited after every look.
    pub async fn wait_insync(
        &self,
        id: &ChangeId,
        deadline: Duration,
        mut on_tick: impl FnMut(Duration),
    ) -> Result<()> {
        let start = Instant::now();
        loop {
            // Each look waits for its turn in the pace that all requests keep: that is the interval.
            if self.change(id).await?.state == ChangeState::Insync {
                return Ok(());
            }
            let waited = start.elapsed();
            on_tick(waited);
            if waited >= deadline {
                return Err(self
                    .error(format!("see the change {} in force", id.0), Kind::Transient)
                    .because(format!("still pending after {} s", waited.as_secs()))
                    .next("it usually takes a minute: look again; nothing needs to be sent again"));
            }
        }
    }

    /// Marks of external-dns for `name`: whoever is named there will take the record back.
    ///
    /// A zone of up to 1,200 sets is read whole, so that any prefix is found; in a larger one the usual names
    /// and `prefixes` (as given to `--txt-prefix`) are asked for.
    pub async fn owners(&self, name: &str, prefixes: &[String]) -> Result<Vec<Owner>> {
        let mut marks = Vec::new();
        if self.info.sets <= WHOLE_ZONE {
            marks.extend(self.all_sets().await?.iter().filter(|set| may_mark(&set.name, name)).filter_map(read_mark));
        } else {
            let mut names = mark_names(name);
            names.extend(prefixes.iter().map(|prefix| canonical_name(&format!("{prefix}{name}"))));
            for mark in names {
                marks.extend(self.sets_at(&mark).await?.iter().filter_map(read_mark));
            }
        }
        Ok(marks)
    }

    /// The name below the zone's own at which `name` is delegated to other servers, if it is: sets at `name`
    /// are then answered to nobody.
    pub async fn delegated_away(&self, name: &str) -> Result<Option<String>> {
        let mut at = canonical_name(name);
        while at != self.info.name {
            if self.sets_at(&at).await?.iter().any(|set| set.kind == RecordKind::Ns) {
                return Ok(Some(at));
            }
            match at.split_once('.') {
                Some((_, parent)) if self.info.holds(parent) => at = canonical_name(parent),
                _ => break,
            }
        }
        Ok(None)
    }

    fn error(&self, doing: impl Into<String>, kind: Kind) -> Error {
        Error::new("Route 53", &*self.route53.address, doing, kind)
    }
}
