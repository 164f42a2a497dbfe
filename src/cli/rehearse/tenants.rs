//! The traffic of a rehearsal, and what the databases hold of it at the end.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::Stop;
use crate::domain::runbook::MySql;
use crate::domain::{Failure, Plan, RunState, SecretRef};
use crate::lab::{self, ledger, traffic};

/// How long the tenants may take to be served at all, or by the new side.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long a round of all tenants may take, each writing at least once: two minutes on an idle machine.
const EVERY_TENANT: Duration = Duration::from_mins(6);

/// So many answers of the new side are waited for before what follows the switch.
const DIRECT: u64 = 200;
/// So many writes has the new side to take before they are carried back.
const WRITTEN: u64 = 100;

/// The tenants, and the databases that their writes are looked for in.
pub(super) struct Tenants {
    traffic: traffic::Traffic,
    old: ledger::Party,
    new: Option<ledger::Party>,
    schema: String,
    directory: PathBuf,
    switch: Option<crate::domain::StepId>,
}

impl Tenants {
    /// Starts them, and waits until they are served.
    pub(super) async fn start(plan: &Plan, directory: &Path) -> Result<Self, Stop> {
        let connections = &plan.runbook.connections;
        let source = connections.source.as_ref().ok_or_else(|| Failure::permanent("the runbook has no [source]"))?;
        let schema = source.schemas.first().cloned().unwrap_or_default();
        let options = traffic::Options {
            name: connections.service.host.clone(),
            ca: Some(lab::directory().join("tls").join("ca.crt")),
            ..traffic::Options::default()
        };
        let program = std::env::current_exe()
            .map_err(|why| Failure::permanent("find this very program").because(why.to_string()))?;
        let tenants = Self {
            traffic: traffic::Traffic::spawn(&program, &directory.join("traffic"), &options)?,
            old: party("rev1", &source.mysql)?,
            new: connections.target.as_ref().map(|target| party("managed MySQL", &target.mysql)).transpose()?,
            schema,
            directory: directory.to_path_buf(),
            switch: plan.step_with_action("dns.switch").map(|step| step.id.clone()),
        };
        tenants.until("the tenants are served", |live| live.acknowledged > 0).await?;
        Ok(tenants)
    }

    /// Waits until every tenant has written.
    pub(super) async fn all_have_written(&self) -> Result<(), Stop> {
        let tenants = u64::from(traffic::Options::default().tenants);
        self.within(EVERY_TENANT, "every tenant has written", |live| live.tenants_written >= tenants).await
    }

    /// Waits until the new side answers them directly.
    pub(super) async fn served_by_the_new_side(&self) -> Result<(), Stop> {
        self.until("the new side serves the tenants", |live| live.served.direct >= DIRECT).await
    }

    /// Looks into the old database while it still answers: the last step stops it.
    pub(super) async fn look_into_the_old(&self) -> Result<(), Stop> {
        let secrets = lab::directory().join("secrets");
        Ok(ledger::remember(&self.directory, &secrets, &self.old, &self.schema).await?)
    }

    /// Waits until the new side has taken so many writes more.
    pub(super) async fn written_on_the_new_side(&self) -> Result<(), Stop> {
        let before = self.traffic.live().map_or(0, |live| live.new_side_writes);
        self.until("the new side takes the tenants' writes", |live| live.new_side_writes >= before + WRITTEN).await
    }

    /// Waits until Rev1 serves them again.
    pub(super) async fn served_by_the_source(&self) -> Result<(), Stop> {
        let before = self.traffic.live().map_or(0, |live| live.served.old);
        self.until("Rev1 serves the tenants again", |live| live.served.old >= before + DIRECT).await
    }

    /// Lets them finish, and counts.
    pub(super) async fn stop(
        self,
        state: &RunState,
        directory: &Path,
    ) -> Result<(ledger::Summary, ledger::Tally), Stop> {
        self.traffic.stop().await?;
        let switch = self.switch.map(|id| state.step(&id)).filter(|_| state.switched);
        let switched = switch.and_then(|step| step.outputs.get("switched_at")?.as_str()?.parse().ok());
        let (serving, other) = match self.new {
            Some(new) if state.switched => (new, Some(self.old)),
            _ => (self.old, None),
        };
        ledger::Book { serving, other, schema: self.schema, switched }.save(directory)?;
        Ok(ledger::recount(directory, &lab::directory().join("secrets")).await?)
    }

    async fn until(&self, what: &str, holds: impl Fn(&traffic::Live) -> bool) -> Result<(), Stop> {
        self.within(PATIENCE, what, holds).await
    }

    async fn within(&self, patience: Duration, what: &str, holds: impl Fn(&traffic::Live) -> bool) -> Result<(), Stop> {
        let deadline = tokio::time::Instant::now() + patience;
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        loop {
            ticks.tick().await;
            if self.traffic.live().as_ref().is_some_and(&holds) {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                return Err(Failure::permanent(format!("waited {} s until {what}", patience.as_secs()))
                    .because(self.traffic.live().map_or_else(|| "nothing was heard of them".to_owned(), |live| {
                        format!(
                            "{} requests so far, {} failed; {} writes acknowledged, {} unknown; the longest wait {:.1} s",
                            live.requests, live.failed, live.acknowledged, live.unknown, live.longest_stall_seconds
                        )
                    }))
                    .next("`cutover lab status`; its log is traffic.log in the rehearsal's directory")
                    .into());
            }
        }
    }
}

fn party(name: &str, mysql: &MySql) -> Result<ledger::Party, Failure> {
    let address: IpAddr = mysql.host.parse().map_err(|_| {
        Failure::permanent(format!("the lab's {name} is given by name, not by address: {}", mysql.host))
            .next("leave its host in `[values]` as runbooks/rehearsal.toml has it")
    })?;
    let secret = match &mysql.password {
        SecretRef::File(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()),
        _ => None,
    };
    let secret = secret
        .ok_or_else(|| Failure::permanent(format!("the password of the lab's {name} is not one of the lab's files")))?;
    Ok(ledger::Party {
        name: name.to_owned(),
        address: SocketAddr::new(address, mysql.port),
        user: mysql.user.clone(),
        secret,
    })
}
