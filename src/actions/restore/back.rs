//! `mysql.restore` taken back: the channel reset, what was loaded dropped, the second snapshot removed.
//!
//! The other way round: first nothing follows the source any more, then the rows may go. Refused once the
//! target takes the tenants' writes, while any server follows the target (it would drop the same databases),
//! and where the databases hold what neither the load nor the source put there.

use jiff::Timestamp;
use serde_json::Value;

use super::super::dns::diverged_at;
use super::super::followers::{await_none, channel_from, refuse_channel, served};
use super::super::servers::{alone, end_all, source, target};
use super::super::undo::recorded;
use super::super::{Reading, Result, Working};
use super::copy::{self, COUNTED, LOAD, SNAPSHOT};
use super::follow::{CHANNEL, PURGED};
use super::{SOURCE, TARGET, prove};
use crate::domain::preview::Verb;
use crate::domain::runbook::inputs::Restore;
use crate::domain::{Check, Failure, Preview};
use crate::services::mysql::load::state;
use crate::services::mysql::load::unload::{self, Before, Content};
use crate::services::mysql::replication;
use crate::services::mysql::sessions::Listed;
use crate::services::mysql::snapshot::{self, Manifest};
use crate::services::mysql::{Endpoint, Session};

/// What stays, and why.
const HISTORY: &str = "the target's GTID history";
const HISTORY_WHY: &str = "a server's GTID history only grows: what it holds of the source is never sent to it again, so \
                           the next restore begins with a snapshot of its own";

pub(super) async fn way_back(_inputs: &Restore, cx: &Reading) -> Result<Preview> {
    let mut preview = Preview::undone_by("starting the step again: another snapshot, another load, the channel");
    preview.loses = Some(0);
    // Dropping the rows takes no longer than counting them did.
    preview.takes = cx.measured(|key| matches!(key, COUNTED | CHANNEL));
    let standing = cx.standing();
    if standing.is_empty() {
        return Ok(preview);
    }
    let (mut here, mut there) = (Session::open(&source(cx).await?).await?, Session::open(&target(cx).await?).await?);
    preview.identity(TARGET, replication::server_uuid(&mut there).await?);
    preview.warnings.extend(only_copy(there.endpoint(), diverged_at(cx)?));
    guard(cx, &mut here, &mut there).await?;
    for reader in served(&mut there, Listed::follows).await? {
        preview
            .warnings
            .push(format!("the target's binary log is read from {reader}: nothing is dropped until it is not"));
    }
    for (key, effect) in standing {
        match key.as_str() {
            CHANNEL => {
                let there = ours(cx, &mut there, &effect.undo).await?;
                let (verb, detail) =
                    if there { (Verb::Remove, at(&effect.undo)?) } else { (Verb::Keep, "gone already".to_owned()) };
                preview.change(verb, "replication channel on the target", vec![detail])
            }
            PURGED => preview.change(Verb::Keep, HISTORY, vec![HISTORY_WHY.to_owned()]),
            LOAD => {
                shown(&mut there, &recorded::<Vec<Before>>(&effect.undo, "before")?, &mut preview).await?;
                &mut preview
            }
            SNAPSHOT => {
                let directory = cx.directory();
                let verb = if directory.exists() { Verb::Remove } else { Verb::Keep };
                preview.change(verb, format!("snapshot in {}", directory.display()), Vec::new())
            }
            _ => &mut preview,
        };
    }
    Ok(preview)
}

pub(super) async fn rollback(inputs: &Restore, cx: &Working) -> Result<Vec<Check>> {
    let standing = cx.standing();
    if standing.is_empty() {
        return Ok(Vec::new());
    }
    let (mut here, mut there) = (Session::open(&source(cx).await?).await?, alone(cx, &target(cx).await?).await?);
    guard(cx, &mut here, &mut there).await?;
    nothing_at_work(inputs, cx, &mut here, &mut there).await?;
    for (key, effect) in standing {
        let (here, there) = (&mut here, &mut there);
        let act = async |undo: Value| match key.as_str() {
            CHANNEL => {
                if ours(cx, there, &undo).await? {
                    replication::reset(there).await?;
                }
                Ok(())
            }
            PURGED => cx.keep(None, HISTORY, HISTORY_WHY),
            COUNTED => Ok(()),
            LOAD => drop_loaded(cx, here, there, &undo).await,
            SNAPSHOT => remove_snapshot(cx),
            _ => Err(Failure::permanent(format!("nothing takes back: {}", effect.summary))),
        };
        cx.take_back(&key, act).await?;
    }
    look(cx, &mut there).await
}

