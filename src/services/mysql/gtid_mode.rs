//! Global transaction ids switched on while the server works, and off again, a stair at a time.
//!
//! The stairs are pure, so that a step can journal each one by itself; climbing one is idempotent. The
//! server refuses to skip one. Before the last, no anonymous transaction may be left.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::Session;
use super::variable::Variable;
use crate::services::Result;

const MODES: [&str; 4] = ["OFF", "OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"];
const CONSISTENCY: [&str; 3] = ["OFF", "WARN", "ON"];
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How a server's GTIDs were set before anybody touched them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GtidSettings {
    /// `gtid_mode`.
    pub mode: Variable,
    /// `enforce_gtid_consistency`.
    pub consistency: Variable,
}

/// One change on the way, in the server's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stair {
    /// `enforce_gtid_consistency` to this place in OFF, WARN, ON.
    Consistency(usize),
    /// `gtid_mode` to this place in OFF, OFF_PERMISSIVE, ON_PERMISSIVE, ON.
    Mode(usize),
}

impl std::fmt::Display for Stair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Consistency(to) => write!(f, "enforce_gtid_consistency={}", CONSISTENCY[*to]),
            Self::Mode(to) => write!(f, "gtid_mode={}", MODES[*to]),
        }
    }
}

impl GtidSettings {
    /// Reads them.
    pub async fn read(session: &mut Session) -> Result<Self> {
        let mode = Variable::read(session, "gtid_mode").await?;
        Ok(Self { mode, consistency: Variable::read(session, "enforce_gtid_consistency").await? })
    }

    /// Whether GTIDs are on.
    pub fn on(&self) -> bool {
        self.mode.value.as_deref() == Some("ON")
    }

    /// The stairs from here to ON.
    pub fn up(&self) -> Vec<Stair> {
        let consistency = place(&CONSISTENCY, &self.consistency) + 1..CONSISTENCY.len();
        let mode = place(&MODES, &self.mode) + 1..MODES.len();
        consistency.map(Stair::Consistency).chain(mode.map(Stair::Mode)).collect()
    }

    /// The stairs from here down to what `before` was.
    pub fn down_to(&self, before: &Self) -> Vec<Stair> {
        let mode = (place(&MODES, &before.mode)..place(&MODES, &self.mode)).rev();
        let consistency = (place(&CONSISTENCY, &before.consistency)..place(&CONSISTENCY, &self.consistency)).rev();
        mode.map(Stair::Mode).chain(consistency.map(Stair::Consistency)).collect()
    }

    /// The stairs from here down to just below one, so that it is not taken any more.
    pub fn down_below(&self, stair: Stair) -> Vec<Stair> {
        match stair {
            Stair::Consistency(at) => {
                (at.saturating_sub(1)..place(&CONSISTENCY, &self.consistency)).rev().map(Stair::Consistency).collect()
            }
            Stair::Mode(at) => (at.saturating_sub(1)..place(&MODES, &self.mode)).rev().map(Stair::Mode).collect(),
        }
    }

    /// Makes the persisted values what they were; the running ones come from the stairs.
    pub async fn put_back_persisted(&self, session: &mut Session) -> Result<()> {
        self.mode.put_back_persisted(session).await?;
        self.consistency.put_back_persisted(session).await
    }
}

/// Takes one stair, up or down. Before GTIDs are all on (or off) it waits until `deadline` for the
/// transactions of the other kind to end.
pub async fn climb(session: &mut Session, stair: Stair, deadline: Instant) -> Result<()> {
    match stair {
        Stair::Mode(3) => await_none(session, "anonymous transactions", deadline).await?,
        Stair::Mode(0) => await_none(session, "owned GTIDs", deadline).await?,
        _ => {}
    }
    let (name, value) = match stair {
        Stair::Consistency(to) => ("enforce_gtid_consistency", CONSISTENCY[to]),
        Stair::Mode(to) => ("gtid_mode", MODES[to]),
    };
    session.run(&format!("set {stair}"), &format!("SET PERSIST {name} = {value}")).await
}

async fn await_none(session: &mut Session, what: &str, deadline: Instant) -> Result<()> {
    let doing = format!("wait until there are no {what}");
    loop {
        let none = if what == "owned GTIDs" {
            session
                .first::<Option<String>>(&doing, "SELECT @@GLOBAL.gtid_owned")
                .await?
                .flatten()
                .is_none_or(|s| s.is_empty())
        } else {
            let status = "SHOW GLOBAL STATUS LIKE 'Ongoing_anonymous_transaction_count'";
            session.first::<(String, String)>(&doing, status).await?.is_some_and(|(_, count)| count == "0")
        };
        if none {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(session
                .refuse(&doing, "a transaction is still open")
                .next("end the longest transaction, then retry"));
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn place(stairs: &[&str], variable: &Variable) -> usize {
    let value = variable.value.as_deref().unwrap_or_default();
    stairs.iter().position(|stair| stair.eq_ignore_ascii_case(value)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(mode: &str, consistency: &str) -> GtidSettings {
        let variable = |value: &str| Variable { name: String::new(), value: Some(value.to_owned()), persisted: None };
        GtidSettings { mode: variable(mode), consistency: variable(consistency) }
    }

    fn words(stairs: &[Stair]) -> Vec<String> {
        stairs.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_server_as_found_climbs_every_stair_and_comes_down_by_the_same() {
        let (found, on) = (settings("OFF", "OFF"), settings("ON", "ON"));
        let up = ["enforce_gtid_consistency=WARN", "enforce_gtid_consistency=ON", "gtid_mode=OFF_PERMISSIVE"];
        assert_eq!(words(&found.up())[..3], up);
        assert_eq!(words(&found.up())[3..], ["gtid_mode=ON_PERMISSIVE", "gtid_mode=ON"]);
        let down = ["gtid_mode=ON_PERMISSIVE", "gtid_mode=OFF_PERMISSIVE", "gtid_mode=OFF"];
        assert_eq!(words(&on.down_to(&found))[..3], down);
        assert_eq!(words(&on.down_to(&found))[3..], ["enforce_gtid_consistency=WARN", "enforce_gtid_consistency=OFF"]);
    }

    #[test]
    fn a_stair_is_taken_back_by_standing_just_below_it() {
        let on = settings("ON", "ON");
        assert_eq!(words(&on.down_below(Stair::Mode(3))), ["gtid_mode=ON_PERMISSIVE"]);
        assert_eq!(words(&on.down_below(Stair::Consistency(1)))[..1], ["enforce_gtid_consistency=WARN"]);
        assert!(settings("OFF_PERMISSIVE", "ON").down_below(Stair::Mode(2)).is_empty());
    }

    #[test]
    fn a_half_done_climb_goes_on_from_where_it_stands() {
        assert_eq!(words(&settings("ON_PERMISSIVE", "ON").up()), ["gtid_mode=ON"]);
        assert!(settings("ON", "ON").up().is_empty() && settings("ON", "ON").on());
        assert!(settings("OFF", "WARN").down_to(&settings("OFF", "WARN")).is_empty());
    }
}
