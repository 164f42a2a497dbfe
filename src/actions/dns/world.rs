//! Everything the switch talks to, opened for one try: sessions that a resume can find and end, the front,
//! the record, the new side's addresses.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::actions::record::Record;
use crate::actions::servers::{alone, followed, logged_in_as, source, target};
use crate::actions::{Reading, Result};
use crate::domain::runbook::Front as FrontSpec;
use crate::domain::{Failure, FailureKind, Plan, StepId, runbook::ActionSpec};
use crate::services::docker::Engine;
use crate::services::front::{Front, Transport};
use crate::services::mysql::grants::Account;
use crate::services::mysql::replication::Source;
use crate::services::mysql::{Endpoint, Server, Session, literal, way_back};

/// How long a server may take to come up again, while tenants wait for what is behind it.
const UP_AGAIN: Duration = Duration::from_mins(2);
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// The outside, for one try.
pub(super) struct World {
    /// The source, with the migration's account.
    pub source: Mutex<Session>,
    /// What it is.
    pub source_facts: Server,
    /// The target, with the migration's account.
    pub target: Mutex<Session>,
    /// What it is.
    pub target_facts: Server,
    /// The source, with the application's account.
    pub source_application: Endpoint,
    /// The application's account at the source.
    pub old_account: Account,
    /// The application's account at the target.
    pub new_account: Account,
    /// How the target follows the source.
    pub forward: Source,
    /// How the source follows the target.
    pub reverse: Source,
    /// Why the source could not follow the target, so that there is no way back; nothing where it can.
    pub no_way_back: Option<String>,
    /// The databases that move.
    pub schemas: Vec<String>,
    /// What stands at the old address, if anything can be switched there.
    pub front: Option<Front>,
    /// The record.
    pub record: Record,
    /// Where the source is: for a reader of a fault.
    pub source_at: String,
    /// Where the target is.
    pub target_at: String,
    doing: std::sync::Mutex<String>,
}

impl World {
    /// Connects to all of it, each known to be what the run began with. What an earlier attempt left running on a server is ended.
    pub(super) async fn open(cx: &Reading) -> Result<Self> {
        let (from, to) = (source(cx).await?, target(cx).await?);
        let sessions = (alone(cx, &from).await?, alone(cx, &to).await?);
        Self::of(cx, from, sessions).await
    }

    /// The same for a look that may stand beside a try: nobody's session is ended.
    pub(super) async fn look(cx: &Reading) -> Result<Self> {
        let (from, to) = (source(cx).await?, target(cx).await?);
        let sessions = (Session::open(&from).await?, Session::open(&to).await?);
        Self::of(cx, from, sessions).await
    }

    /// The same while a server may be on its way up again, as one that was restarted under a fence.
    pub(super) async fn open_when_up(cx: &Reading) -> Result<Self> {
        let deadline = Instant::now() + UP_AGAIN;
        loop {
            match Box::pin(Self::open(cx)).await {
                Err(failure) if failure.kind == FailureKind::Transient && Instant::now() < deadline => {
                    let left = deadline.saturating_duration_since(Instant::now()).as_secs();
                    cx.progress(&format!("wait: {}", failure.what), left, None, "s left");
                    sleep(LOOK_AGAIN).await;
                }
                opened => return opened,
            }
        }
    }

    /// Notes what is being done now, for whoever has to say what took the time.
    pub(super) fn doing(&self, what: impl Into<String>) {
        *self.doing.lock().unwrap_or_else(PoisonError::into_inner) = what.into();
    }

    /// What was being done.
    pub(super) fn was_doing(&self) -> String {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A table for the proof of a fence, the same on both servers.
    pub(super) async fn a_table(&self) -> Result<(String, String)> {
        let query = format!(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND \
             table_schema IN ({}) ORDER BY table_schema, table_name LIMIT 1",
            self.schemas.iter().map(|schema| literal(schema)).collect::<Vec<_>>().join(", ")
        );
        Ok(self.source.lock().await.one("choose a table for the proof of the fence", &query).await?)
    }

    async fn of(cx: &Reading, from: Endpoint, sessions: (Session, Session)) -> Result<Self> {
        let (mut source, mut target) = sessions;
        let (source_facts, target_facts) = (Server::read(&mut source).await?, Server::read(&mut target).await?);
        let (old, new) = (cx.source()?, cx.target()?);
        Ok(Self {
            source_at: format!("{} at {}", from.label, from.address()),
            target_at: format!("{} at {}", target.endpoint().label, target.endpoint().address()),
            doing: std::sync::Mutex::default(),
            no_way_back: way_back(&source_facts, &target_facts).err(),
            source_facts,
            target_facts,
            source: Mutex::new(source),
            target: Mutex::new(target),
            source_application: logged_in_as(cx, &from, &old.application).await?,
            old_account: Account::anywhere(&old.application.user),
            new_account: Account::anywhere(&new.application.user),
            forward: followed(cx, &old.mysql).await?,
            reverse: followed(cx, &new.mysql).await?,
            schemas: old.schemas.clone(),
            front: front(cx).await?,
            record: Box::pin(Record::open(cx)).await?,
        })
    }
}

/// The front of the runbook, if it names one.
pub(in crate::actions) async fn front(cx: &Reading) -> Result<Option<Front>> {
    let transport = match &cx.connections().front {
        None => return Ok(None),
        Some(FrontSpec::Command(command)) => Transport::Command(command.clone()),
        Some(FrontSpec::Container(name)) => {
            let engine = Engine::connect(cx.connections().docker.host.as_deref()).await?;
            Transport::Container(Box::new(engine), name.clone())
        }
    };
    Ok(Some(Front::over(transport)))
}

/// The id of the step of one kind, as the switch needs its facts.
pub(in crate::actions) fn step_of(plan: &Plan, kind: fn(&ActionSpec) -> bool) -> Result<&StepId> {
    let found = plan.runbook.steps.iter().find(|step| kind(&step.action));
    found.map(|step| &step.id).ok_or_else(|| {
        Failure::permanent("the runbook lacks a step that the switch builds on")
            .because("they are mysql.prepare, kubernetes.deploy and mysql.restore; `settle` builds on dns.switch too")
            .next("add the step, as runbooks/rev3.toml has it, and adopt it if others did its work")
    })
}
