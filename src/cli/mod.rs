//! The command line: definitions, one file per command, and the one place where errors are reported.

mod adopt;
mod approve;
mod check;
mod drive;
mod engine;
mod gate;
mod handed_on;
mod history;
mod journal;
mod lab;
mod output;
mod plan;
mod present;
mod rehearse;
mod report;
mod rollback;
mod run;
mod schema;
mod session;
mod share;
mod status;
mod summary;
mod supervisor;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::domain::failure::FailureKind;
use crate::domain::{Failure, Plan, plain};
use crate::loader::{self, Faults};
use crate::services::stderr;

/// Drives the migration of a live, single-server web service to Kubernetes: one journalled, resumable
/// step at a time.
#[derive(Debug, Parser)]
#[command(name = "cutover", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Names every fault of a runbook; with --live, asks every service whether it is ready.
    Check(check::CheckArgs),
    /// Prints the JSON Schema of runbooks, for editors.
    Schema,
    /// What each step would do, as far as it can be seen today: a forecast.
    Plan(plan::PlanArgs),
    /// Drives the steps that are not over yet, each through its gate.
    Run(run::RunArgs),
    /// Attaches this terminal to the run, whose engine goes on without it; starts one where there is none.
    Drive(drive::DriveArgs),
    /// Looks on while somebody drives; may leave a note or raise a hand.
    Watch(watch::WatchArgs),
    /// Signs a step's preview as somebody who does not drive, where its gate wants that.
    Approve(approve::ApproveArgs),
    /// Links to the run's web page, one for each person.
    Share(share::ShareArgs),
    /// The engine as a process of its own; started by `cutover drive`.
    #[command(hide = true)]
    Engine(engine::EngineArgs),
    /// Takes steps back, the last first, each through its way back.
    Rollback(rollback::RollbackArgs),
    /// Where the run stands; exits with 1 where a fence is shut or a step failed.
    Status(status::StatusArgs),
    /// Takes the next step as done by others: its checks must pass.
    Adopt(adopt::AdoptArgs),
    /// Prints the journal.
    Journal(journal::JournalArgs),
    /// A finished or running migration, as a page: Markdown, or one HTML file.
    Report(report::ReportArgs),
    /// Drives the whole runbook against the lab, with tenants' traffic on it.
    Rehearse(rehearse::RehearseArgs),
    /// Real services on this machine that stand for Rev1 and for the target.
    #[command(subcommand)]
    Lab(lab::LabCommand),
}

/// Which run a command is about.
#[derive(Debug, Args)]
struct Which {
    /// The runbook.
    runbook: PathBuf,
    /// The run's state directory [default: .cutover/NAME beside the runbook].
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// A value put over the runbook's own, for this run; it may be given for each.
    #[arg(long, value_name = "NAME=TOML")]
    set: Vec<String>,
    /// Print JSON lines, and nothing else, on standard output.
    #[arg(long)]
    json: bool,
}

impl Which {
    fn plan(&self) -> Result<Plan, Stop> {
        match handed_on::plan(&self.runbook)? {
            Some(plan) => Ok(plan),
            None => Ok(loader::load_with(&self.runbook, &self.set)?),
        }
    }

    /// The plan, for a command that ends with a summary: where there is none, programs get that summary all the same.
    fn plan_or_summary(&self) -> Result<Plan, Stop> {
        self.or_summary(self.plan())
    }

    /// A result; where it ends the command before there is a run to speak of, programs get the summary of that.
    fn or_summary<T>(&self, result: Result<T, Stop>) -> Result<T, Stop> {
        result.inspect_err(|stop| {
            if self.json {
                present::json(&summary::without_run(stop));
            }
        })
    }

    fn directory(&self, plan: &Plan) -> PathBuf {
        self.state.clone().unwrap_or_else(|| crate::engine::state_directory(plan))
    }
}

/// Why a command ended otherwise than well.
#[derive(Debug)]
enum Stop {
    /// The runbook has faults: exit code 2.
    Faults(Faults),
    /// Something failed, was refused or interrupted: exit code 1, 4 or 130.
    Failed(Failure),
    /// A gate waits for somebody: exit code 3.
    AtGate(String),
    /// What was found is not good, and was printed: exit code 1.
    NotGood,
    /// The engine's own process said everything and ended with this code.
    Said(u8),
}

impl From<Faults> for Stop {
    fn from(faults: Faults) -> Self {
        Self::Faults(faults)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<crate::services::Error> for Stop {
    fn from(error: crate::services::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Stop {
    fn code(&self) -> u8 {
        match self {
            Self::Faults(_) => 2,
            Self::AtGate(_) => 3,
            Self::NotGood => 1,
            Self::Said(code) => *code,
            Self::Failed(failure) => match failure.kind {
                FailureKind::Refused => 4,
                FailureKind::Interrupted => 130,
                FailureKind::Transient | FailureKind::Permanent | FailureKind::InDoubt => 1,
            },
        }
    }

    /// What failed, why, what to do next: on standard error.
    fn report(&self) {
        match self {
            Self::Faults(faults) => stderr::line(&faults.to_string()),
            Self::AtGate(waiting) => stderr::line(&format!("waiting at a gate: {}", plain::line(waiting))),
            Self::NotGood | Self::Said(_) => {}
            Self::Failed(failure) => stderr::line(&output::failure(failure)),
        }
    }
}

/// Parses the command line, carries it out, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(why) => {
            stderr::line(&format!("error: this machine gives no threads or timers: {why}"));
            return ExitCode::from(1);
        }
    };
    let result = runtime.block_on(dispatch(cli.command));
    // What is still running belongs to nobody any more: leave rather than wait for it.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            stop.report();
            ExitCode::from(stop.code())
        }
    }
}

async fn dispatch(command: Command) -> Result<(), Stop> {
    match command {
        Command::Check(args) => check::check(&args).await,
        Command::Schema => schema::schema(),
        Command::Plan(args) => plan::plan(&args).await,
        Command::Run(args) => Box::pin(supervisor::over(&args.which, run::run(&args))).await,
        Command::Drive(args) => Box::pin(drive::drive(&args)).await,
        Command::Watch(args) => Box::pin(watch::watch(&args)).await,
        Command::Approve(args) => approve::approve(&args).await,
        Command::Share(args) => share::share(&args),
        Command::Engine(args) => engine::engine(&args).await,
        Command::Rollback(args) => Box::pin(supervisor::over(&args.which, rollback::rollback(&args))).await,
        Command::Status(args) => status::status(&args).await,
        Command::Adopt(args) => Box::pin(adopt::adopt(&args)).await,
        Command::Journal(args) => journal::journal(&args),
        Command::Report(args) => report::report(&args),
        Command::Rehearse(args) => Box::pin(rehearse::rehearse(&args)).await,
        Command::Lab(command) => lab::lab(command).await,
    }
}
