//! The way back on the target: the rights, the account and the databases that the run gave and made, as long
//! as they are still what it made.

use std::collections::BTreeSet;

use super::schema::{ACCOUNT, RIGHTS, SCHEMA, TARGET, alone, reading, standing};
use crate::actions::undo::recorded;
use crate::actions::{Reading, Result, Working, servers};
use crate::domain::preview::Verb;
use crate::domain::state::Effect;
use crate::domain::{Check, Failure, Preview};
use crate::services::mysql::grants::{self, Account};
use crate::services::mysql::load::state;
use crate::services::mysql::{Session, identifier};

/// One thing that an effect of the step gave or made.
enum Made {
    Rights { account: Account, schema: String, before: BTreeSet<String> },
    Account(Account),
    Database(String),
}

/// What has to be done about it.
enum Fate {
    AsBefore,
    Undo,
}

impl Made {
    /// Nothing for an effect that is not on the target.
    fn of(key: &str, effect: &Effect) -> Result<Option<Self>> {
        let undo = &effect.undo;
        Ok(if key.starts_with(RIGHTS) {
            let (account, schema, before) =
                (recorded(undo, "account")?, recorded(undo, "schema")?, recorded(undo, "rights")?);
            Some(Self::Rights { account, schema, before })
        } else if key == ACCOUNT {
            Some(Self::Account(recorded(undo, "created")?))
        } else if key.starts_with(SCHEMA) {
            Some(Self::Database(recorded(undo, "created")?))
        } else {
            None
        })
    }

    fn named(&self) -> String {
        match self {
            Self::Rights { account, schema, .. } => format!("rights of {account} on {schema}"),
            Self::Account(account) => format!("account {account}"),
            Self::Database(name) => format!("database {name}"),
        }
    }

    /// Refuses what somebody else changed since.
    async fn fate(&self, session: &mut Session, given: &[&str]) -> Result<Fate> {
        let (there, odd, next) = match self {
            Self::Rights { account, schema, before } => {
                let now = grants::on_schema(session, account, schema).await?;
                let odd = if now == reading() || now == *before { Vec::new() } else { now.iter().cloned().collect() };
                (now != *before, odd, "take back what the run did not give, and the step again")
            }
            Self::Account(account) => {
                let there = grants::exists(session, account).await?;
                let lines = if there { grants::lines(session, account).await? } else { Vec::new() };
                let expected = |line: &&String| {
                    line.starts_with("GRANT USAGE ON *.* ")
                        || given.iter().any(|schema| line.contains(&format!(" ON {}.* ", identifier(schema))))
                        || given
                            .iter()
                            .any(|schema| line.contains(&format!(" ON {}.* ", identifier(&grants::escaped(schema)))))
                };
                let odd = lines.iter().filter(|line| !expected(line)).cloned().collect();
                (
                    there,
                    odd,
                    "revoke what the run did not give, or drop the account yourself, and take the step back again",
                )
            }
            Self::Database(name) => {
                let there = standing(session, name).await?.is_some();
                let inside =
                    if there { state::contents(session, std::slice::from_ref(name)).await? } else { Vec::new() };
                (
                    there,
                    inside,
                    "`restore` takes back what it loaded; move away what others put there, or drop the database yourself",
                )
            }
        };
        if odd.is_empty() {
            return Ok(if there { Fate::Undo } else { Fate::AsBefore });
        }
        let address = session.endpoint().address();
        Err(Failure::refused(format!("the {} at {address} is not as this run left it", self.named()))
            .because(format!("it has {}", odd.join(", ")))
            .next(next))
    }

    async fn undo(&self, session: &mut Session) -> Result<()> {
        let doing = format!("take back the {}", self.named());
        match self {
            Self::Rights { account, schema, before } => {
                let given: BTreeSet<String> = reading().difference(before).cloned().collect();
                grants::take(session, account, schema, &given).await?;
            }
            Self::Account(account) => session.run(&doing, &format!("DROP USER IF EXISTS {account}")).await?,
            Self::Database(name) => {
                session.run(&doing, &format!("DROP DATABASE IF EXISTS {}", identifier(name))).await?;
            }
        }
        Ok(())
    }
}

/// What the step's effects may have made on the target, the last first.
fn made(cx: &Reading) -> Result<Vec<(String, Made)>> {
    let effects = cx.standing().into_iter();
    effects.filter_map(|(key, effect)| Made::of(&key, &effect).map(|made| Some((key, made?))).transpose()).collect()
}

/// The databases on which the run gave rights, and has not taken them back.
fn given(made: &[(String, Made)]) -> Vec<&str> {
    made.iter()
        .filter_map(|(_, made)| match made {
            Made::Rights { schema, .. } => Some(schema.as_str()),
            _ => None,
        })
        .collect()
}

/// Shows what taking all of it back would do.
pub(super) async fn way_back(cx: &Reading, preview: &mut Preview) -> Result<()> {
    let made = made(cx)?;
    if made.is_empty() {
        return Ok(());
    }
    let mut session = Session::open(&servers::target(cx).await?).await?;
    let uuid: String = session.one("read the server's identity", "SELECT @@server_uuid").await?;
    preview.identity(TARGET, uuid);
    for (_, thing) in &made {
        match thing.fate(&mut session, &given(&made)).await? {
            Fate::Undo => preview.change(Verb::Remove, thing.named(), Vec::new()),
            Fate::AsBefore => preview.change(Verb::Keep, thing.named(), vec!["as it was before".to_owned()]),
        };
    }
    Ok(session.close().await?)
}

/// Takes all of it back.
pub(super) async fn take_back(cx: &Working) -> Result<()> {
    let made = made(cx)?;
    if made.is_empty() {
        return Ok(());
    }
    let mut session = alone(cx, &servers::target(cx).await?).await?;
    for (key, thing) in &made {
        let act = async |_| match thing.fate(&mut session, &[]).await? {
            Fate::Undo => thing.undo(&mut session).await,
            Fate::AsBefore => Ok(()),
        };
        cx.take_back(key, act).await?;
    }
    Ok(session.close().await?)
}

/// By name, at the server: nothing that the run made there, in this attempt or an earlier one.
pub(super) async fn look(cx: &Reading) -> Result<Vec<Check>> {
    let effects = cx.state().step(cx.step_id()).effects;
    let mut session = Session::open(&servers::target(cx).await?).await?;
    let address = session.endpoint().address();
    let mut checks = Vec::new();
    for (key, effect) in &effects {
        let (there, what) = match Made::of(key, effect)? {
            Some(Made::Account(account)) => {
                (grants::exists(&mut session, &account).await?, format!("account {account}"))
            }
            Some(Made::Database(name)) => (standing(&mut session, &name).await?.is_some(), format!("database {name}")),
            Some(Made::Rights { .. }) | None => continue,
        };
        let evidence = if there { "it is there" } else { "it is not there" };
        checks.push(Check::of(!there, format!("the target at {address} has no {what}"), evidence));
    }
    session.close().await?;
    Ok(checks)
}
