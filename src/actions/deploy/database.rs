//! What the backend finds on the target: empty databases in the source's character sets, and an account of
//! its own that can only read until the switch.

use std::fmt::Write as _;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::schema::{ACCOUNT, RIGHTS, Schema, TARGET, alone, key, reading, standing};
use crate::actions::{Checking, Effect, Reading, Reality, Result, Working, servers};
use crate::domain::preview::Verb;
use crate::domain::resource::Side;
use crate::domain::runbook::inputs::Deploy;
use crate::domain::{Check, Failure, Preview};
use crate::services::mysql::grants::{self, Account};
use crate::services::mysql::{Endpoint, Session, code, identifier, literal};

/// ER_TABLEACCESS_DENIED_ERROR.
const COMMAND_DENIED: u16 = 1142;

/// The source's databases, and the target's account.
pub(super) struct Database {
    target: Endpoint,
    application: Endpoint,
    account: Account,
    schemas: Vec<Schema>,
}

impl Database {
    /// Reads from the source what the target shall have.
    pub(super) async fn of(cx: &Reading) -> Result<Self> {
        let target = servers::target(cx).await?;
        let wanted = &cx.target()?.application;
        if wanted.user == cx.source()?.application.user {
            return Err(Failure::permanent("the application's account has the same name on source and target")
                .because("replication carries accounts, so one server's grants would change the other's")
                .next("give [target.application] another user"));
        }
        let mut session = Session::open(&servers::source(cx).await?).await?;
        let mut schemas = Vec::new();
        for name in &cx.source()?.schemas {
            let missing = || {
                Failure::permanent(format!("the source has no database {name}"))
                    .next("correct `schemas` under [source]")
            };
            schemas.push(standing(&mut session, name).await?.ok_or_else(missing)?.schema);
        }
        session.close().await?;
        Ok(Self {
            application: servers::logged_in_as(cx, &target, wanted).await?,
            account: Account::anywhere(&wanted.user),
            target,
            schemas,
        })
    }

    /// The URL that the backend gets, for the first database.
    pub(super) async fn url(&self, cx: &Reading, inputs: &Deploy) -> Result<SecretString> {
        let account = &cx.target()?.application;
        let password = cx.secret(&account.password).await?;
        let schema = self.schemas.first().map(|schema| schema.name.as_str()).unwrap_or_default();
        let (user, password) = (escaped(&account.user), escaped(password.expose_secret()));
        let address = self.target.address();
        Ok(format!("mysql://{user}:{password}@{address}/{schema}{}", inputs.database_url_suffix).into())
    }

    pub(super) async fn preview(&self, cx: &Reading, preview: &mut Preview) -> Result<()> {
        let mut session = Session::open(&self.target).await?;
        let uuid: String = session.one("read the server's identity", "SELECT @@server_uuid").await?;
        preview.identity(TARGET, uuid);
        for schema in &self.schemas {
            let there = self.usable(&mut session, cx, schema).await?;
            let verb = if there { Verb::Keep } else { Verb::Create };
            preview.change(
                verb,
                format!("database {}", schema.name),
                vec![format!("{}, {}", schema.charset, schema.collation)],
            );
        }
        let there = grants::exists(&mut session, &self.account).await?;
        let verb = if there { Verb::Keep } else { Verb::Create };
        preview.change(
            verb,
            format!("account {}", self.account),
            vec!["may read, and nothing else until the switch".to_owned()],
        );
        Ok(session.close().await?)
    }

    /// Makes what is not there yet.
    pub(super) async fn make(&self, cx: &Working) -> Result<()> {
        let mut session = alone(cx, &self.target).await?;
        for schema in &self.schemas {
            if !self.usable(&mut session, cx, schema).await? {
                self.make_schema(cx, &mut session, schema).await?;
            }
        }
        if !grants::exists(&mut session, &self.account).await? {
            self.make_account(cx, &mut session).await?;
        }
        for schema in &self.schemas {
            self.let_read(cx, &mut session, schema).await?;
        }
        session.close().await?;
        // The password in the runbook has to be the account's, whoever made it.
        Ok(Session::open(&self.application).await?.close().await?)
    }

    /// Whether the database is there and this run may have it; one with somebody's tables is refused.
    async fn usable(&self, session: &mut Session, cx: &Reading, schema: &Schema) -> Result<bool> {
        let Some(there) = standing(session, &schema.name).await? else { return Ok(false) };
        let ours = cx.state().step(cx.step_id()).effects.contains_key(&key(schema));
        if there.tables > 0 && !ours {
            return Err(Failure::refused(format!("the target's database {} is not empty", schema.name))
                .because(format!("it has {} tables that this run did not make", there.tables))
                .next("look whose they are; move them away, or give the run a server of its own"));
        }
        if (&there.schema.charset, &there.schema.collation) != (&schema.charset, &schema.collation) {
            return Err(Failure::refused(format!("the target's database {} has another character set", schema.name))
                .because(format!(
                    "{}, {} there; {}, {} at the source",
                    there.schema.charset, there.schema.collation, schema.charset, schema.collation
                ))
                .next("drop the empty database, or ALTER DATABASE it"));
        }
        Ok(true)
    }