/// What makes the way back impossible, as far as it can be seen before anything is touched.
async fn guard(cx: &Reading, here: &mut Session, there: &mut Session) -> Result<()> {
    let to = there.endpoint().clone();
    if cx.state().switched || !cx.state().fences.is_empty() {
        return Err(Failure::refused(format!("{} ({}) has the tenants' writes", to.label, to.address()))
            .because("the switch was made and is not taken back: what was loaded is what they write to")
            .next("take the switch back first: it carries their writes to the source"));
    }
    let uuid = replication::server_uuid(there).await?;
    refuse_channel(cx, here, (&to, &uuid), "dropping what was loaded").await?;
    foreign(cx, here, there).await
}

/// Refuses where the databases hold what neither the load nor, by replication, the source put there.
async fn foreign(cx: &Reading, here: &mut Session, there: &mut Session) -> Result<()> {
    if cx.undo_of(LOAD).is_none() {
        return Ok(());
    }
    let schemas = &cx.source()?.schemas;
    let loaded = Manifest::read(&cx.directory()).map(|manifest| Content::of(&manifest.schemas)).unwrap_or_default();
    let mut held = unload::contents(there, schemas).await?;
    held.retain(|content| !loaded.contains(content));
    let at_source = unload::contents(here, schemas).await?;
    let odd: Vec<String> = held.difference(&at_source).map(ToString::to_string).collect();
    if odd.is_empty() {
        return Ok(());
    }
    let to = there.endpoint();
    Err(Failure::refused(format!("{} ({}) holds what this run did not load", to.label, to.address()))
        .because(format!("{}: neither in the snapshot nor at the source", odd.join(", ")))
        .next(format!("move it to another database, or drop it, then take `{}` back again", cx.step_id())))
}

/// Ends what an attempt that died left at work on either server, a comparison included.
async fn nothing_at_work(inputs: &Restore, cx: &Working, here: &mut Session, there: &mut Session) -> Result<()> {
    end_all(here, copy::locks(inputs, cx).all()).await?;
    end_all(there, copy::loaders(inputs, cx).locks.iter()).await?;
    let compared = prove::locks(inputs, cx);
    end_all(here, compared.all()).await?;
    // The applier that a comparison stopped goes with its channel.
    cx.clear_scratch(prove::STANDING, || async { Ok(()) }).await
}

/// Whether the channel is there and follows our source; one that somebody else pointed elsewhere is refused.
async fn ours(cx: &Reading, there: &mut Session, undo: &Value) -> Result<bool> {
    let uuid = cx.state().identities.get(SOURCE).cloned().unwrap_or_default();
    let address = (recorded(undo, "host")?, recorded(undo, "port")?);
    let Some(channel) = replication::status(there).await? else { return Ok(false) };
    if channel_from(there, &uuid, &[address]).await?.is_some_and(|follows| follows.channel.is_empty()) {
        return Ok(true);
    }
    let to = there.endpoint();
    Err(Failure::refused(format!("{} ({}) follows another server", to.label, to.address()))
        .because(format!("{channel}: not the channel that this run made"))
        .next("stop and reset that channel if it is not wanted any more, then take the step back again"))
}

