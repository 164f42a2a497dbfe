//! `mysql.prepare`: what replication needs, on both servers, while both go on working.
//!
//! GTIDs are switched on online, a stair an effect; an account for the other side is made on each server;
//! binlogs are kept long enough to come back to. What needs a restart or a parameter group is said, not
//! done. It also notes the schema as it stands, so that the switch can tell whether it changed since.

use serde_json::json;

use super::servers::{logged_in_as, source, target};
use super::{Action, Checking, Effect, Outputs, Reading, Reality, Result, Working, again};
use crate::domain::preview::Verb;
use crate::domain::resource::Side;
use crate::domain::runbook::inputs::Prepare;
use crate::domain::{Check, Failure, Preview};
use crate::services::mysql::grants::{self, Account};
use crate::services::mysql::gtid_mode::{GtidSettings, climb};
use crate::services::mysql::replication::{Retention, read_retention, set_retention};
use crate::services::mysql::{Endpoint, Flavour, Server, Session, literal};

/// How long to wait for transactions without a GTID to end.
const ANONYMOUS: std::time::Duration = std::time::Duration::from_mins(1);
const SCHEMA: &str = "schema";

impl Action for Prepare {
    async fn preview(&self, cx: &Reading) -> Result<Preview> {
        let mut preview = Preview::undone_by(
            "GTIDs go off by the same stairs, accounts made here are dropped, retention and persisted settings as found",
        );
        for (name, endpoint, account) in sides(cx).await? {
            let mut session = Session::open(&endpoint).await?;
            let server = Server::read(&mut session).await?;
            cx.recognise(name, &server.uuid)?;
            preview.identity(name, server.uuid.clone());
            preview.warnings.extend(by_hand(&server).into_iter().map(|what| format!("{name}: {what}")));
            if server.flavour == Flavour::Own {
                for stair in GtidSettings::read(&mut session).await?.up() {
                    preview.change(Verb::Change, format!("{name}: {stair}"), vec!["online, persisted".to_owned()]);
                }
            }
            let there = grants::exists(&mut session, &account).await?;
            let verb = if there { Verb::Keep } else { Verb::Create };
            preview.change(
                verb,
                format!("{name}: account {account}"),
                vec!["REPLICATION SLAVE, TLS required".to_owned()],
            );
            let kept = read_retention(&mut session).await?;
            let hours = u64::from(self.binlog_retention_hours);
            let verb = if kept.covers(hours) { Verb::Keep } else { Verb::Change };
            preview.change(verb, format!("{name}: binlogs kept for {hours} h"), Vec::new());
        }
        Ok(preview)
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        for (name, endpoint, account) in sides(cx).await? {
            let mut session = Session::open(&endpoint).await?;
            let server = Server::read(&mut session).await?;
            cx.pin(name, &server.uuid)?;
            refuse_unfit(name, &server)?;
            let side = if name == SOURCE { "source" } else { "target" };
            if server.flavour == Flavour::Own {
                gtids_on(cx, &mut session, side).await?;
            }
            make_account(cx, &mut session, side, &account).await?;
            keep_binlogs(cx, &mut session, side, u64::from(self.binlog_retention_hours)).await?;
            if name == SOURCE {
                cx.checkpoint(SCHEMA, &schema_digest(&mut session, &cx.source()?.schemas).await?)?;
            }
        }
        Ok(Outputs::new())
    }

    async fn verify(&self, cx: &Checking) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        for (name, endpoint, account) in sides(cx).await? {
            let mut session = Session::open(&endpoint).await?;
            let server = Server::read(&mut session).await?;
            let evidence =
                format!("gtid_mode={}, enforce_gtid_consistency={}", server.gtid_mode, server.enforce_gtid_consistency);
            let on = server.gtid_mode == "ON" && server.enforce_gtid_consistency == "ON";
            checks.push(Check::of(on, format!("{name}: GTIDs are on"), evidence));
            let kept = read_retention(&mut session).await?;
            let hours = kept.hours().map_or_else(|| "for ever".to_owned(), |hours| format!("{hours} h"));
            let covers = kept.covers(u64::from(self.binlog_retention_hours));
            checks.push(Check::of(covers, format!("{name}: binlogs are kept"), hours));
            let reference =
                if name == SOURCE { &cx.source()?.mysql.replication } else { &cx.target()?.mysql.replication };
            let follower = logged_in_as(cx, &endpoint, reference).await?;
            let login = Session::open(&follower).await;
            let evidence = login.as_ref().err().map_or_else(|| "logged in over TLS".to_owned(), ToString::to_string);
            checks.push(Check::of(login.is_ok(), format!("{name}: {account} can log in"), evidence));
        }
        checks.push(Check::noted(
            "the target reaches the source",
            "cannot be tried on a managed server without replicating: the restore's channel is the first proof",
        ));
        Ok(checks)
    }
}

const SOURCE: &str = "source MySQL";
const TARGET: &str = "target MySQL";

