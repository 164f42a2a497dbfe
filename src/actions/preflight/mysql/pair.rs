//! The two servers against each other: what the target has to be for the source's data, and for a way back.

use super::super::book::Book;
use super::Side;
use crate::actions::Reading;
use crate::domain::finding::Topic;
use crate::domain::runbook::ActionSpec;
use crate::services::mysql::replication;
use crate::services::mysql::{Flavour, literal, literals, way_back};

pub(super) async fn ask(cx: &Reading, source: &mut Side, target: &mut Side, book: &mut Book) {
    let (old, new) = (&source.server, &target.server);
    let series = (old.version.major, old.version.minor) <= (new.version.major, new.version.minor);
    book.fact(Topic::Version, "it is not older than the source")
        .seen(format!("{} from {}", new.version, old.version))
        .limit(format!("{}.{} or newer", old.version.major, old.version.minor))
        .fix(format!(
            "upgrade the target to {}.{}: a replica older than its source is not supported",
            old.version.major, old.version.minor
        ))
        .holds(series);
    let back = book.fact(Topic::Version, "the source can follow it: there is a way back without loss");
    match way_back(old, new) {
        Ok(()) => back.seen(format!("{} from {}", old.version, new.version)).holds(true),
        Err(why) => back
            .seen(why)
            .fix("upgrade the source to the target's release first; or accept it with `accept_no_way_back` at the switch")
            .noted(),
    }
    book.fact(Topic::Version, "the source is a server of one's own, which the switch can fence")
        .seen(if old.flavour == Flavour::Own { "it is" } else { "it is managed: it has no super_read_only" })
        .fix("move from a server of your own: replicate the managed one into such a server first")
        .holds(old.flavour == Flavour::Own);
    book.fact(Topic::Parameters, "server_id differs from the source's")
        .seen(format!("{} and {}", old.id, new.id))
        .fix(source.set("server_id", &(new.id + 1).to_string(), false))
        .holds(old.id != new.id);
    let (old_case, new_case) = (old.lower_case_table_names, new.lower_case_table_names);
    book.fact(Topic::Parameters, "lower_case_table_names is the source's")
        .seen(new_case.to_string())
        .limit(old_case.to_string())
        .fix(format!(
            "make the target anew with lower_case_table_names = {old_case}: it is fixed when a server is made"
        ))
        .holds(old_case == new_case);
    let (old_packet, new_packet) = (old.max_allowed_packet, new.max_allowed_packet);
    book.fact(Topic::Parameters, "max_allowed_packet is at least the source's")
        .seen(new_packet.to_string())
        .limit(old_packet.to_string())
        .fix(target.set("max_allowed_packet", &old_packet.to_string(), false))
        .holds(new_packet >= old_packet);
    let (old_zone, new_zone) = (zone(source), zone(target));
    book.fact(Topic::Parameters, "its time zone is the source's")
        .seen(&new_zone)
        .limit(&old_zone)
        .fix(format!(
            "{} (CURRENT_TIMESTAMP and the application's NOW() follow it)",
            target.set("time_zone", if old_zone == "UTC" { "+00:00" } else { &old_zone }, false)
        ))
        .holds(old_zone == new_zone);
    for name in ["character_set_server", "collation_server", "sql_mode"] {
        defaults(name, source, target, book);
    }
    let schemas = cx.connections().source.as_ref().map(|source| source.schemas.clone()).unwrap_or_default();
    beside(cx, source, target, book, &schemas).await;
    primary_keys(source, target, book, &schemas).await;
    programs(source, target, book, &schemas).await;
}

/// A default that the moved schemas do not lean on, but new ones and sessions would.
fn defaults(name: &str, source: &Side, target: &Side, book: &mut Book) {
    let (old, new) = (source.value(name), target.value(name));
    let fact = book.fact(Topic::Parameters, format!("{name} is the source's")).seen(new).limit(old);
    if old == new { fact.holds(true) } else { fact.fix(target.set(name, old, false)).noted() }
}

/// `UTC` under each of its names; what SYSTEM stands for.
fn zone(side: &Side) -> String {
    let zone = match side.value("time_zone") {
        "SYSTEM" => side.value("system_time_zone"),
        named => named,
    };
    if matches!(zone, "UTC" | "Etc/UTC" | "GMT" | "+00:00" | "-00:00") { "UTC".to_owned() } else { zone.to_owned() }
}