    async fn make_schema(&self, cx: &Working, session: &mut Session, schema: &Schema) -> Result<()> {
        let effect = Effect::new(key(schema), format!("create the database {} on the target", schema.name))
            .undo(json!({"created": schema.name}))
            .touches(Side::Target.database(&schema.name));
        let look = async {
            let mut session = Session::open(&self.target).await?;
            let there = standing(&mut session, &schema.name).await?;
            session.close().await?;
            Ok(if there.is_some() { Reality::Done(schema.clone()) } else { Reality::NotDone })
        };
        let act = async {
            let statement = format!(
                "CREATE DATABASE {} CHARACTER SET {} COLLATE {}",
                identifier(&schema.name),
                schema.charset,
                schema.collation
            );
            session.run(&format!("create the database {}", schema.name), &statement).await?;
            Ok(schema.clone())
        };
        cx.effect(effect, look, act).await.map(drop)
    }

    async fn make_account(&self, cx: &Working, session: &mut Session) -> Result<()> {
        let effect = Effect::new(ACCOUNT, format!("create the account {} on the target", self.account))
            .undo(json!({"created": self.account}))
            .touches(Side::Target.user(&self.account));
        let look = async {
            let mut session = Session::open(&self.target).await?;
            let there = grants::exists(&mut session, &self.account).await?;
            session.close().await?;
            Ok(if there { Reality::Done(true) } else { Reality::NotDone })
        };
        let act = async {
            let password = literal(self.application.password.expose_secret());
            let statement = format!("CREATE USER {} IDENTIFIED BY {password}", self.account);
            session.run_with_password(&format!("create the account {}", self.account), &statement).await?;
            Ok(true)
        };
        cx.effect(effect, look, act).await.map(drop)
    }

    /// Gives the account the right to read a database, and shows that it has no other there.
    async fn let_read(&self, cx: &Working, session: &mut Session, schema: &Schema) -> Result<()> {
        let wanted = reading();
        let found = grants::on_schema(session, &self.account, &schema.name).await?;
        if found == wanted {
            return Ok(());
        }
        if !found.is_empty() {
            return Err(Failure::refused(format!("the account {} has other rights on {}", self.account, schema.name))
                .because(found.into_iter().collect::<Vec<_>>().join(", "))
                .next("revoke them: until the switch it may only read"));
        }
        let effect =
            Effect::new(format!("{RIGHTS}{}", schema.name), format!("let {} read {}", self.account, schema.name))
                .undo(json!({"account": self.account, "schema": schema.name, "rights": found}))
                .touches(Side::Target.grant_in(&self.account, &schema.name));
        let look = async {
            let mut session = Session::open(&self.target).await?;
            let found = grants::on_schema(&mut session, &self.account, &schema.name).await?;
            session.close().await?;
            Ok(if found == reading() { Reality::Done(true) } else { Reality::NotDone })
        };
        let act = async {
            grants::give(session, &self.account, &schema.name, &wanted).await?;
            Ok(true)
        };
        cx.effect(effect, look, act).await.map(drop)
    }

    pub(super) async fn verify(&self, _cx: &Checking) -> Result<Vec<Check>> {
        // As the application itself: what it sees, and that it is refused a write.
        let mut session = Session::open(&self.application).await?;
        let mut checks = Vec::new();
        for schema in &self.schemas {
            let there = standing(&mut session, &schema.name).await?;
            let held = there.as_ref().is_some_and(|there| there.schema == *schema);
            let evidence = there.map_or_else(
                || "it does not see it".to_owned(),
                |there| format!("{}, {}, {} tables", there.schema.charset, there.schema.collation, there.tables),
            );
            checks.push(Check::of(
                held,
                format!("the application sees the database {} as the source has it", schema.name),
                evidence,
            ));
            // Rights are looked at before the table is: nothing is written whichever way this ends.
            let attempt = format!("INSERT INTO {}.cutover_no_such_table VALUES ()", identifier(&schema.name));
            let (refused, denied) = match session.run("write", &attempt).await {
                Ok(()) => (false, "it was let".to_owned()),
                Err(error) => {
                    let said = error.why.as_ref().map(ToString::to_string).unwrap_or_default();
                    (code(&error) == Some(COMMAND_DENIED), said)
                }
            };
            checks.push(Check::of(refused, format!("the application cannot write to {}", schema.name), denied));
        }
        session.close().await?;
        Ok(checks)
    }
}

/// Text inside a URL.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_password_with_a_slash_stays_one_part_of_the_url() {
        assert_eq!(super::escaped("a/b@c:d é"), "a%2Fb%40c%3Ad%20%C3%A9");
    }
}