async fn sides(cx: &Reading) -> Result<[(&'static str, Endpoint, Account); 2]> {
    let at_source = Account::anywhere(&cx.source()?.mysql.replication.user);
    let at_target = Account::anywhere(&cx.target()?.mysql.replication.user);
    Ok([(SOURCE, source(cx).await?, at_source), (TARGET, target(cx).await?, at_target)])
}

/// What is not as it has to be and cannot be changed while the server works.
fn by_hand(server: &Server) -> Vec<String> {
    let place = match server.flavour {
        Flavour::Own => "in its configuration, then a restart",
        Flavour::Managed => "in its parameter group",
    };
    let mut wanting = Vec::new();
    let mut want = |fine: bool, what: &str| {
        if !fine {
            wanting.push(format!("set {what} {place}"));
        }
    };
    want(server.log_bin, "log_bin (managed: switch backups on)");
    want(server.binlog_format == "ROW", "binlog_format=ROW");
    want(server.binlog_row_image == "FULL", "binlog_row_image=FULL");
    want(server.binlog_row_value_options.is_empty(), "binlog_row_value_options=''");
    want(server.id > 0, "server_id to a number of its own");
    want(server.flavour == Flavour::Own || server.gtid_mode == "ON", "gtid_mode=ON, enforce_gtid_consistency=ON");
    wanting
}

fn refuse_unfit(name: &str, server: &Server) -> Result<()> {
    match by_hand(server).first() {
        None => Ok(()),
        Some(first) => Err(Failure::permanent(format!("{name} is not fit for replication yet"))
            .because(first.clone())
            .next(first.clone())),
    }
}

/// The side as resources name it.
fn on(side: &str) -> Side {
    if side == "source" { Side::Source } else { Side::Target }
}

async fn gtids_on(cx: &Working, session: &mut Session, side: &str) -> Result<()> {
    let noted = format!("{side}:gtid-settings");
    let found = match cx.checkpointed::<GtidSettings>(&noted)? {
        Some(found) => found,
        None => GtidSettings::read(session).await?,
    };
    cx.checkpoint(&noted, &found)?;
    for stair in found.up() {
        let effect = Effect::new(format!("{side}:{stair}"), format!("set {stair} on the {side}, online"))
            .touches(on(side).variable("gtid_mode"))
            .touches(on(side).variable("enforce_gtid_consistency"));
        // Where the server stands now says whether a stair in doubt was taken.
        let taken = !GtidSettings::read(session).await?.up().contains(&stair);
        let look = async { Ok(if taken { Reality::Done(()) } else { Reality::NotDone }) };
        let deadline = tokio::time::Instant::now() + ANONYMOUS;
        let act = async { Ok(climb(session, stair, deadline).await?) };
        cx.effect(effect.undo(json!({ "before": found })), look, act).await?;
    }
    Ok(())
}

async fn make_account(cx: &Working, session: &mut Session, side: &str, account: &Account) -> Result<()> {
    let key = format!("{side}:replication-account");
    let existed = match cx.undo_of(&key) {
        Some(undo) => undo["existed"].as_bool().unwrap_or(true),
        None => grants::exists(session, account).await?,
    };
    if existed {
        return cx.log(format!("account {account} is on the {side} already: left as it is"));
    }
    let reference = if side == "source" { &cx.source()?.mysql.replication } else { &cx.target()?.mysql.replication };
    let password = cx.secret(&reference.password).await?;
    let effect = Effect::new(key, format!("make account {account} on the {side}"))
        .undo(json!({ "existed": false, "account": account }))
        .touches(on(side).user(account));
    let act = async {
        use secrecy::ExposeSecret as _;
        let doing = format!("make account {account}");
        let password = literal(password.expose_secret());
        session
            .run(&doing, &format!("CREATE USER IF NOT EXISTS {account} IDENTIFIED BY {password} REQUIRE SSL"))
            .await?;
        session.run(&doing, &format!("ALTER USER {account} IDENTIFIED BY {password} REQUIRE SSL")).await?;
        session.run(&doing, &format!("GRANT REPLICATION SLAVE ON *.* TO {account}")).await?;
        Ok(())
    };
    cx.effect(effect, again(), act).await
}

async fn keep_binlogs(cx: &Working, session: &mut Session, side: &str, hours: u64) -> Result<()> {
    let key = format!("{side}:binlog-retention");
    let found: Retention = read_retention(session).await?;
    if found.covers(hours) && cx.undo_of(&key).is_none() {
        return Ok(());
    }
    let effect = Effect::new(key, format!("keep binlogs on the {side} for {hours} h"))
        .undo(json!({ "before": found }))
        .touches(on(side).variable("binlog_expire_logs_seconds"))
        .touches(on(side).setting("binlog retention hours"));
    cx.effect(effect, again(), async { Ok(set_retention(session, hours).await?) }).await
}

/// A digest of the tables, columns, indexes and routines of these schemas.
pub(super) async fn schema_digest(session: &mut Session, schemas: &[String]) -> Result<String> {
    use sha2::{Digest as _, Sha256};
    let named = schemas.iter().map(|schema| literal(schema)).collect::<Vec<_>>().join(", ");
    let queries = [
        format!(
            "SELECT CONCAT_WS('|', table_schema, table_name, ordinal_position, column_name, column_type, is_nullable, \
             QUOTE(column_default), extra, collation_name, generation_expression) FROM information_schema.columns \
             WHERE table_schema IN ({named}) ORDER BY table_schema, table_name, ordinal_position"
        ),
        format!(
            "SELECT CONCAT_WS('|', table_schema, table_name, index_name, seq_in_index, column_name, non_unique, sub_part) \
             FROM information_schema.statistics WHERE table_schema IN ({named}) \
             ORDER BY table_schema, table_name, index_name, seq_in_index"
        ),
        format!(
            "SELECT CONCAT_WS('|', routine_schema, routine_name, routine_type, SHA2(routine_definition, 256)) \
             FROM information_schema.routines WHERE routine_schema IN ({named}) ORDER BY routine_schema, routine_name"
        ),
    ];
    let mut digest = Sha256::new();
    for query in queries {
        for line in session.query::<Option<String>>("read the schema", &query).await? {
            digest.update(line.unwrap_or_default());
            digest.update([0]);
        }
    }
    Ok(hex::encode(digest.finalize()))
}
