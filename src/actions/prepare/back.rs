//! `mysql.prepare` taken back: GTIDs off by the stairs that the run climbed, its accounts dropped, binlogs kept
//! as long as before, each with what was persisted.
//!
//! What the run did not change is not touched, and what somebody changed after it is refused, by name.

use serde_json::Value;

use super::made::{ACCOUNT, RETENTION, on};
use super::put_back::{as_set, drop_account, refuse_other_grants, stair_down, words};
use super::{SOURCE, TARGET};
use crate::actions::followers::served;
use crate::actions::servers::{alone, source, target};
use crate::actions::undo::recorded;
use crate::actions::{Reading, Result, Working};
use crate::domain::preview::Verb;
use crate::domain::resource::Side;
use crate::domain::state::Effect;
use crate::domain::{Check, Preview};
use crate::services::mysql::grants::{self, Account};
use crate::services::mysql::gtid_mode::{GtidSettings, Stair};
use crate::services::mysql::replication::{Retention, read_retention, server_uuid};
use crate::services::mysql::sessions::Listed;
use crate::services::mysql::variable::Variable;
use crate::services::mysql::{Endpoint, Session};

/// One thing that an effect of the step changed, from what it recorded.
enum Made {
    Stair { stair: Stair, before: GtidSettings },
    Account(Account),
    Retention { before: Retention, hours: u64 },
}

impl Made {
    fn of(key: &str, undo: &Value) -> Result<Self> {
        Ok(if key.ends_with(ACCOUNT) {
            Self::Account(recorded(undo, "account")?)
        } else if key.ends_with(RETENTION) {
            Self::Retention { before: recorded(undo, "before")?, hours: recorded(undo, "hours")? }
        } else {
            Self::Stair { stair: recorded(undo, "stair")?, before: recorded(undo, "before")? }
        })
    }

    /// Shows what taking it back would do to the server as it stands; of the stairs, one at a time.
    async fn show(&self, side: Side, session: &mut Session, preview: &mut Preview) -> Result<()> {
        let name = named(side);
        match self {
            Self::Stair { stair, before } => {
                for down in GtidSettings::read(session).await?.down_below(*stair) {
                    let object = format!("{name}: {down}");
                    if !preview.changes.iter().any(|change| change.object == object) {
                        preview.change(Verb::Change, object, vec![persisted(before, *stair)]);
                    }
                }
            }
            Self::Account(account) => {
                refuse_other_grants(session, account).await?;
                let verb = if grants::exists(session, account).await? { Verb::Remove } else { Verb::Keep };
                preview.change(verb, format!("{name}: account {account}"), Vec::new());
            }
            Self::Retention { before, hours } => {
                let verb = if as_set(session, before, *hours).await? { Verb::Change } else { Verb::Keep };
                preview.change(verb, format!("{name}: binlogs kept for {}", words(before)), Vec::new());
            }
        }
        Ok(())
    }

    async fn undo(&self, cx: &Working, side: Side, session: &mut Session) -> Result<()> {
        match self {
            Self::Stair { stair, before } => stair_down(cx, side, session, *stair, before).await,
            Self::Account(account) => drop_account(cx, session, account).await,
            Self::Retention { before, hours } => {
                if as_set(session, before, *hours).await? {
                    before.put_back(session).await?;
                }
                Ok(())
            }
        }
    }

    /// By the server's own word: it is as it was before the step.
    async fn look(&self, side: Side, session: &mut Session) -> Result<Option<Check>> {
        let name = named(side);
        Ok(match self {
            // The first stair stands for all of them.
            Self::Stair { stair: Stair::Consistency(_), .. } => None,
            Self::Stair { before, .. } => {
                let now = GtidSettings::read(session).await?;
                let evidence = format!("{}; {}", settings(&now.mode), settings(&now.consistency));
                Some(Check::of(now == *before, format!("{name}: GTIDs are set as they were found"), evidence))
            }
            Self::Account(account) => {
                let there = grants::exists(session, account).await?;
                let evidence = if there { "it is there" } else { "it is not there" };
                Some(Check::of(!there, format!("{name}: no account {account}"), evidence))
            }
            Self::Retention { before, .. } => {
                let now = read_retention(session).await?;
                Some(Check::of(now == *before, format!("{name}: binlogs are kept as before"), words(&now)))
            }
        })
    }
}

pub(super) async fn way_back(cx: &Reading) -> Result<Preview> {
    let mut preview = Preview::undone_by("starting the step again");
    preview.loses = Some(0);
    preview.takes = cx.measured(|_| true);
    for side in SIDES {
        let standing = standing(cx, side);
        if standing.is_empty() {
            continue;
        }
        let mut session = Session::open(&endpoint(cx, side).await?).await?;
        preview.identity(named(side), server_uuid(&mut session).await?);
        for (key, effect) in &standing {
            Made::of(key, &effect.undo)?.show(side, &mut session, &mut preview).await?;
        }
        for reader in served(&mut session, Listed::follows).await? {
            let name = named(side);
            preview.warnings.push(format!("{name}: its binary log is read from {reader}: that has to end first"));
        }
    }
    Ok(preview)
}

pub(super) async fn rollback(cx: &Working) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for side in SIDES {
        // What an attempt that died had taken back is looked at too.
        let effects = cx.state().step(cx.step_id()).effects.into_iter().filter(|(key, _)| is_of(side, key));
        let made = effects.map(|(key, effect)| Made::of(&key, &effect.undo)).collect::<Result<Vec<_>>>()?;
        if made.is_empty() {
            continue;
        }
        let mut session = alone(cx, &endpoint(cx, side).await?).await?;
        for (key, _) in standing(cx, side) {
            let session = &mut session;
            let act = async |undo: Value| Made::of(&key, &undo)?.undo(cx, side, session).await;
            cx.take_back(&key, act).await?;
        }
        let mut seen: Vec<Check> = Vec::new();
        for made in &made {
            let check = made.look(side, &mut session).await?;
            seen.extend(check.filter(|check| !seen.iter().any(|other| other.fact == check.fact)));
        }
        checks.extend(seen);
        session.close().await?;
    }
    Ok(checks)
}

/// The side that was prepared last is taken back first.
const SIDES: [Side; 2] = [Side::Target, Side::Source];

pub(super) fn named(side: Side) -> &'static str {
    match side {
        Side::Source => SOURCE,
        Side::Target => TARGET,
    }
}

fn is_of(side: Side, key: &str) -> bool {
    key.split_once(':').is_some_and(|(word, _)| on(word) == side)
}

fn standing(cx: &Reading, side: Side) -> Vec<(String, Effect)> {
    cx.standing().into_iter().filter(|(key, _)| is_of(side, key)).collect()
}

async fn endpoint(cx: &Reading, side: Side) -> Result<Endpoint> {
    match side {
        Side::Source => source(cx).await,
        Side::Target => target(cx).await,
    }
}

fn settings(variable: &Variable) -> String {
    let persisted = variable.persisted.as_ref().map_or_else(|| "nothing".to_owned(), String::clone);
    format!("{}={}, persisted {persisted}", variable.name, variable.value.as_deref().unwrap_or("NULL"))
}

fn persisted(before: &GtidSettings, stair: Stair) -> String {
    let variable = match stair {
        Stair::Mode(_) => &before.mode,
        Stair::Consistency(_) => &before.consistency,
    };
    format!("online; in the end {}", settings(variable))
}
