//! What is in the databases: what a snapshot cannot see at one moment, what stands in a load's way, channels
//! that nobody here made.

use super::super::book::{Book, ahead, begun};
use super::{Side, not_allowed};
use crate::actions::Reading;
use crate::domain::finding::Topic;
use crate::domain::runbook::ActionSpec;
use crate::services::mysql::load::state::contents;
use crate::services::mysql::replication;
use crate::services::mysql::snapshot::freeze::objections;
use crate::services::mysql::table::read_tables;

pub(super) async fn at_source(cx: &Reading, side: &mut Side, book: &mut Book) {
    let Some(source) = &cx.connections().source else { return };
    let schemas = &source.schemas;
    let fact = "its tables can be seen at one moment";
    match read_tables(&mut side.session, schemas).await {
        Ok(tables) => {
            let missing: Vec<&String> =
                schemas.iter().filter(|schema| !tables.iter().any(|table| table.schema == **schema)).collect();
            if !missing.is_empty() {
                let named: Vec<&str> = missing.iter().map(|schema| schema.as_str()).collect();
                book.fact(Topic::Content, "the databases that move have tables")
                    .seen(format!("none in {}", named.join(", ")))
                    .fix("correct `schemas` under [source]")
                    .holds(false);
            }
            let bytes: u64 = tables.iter().map(|table| table.estimated_bytes).sum();
            match objections(&mut side.session, schemas, &tables).await {
                Ok(found) if found.is_empty() => {
                    let seen =
                        format!("{} tables, about {} MiB, all InnoDB, nothing prepared", tables.len(), bytes >> 20);
                    book.fact(Topic::Content, fact).seen(seen).holds(true);
                }
                Ok(found) => {
                    for objection in found {
                        // Each says in brackets what mends it.
                        let fix = objection.rsplit_once(" (").map(|(_, fix)| fix.trim_end_matches(')').to_owned());
                        book.fact(Topic::Content, fact).seen(&objection).fix(fix.unwrap_or_default()).holds(false);
                    }
                }
                Err(error) => book.fault(Topic::Content, fact, error),
            }
        }
        Err(error) => book.fault(Topic::Content, fact, error),
    }
    let fact = "nobody else made it a replica";
    let channels =
        (replication::foreign_channels(&mut side.session).await, replication::status(&mut side.session).await);
    match channels {
        (Ok(foreign), Ok(channel)) => {
            let ours = begun(cx, |action| matches!(action, ActionSpec::Switch(_)));
            let strange = channel.filter(|_| !ours).map(|channel| channel.to_string());
            let all: Vec<String> = foreign.into_iter().map(|name| format!("channel `{name}`")).chain(strange).collect();
            book.fact(Topic::Owner, fact)
                .seen(if all.is_empty() { "no channel".to_owned() } else { all.join("; ") })
                .fix("the reverse channel needs the unnamed one: STOP REPLICA; RESET REPLICA ALL; if it is not wanted any more")
                .holds(all.is_empty());
        }
        (Err(error), _) | (_, Err(error)) if not_allowed(&error) => {}
        (Err(error), _) | (_, Err(error)) => book.fault(Topic::Owner, fact, error),
    }
}

pub(super) async fn at_target(cx: &Reading, side: &mut Side, book: &mut Book) {
    // From the restore on, what is there is this run's.
    if begun(cx, |action| matches!(action, ActionSpec::Restore(_)))
        || ahead(cx, |action| matches!(action, ActionSpec::Restore(_))).is_none()
    {
        return;
    }
    let Some(source) = &cx.connections().source else { return };
    let fact = "the databases that move are free there";
    match contents(&mut side.session, &source.schemas).await {
        Ok(there) => {
            let schema =
                there.first().and_then(|name| name.split_once('.')).map_or("", |(schema, _)| schema).to_owned();
            book.fact(Topic::Owner, fact)
                .seen(if there.is_empty() {
                    "nothing in them".to_owned()
                } else {
                    format!("they hold {}", there.join(", "))
                })
                .fix(format!(
                    "see whose they are; then move them away, DROP DATABASE `{schema}`; or name another target"
                ))
                .holds(there.is_empty());
        }
        Err(error) => book.fault(Topic::Owner, fact, error),
    }
    let fact = "it follows no other server";
    match replication::status(&mut side.session).await {
        Ok(channel) => book
            .fact(Topic::Owner, fact)
            .seen(channel.as_ref().map_or_else(|| "no channel".to_owned(), ToString::to_string))
            .fix("CALL mysql.rds_stop_replication(); CALL mysql.rds_reset_external_source(); if it is not wanted any more")
            .holds(channel.is_none()),
        Err(error) => book.fault(Topic::Owner, fact, error),
    }
}