async fn drop_loaded(cx: &Working, here: &mut Session, there: &mut Session, undo: &Value) -> Result<()> {
    let again = format!("stop and reset that server's channel, then take `{}` back again", cx.step_id());
    await_none(cx, there, Listed::follows, "dropping what was loaded", &again).await?;
    foreign(cx, here, there).await?;
    for database in recorded::<Vec<Before>>(undo, "before")? {
        unload::unload(there, &database).await?;
        cx.check_cancelled()?;
    }
    // A load that began before its snapshot was recorded with it is known by the manifest only.
    let of_manifest = || Manifest::read(&cx.directory()).map(|manifest| manifest.id).unwrap_or_default();
    let snapshot = undo["snapshot"].as_str().map_or_else(of_manifest, str::to_owned);
    Ok(state::forget(there, &snapshot).await?)
}

fn remove_snapshot(cx: &Reading) -> Result<()> {
    let directory = cx.directory();
    snapshot::remove(&directory).map_err(|why| {
        Failure::permanent(format!("remove the snapshot in {}", directory.display()))
            .because(why.to_string())
            .next("move away what is not the snapshot's, then take the step back again")
    })
}

fn at(undo: &Value) -> Result<String> {
    Ok(format!("from {}:{}", recorded::<String>(undo, "host")?, recorded::<u16>(undo, "port")?))
}

/// Where the switch was taken back without them: the rows that go are the only copy of what was given up.
fn only_copy(to: &Endpoint, since: Option<Timestamp>) -> Option<String> {
    Some(format!(
        "{} ({}) holds the ONLY COPY of the writes that were given up when the switch was taken back, at {:.0}: it goes \
         with the rows, and nothing brings it back. Dump it first (`mysqldump`, or the platform's snapshot), if anybody \
         may ask for it",
        to.label,
        to.address(),
        since?
    ))
}

/// What the databases would be afterwards.
async fn shown(there: &mut Session, before: &[Before], preview: &mut Preview) -> Result<()> {
    for database in before {
        let held = unload::contents(there, std::slice::from_ref(&database.name)).await?.len();
        let now = unload::before(there, std::slice::from_ref(&database.name)).await?;
        if held == 0 && now.first() == Some(database) {
            preview.change(Verb::Keep, format!("database `{}`", database.name), vec!["as it was before".to_owned()]);
        } else if database.defaults.is_none() {
            preview.change(Verb::Remove, format!("database `{}`", database.name), vec![objects(held)]);
        } else {
            let stays = format!("{}; the database itself was there before, and stays", objects(held));
            preview.change(Verb::Remove, format!("everything in `{}`", database.name), vec![stays]);
        }
    }
    Ok(())
}

fn objects(count: usize) -> String {
    format!("{count} tables, views, routines, triggers and events")
}

/// By the server's own lists: nothing that the run made there.
async fn look(cx: &Working, there: &mut Session) -> Result<Vec<Check>> {
    let address = there.endpoint().address();
    let channel = replication::status(there).await?;
    let evidence = channel.as_ref().map_or_else(|| "no channel".to_owned(), ToString::to_string);
    let mut checks = vec![Check::of(channel.is_none(), format!("the target at {address} follows nobody"), evidence)];
    for schema in &cx.source()?.schemas {
        let held = unload::contents(there, std::slice::from_ref(schema)).await?;
        let fact = format!("`{schema}` on the target at {address} holds nothing");
        checks.push(Check::of(held.is_empty(), fact, objects(held.len())));
    }
    let directory = cx.directory();
    checks.push(Check::of(!directory.exists(), "the second snapshot is removed", directory.display().to_string()));
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::mysql::Tls;

    #[test]
    fn rows_that_are_the_only_copy_of_something_do_not_go_without_a_word() {
        let to = Endpoint {
            label: "target MySQL".to_owned(),
            host: "db.target".to_owned(),
            port: 3306,
            user: "admin".to_owned(),
            password: "pw".into(),
            database: None,
            tls: Tls::Required { ca: None },
            identity: None,
        };
        assert_eq!(only_copy(&to, None), None);
        let warning = only_copy(&to, Some(Timestamp::UNIX_EPOCH)).unwrap_or_default();
        for words in ["target MySQL", "db.target", "ONLY COPY", "1970-01-01T00:00:00Z", "Dump it first"] {
            assert!(warning.contains(words), "`{words}` is not in: {warning}");
        }
    }
}
