//! One server's settings, each with the statement or parameter that mends it.

use super::super::book::{Book, ahead};
use super::Side;
use crate::actions::Reading;
use crate::domain::finding::Topic;
use crate::domain::runbook::ActionSpec;
use crate::services::mysql::replication::{lets_accounts_in, read_retention};
use crate::services::mysql::{Flavour, Version};

/// `CHANGE REPLICATION SOURCE` and the words that go with it.
const OLDEST: (u32, u32, u32) = (8, 0, 23);

/// A setting that replication by rows and GTIDs needs, and whether a change wants a restart.
const REPLICATION: &[(&str, &str, bool)] = &[
    ("log_bin", "ON", true),
    ("binlog_format", "ROW", false),
    ("binlog_row_image", "FULL", false),
    ("binlog_row_value_options", "", false),
];

pub(super) async fn ask(cx: &Reading, side: &mut Side, book: &mut Book) {
    release(side, book);
    for (name, wanted, restart) in REPLICATION {
        let fix = match (*name, side.server.flavour) {
            ("log_bin", Flavour::Managed) => {
                "switch automated backups on: without them a managed server keeps no binlog".to_owned()
            }
            _ => side.set(name, wanted, *restart),
        };
        let seen = side.value(name);
        let shown = |value: &str| if value.is_empty() { "empty".to_owned() } else { value.to_owned() };
        book.fact(Topic::Parameters, *name)
            .seen(shown(seen))
            .limit(shown(wanted))
            .fix(fix)
            .holds(seen.eq_ignore_ascii_case(wanted));
    }
    book.fact(Topic::Parameters, "binlog_row_metadata")
        .seen(side.value("binlog_row_metadata"))
        .limit("any: native replication needs no more than MINIMAL")
        .holds(true);
    gtids(cx, side, book);
    let id = side.server.id;
    book.fact(Topic::Parameters, "server_id")
        .seen(id.to_string())
        .limit("not 0")
        .fix(side.set("server_id", "1001", false))
        .holds(id > 0);
    let keeps = side.is_on("log_replica_updates") || side.is_on("log_slave_updates");
    let fact = book.fact(Topic::Parameters, "log_replica_updates").seen(if keeps { "ON" } else { "OFF" });
    if side.is_source || keeps {
        fact.limit("ON, where replicas of its own hang on it").holds(true);
    } else {
        fact.limit("ON: its backups and replicas take their rows from its binlog")
            .fix(side.set("log_replica_updates", "ON", true))
            .holds(false);
    }
    retention(cx, side, book).await;
    if !side.is_source {
        target_only(side, book).await;
    }
}

fn release(side: &Side, book: &mut Book) {
    let version: &Version = &side.server.version;
    let (major, minor, patch) = OLDEST;
    book.fact(Topic::Version, "it is a MySQL that can replicate by GTID in both roles")
        .seen(format!(
            "{version}, {}",
            match side.server.flavour {
                Flavour::Own => "a server of one's own",
                Flavour::Managed => "managed",
            }
        ))
        .limit(format!("MySQL {major}.{minor}.{patch} or newer"))
        .fix("upgrade it first; MariaDB has to be copied logically, which this program does not do")
        .holds(!version.is_mariadb() && version.at_least(major, minor, patch));
}

/// `prepare` climbs the stairs on a server of one's own; a managed one has them in its parameter group.
fn gtids(cx: &Reading, side: &Side, book: &mut Book) {
    let ours = side.server.flavour == Flavour::Own;
    let step = ahead(cx, |action| matches!(action, ActionSpec::Prepare(_))).filter(|_| ours);
    for (name, seen) in
        [("gtid_mode", &side.server.gtid_mode), ("enforce_gtid_consistency", &side.server.enforce_gtid_consistency)]
    {
        let fix = if ours { "`mysql.prepare` switches it on, online".to_owned() } else { side.set(name, "ON", true) };
        book.fact(Topic::Parameters, name).seen(seen).limit("ON").fix(fix).made_by(seen == "ON", step.clone());
    }
}

async fn retention(cx: &Reading, side: &mut Side, book: &mut Book) {
    let wanted = cx.plan().runbook.steps.iter().find_map(|step| match &step.action {
        ActionSpec::Prepare(prepare) => Some(u64::from(prepare.binlog_retention_hours)),
        _ => None,
    });
    let Some(wanted) = wanted else { return };
    let fact = "binlogs are kept long enough to come back to";
    match read_retention(&mut side.session).await {
        Ok(kept) => {
            let fix = match side.server.flavour {
                Flavour::Own => format!("SET PERSIST binlog_expire_logs_seconds = {};", wanted * 3600),
                Flavour::Managed => format!("CALL mysql.rds_set_configuration('binlog retention hours', {wanted});"),
            };
            book.fact(Topic::Parameters, fact)
                .seen(kept.hours().map_or_else(|| "for ever".to_owned(), |hours| format!("{hours} h")))
                .limit(format!("{wanted} h"))
                .fix(fix)
                .made_by(kept.covers(wanted), ahead(cx, |action| matches!(action, ActionSpec::Prepare(_))));
        }
        Err(error) => book.fault(Topic::Parameters, fact, error),
    }
}

/// The forward channel brings everything that the source logs: its accounts must not be in it.
async fn target_only(side: &mut Side, book: &mut Book) {
    let fact = "the channel from the source leaves mysql.* out";
    let fix = side.set("replicate-wild-ignore-table", "mysql.%", true);
    match lets_accounts_in(&mut side.session).await {
        Ok(Some(let_in)) => book
            .fact(Topic::Parameters, fact)
            .seen(if let_in { "no filter keeps it out" } else { "kept out" })
            .limit("replicate-wild-ignore-table = mysql.%")
            .fix(fix)
            .holds(!let_in),
        Ok(None) => book
            .fact(Topic::Parameters, fact)
            .seen("cannot be seen before there is a channel, since performance_schema is off")
            .limit("replicate-wild-ignore-table = mysql.%")
            .fix(format!("make sure of it: {fix}"))
            .noted(),
        Err(error) => book.fault(Topic::Parameters, fact, error),
    }
    let infile = side.server.local_infile;
    let fact = book.fact(Topic::Parameters, "local_infile");
    if infile {
        fact.seen("ON").holds(true);
    } else {
        fact.seen("OFF: rows are loaded by INSERT, which is slower")
            .limit("ON")
            .fix(side.set("local_infile", "ON", false))
            .noted();
    }
}
