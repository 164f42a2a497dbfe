//! What `prepare` makes on a server, each an effect: GTIDs on, an account for the other side, binlogs kept.

use serde_json::json;

use crate::actions::{Effect, Reality, Result, Working, again};
use crate::domain::resource::Side;
use crate::services::mysql::grants::{self, Account};
use crate::services::mysql::gtid_mode::{GtidSettings, climb};
use crate::services::mysql::replication::{Retention, read_retention, set_retention};
use crate::services::mysql::{Session, literal};

/// The ends of the effects' keys; what comes before is the side.
pub(super) const ACCOUNT: &str = ":replication-account";
/// See [`ACCOUNT`].
pub(super) const RETENTION: &str = ":binlog-retention";

/// How long to wait for transactions without a GTID to end, or for those with one on the way back.
pub(super) const OTHERS: std::time::Duration = std::time::Duration::from_mins(1);

/// The side as resources name it.
pub(super) fn on(side: &str) -> Side {
    if side == "source" { Side::Source } else { Side::Target }
}

pub(super) async fn gtids_on(cx: &Working, session: &mut Session, side: &str) -> Result<()> {
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
        let deadline = tokio::time::Instant::now() + OTHERS;
        let act = async { Ok(climb(session, stair, deadline).await?) };
        cx.effect(effect.undo(json!({ "before": found, "stair": stair })), look, act).await?;
    }
    Ok(())
}

pub(super) async fn make_account(cx: &Working, session: &mut Session, side: &str, account: &Account) -> Result<()> {
    let key = format!("{side}{ACCOUNT}");
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
            .run_with_password(
                &doing,
                &format!("CREATE USER IF NOT EXISTS {account} IDENTIFIED BY {password} REQUIRE SSL"),
            )
            .await?;
        session
            .run_with_password(&doing, &format!("ALTER USER {account} IDENTIFIED BY {password} REQUIRE SSL"))
            .await?;
        session.run(&doing, &format!("GRANT REPLICATION SLAVE ON *.* TO {account}")).await?;
        Ok(())
    };
    cx.effect(effect, again(), act).await
}

pub(super) async fn keep_binlogs(cx: &Working, session: &mut Session, side: &str, hours: u64) -> Result<()> {
    let key = format!("{side}{RETENTION}");
    let found: Retention = read_retention(session).await?;
    if found.covers(hours) && cx.undo_of(&key).is_none() {
        return Ok(());
    }
    let effect = Effect::new(key, format!("keep binlogs on the {side} for {hours} h"))
        .undo(json!({ "before": found, "hours": hours }))
        .touches(on(side).variable("binlog_expire_logs_seconds"))
        .touches(on(side).setting("binlog retention hours"));
    cx.effect(effect, again(), async { Ok(set_retention(session, hours).await?) }).await
}