/// What replication would carry beside what moves, until the switch ends it.
async fn beside(cx: &Reading, source: &mut Side, target: &mut Side, book: &mut Book, schemas: &[String]) {
    let replicates = cx.plan().runbook.steps.iter().any(|step| matches!(step.action, ActionSpec::Restore(_)));
    if !replicates || cx.state().switched {
        return;
    }
    let fact = "it is sent no database of the source's beside those that move";
    match replication::beside(&mut source.session, &mut target.session, schemas).await {
        Ok(found) => {
            let ignored = target.set("replicate_wild_ignore_table", &replication::ignoring(&found), true);
            book.fact(Topic::Content, fact)
                .seen(if found.is_empty() { "none".to_owned() } else { found.join(", ") })
                .fix(format!("add them to `schemas` under [source]; or move or drop them; or {ignored}"))
                .holds(found.is_empty());
        }
        Err(error) => book.fault(Topic::Content, fact, error),
    }
}

async fn primary_keys(source: &mut Side, target: &Side, book: &mut Book, schemas: &[String]) {
    let found = match crate::services::mysql::table::without_primary_key(&mut source.session, schemas).await {
        Ok(found) => found,
        Err(error) => return book.fault(Topic::Content, "the source's tables can be looked at", error),
    };
    let required = target.is_on("sql_require_primary_key");
    let fact = book.fact(Topic::Parameters, "sql_require_primary_key lets in every table of the source");
    let seen = format!(
        "{}; without a primary key: {}",
        if required { "ON" } else { "OFF" },
        if found.is_empty() { "none".to_owned() } else { found.join(", ") }
    );
    let keyless = found.first().cloned().unwrap_or_default();
    let fact = fact.seen(seen).limit(if found.is_empty() { "any" } else { "OFF" });
    fact.fix(format!(
        "{}, until the source's tables have keys; or ALTER TABLE {keyless} ADD COLUMN id BIGINT UNSIGNED NOT NULL \
         AUTO_INCREMENT PRIMARY KEY INVISIBLE FIRST; at the source",
        target.set("sql_require_primary_key", "OFF", false).trim_end_matches(';')
    ))
    .holds(!required || found.is_empty());
    if !found.is_empty() {
        book.fact(Topic::Content, "every table has a primary key")
            .seen(format!("{} have none: each changed row of theirs is looked for by a scan", found.len()))
            .fix(format!("ALTER TABLE {keyless} ADD PRIMARY KEY (...);"))
            .noted();
    }
}

/// Functions, triggers and events ask more of a server than tables do.
async fn programs(source: &mut Side, target: &Side, book: &mut Book, schemas: &[String]) {
    let within = literals(schemas);
    let query = format!(
        "SELECT (SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_TYPE = {} AND ROUTINE_SCHEMA IN ({within})) \
         + (SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA IN ({within})), \
         (SELECT COUNT(*) FROM information_schema.EVENTS WHERE STATUS = {} AND EVENT_SCHEMA IN ({within}))",
        literal("FUNCTION"),
        literal("ENABLED")
    );
    let (creators, events): (u64, u64) = match source.session.one("count functions, triggers and events", &query).await
    {
        Ok(counted) => counted,
        Err(error) => return book.fault(Topic::Content, "the source's programs can be looked at", error),
    };
    if creators > 0 {
        let trusted = target.server.trusts_function_creators || target.server.may("SUPER");
        book.fact(Topic::Parameters, "log_bin_trust_function_creators lets functions and triggers in")
            .seen(format!("{}; {creators} of them at the source", if trusted { "ON" } else { "OFF" }))
            .limit("ON")
            .fix(target.set("log_bin_trust_function_creators", "ON", false))
            .holds(trusted);
    }
    if events > 0 {
        book.fact(Topic::Parameters, "event_scheduler runs what the source's events do")
            .seen(format!("{}; {events} enabled at the source", target.value("event_scheduler")))
            .limit("ON")
            .fix(target.set("event_scheduler", "ON", false))
            .holds(target.is_on("event_scheduler"));
    }
}
