//! `cutover lab`: real services on this machine that stand for Rev1 and for the target.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::rehearse::own_cluster::ClusterArgs;
use super::{Stop, present};
use crate::domain::figure;
use crate::lab::{self, Lab, Part, Progress, State, UpOptions, ledger, route53, traffic};
use crate::services::stderr;

#[derive(Debug, Subcommand)]
pub(super) enum LabCommand {
    /// Brings the services up; what runs already stays. The first time takes minutes, then seconds.
    Up(UpArgs),
    /// How each service is; exits with 1 where one is not ready.
    Status {
        /// Print JSON lines.
        #[arg(long)]
        json: bool,
    },
    /// A fresh world in seconds; images and caches are kept. In the cluster of `--kube-context`, what rehearsals made.
    Reset(ClusterArgs),
    /// Takes away exactly what `up` made; images and caches stay.
    Down {
        /// Take images and caches away too.
        #[arg(long)]
        all: bool,
    },
    /// Counts the writes of a finished rehearsal again, in the databases as they are now.
    Recount {
        /// The rehearsal's directory; the last one where it is not given.
        directory: Option<PathBuf>,
    },
    /// The Route 53 stand-in and its DNS, in a process of their own.
    #[command(hide = true, name = "serve-route53")]
    ServeRoute53 {
        /// The lab directory.
        directory: PathBuf,
    },
    /// The tenants, in a process of their own.
    #[command(hide = true)]
    Traffic {
        /// Where its options are, and its records go.
        directory: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct UpArgs {
    /// Rows of orders and ledger in Rev1's database.
    #[arg(long)]
    rows: Option<u64>,
    /// These parts only, with what they need.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,
    /// Install what is missing on this machine (Debian, Ubuntu).
    #[arg(long)]
    install: bool,
}

/// Carries out a command of the lab.
pub(super) async fn lab(command: LabCommand) -> Result<(), Stop> {
    match command {
        LabCommand::Up(args) => {
            let options = UpOptions { rows: args.rows, only: args.only, install: args.install };
            Lab::open(lab::directory())?.up(&options, &say).await?;
        }
        LabCommand::Status { json } => return status(json).await,
        LabCommand::Reset(cluster) => {
            // First: its pods work with the databases that are made fresh.
            if let Some(own) = cluster.open().await? {
                for name in own.clean(&super::rehearse::runs()).await? {
                    stderr::line(&format!("  {:<14} removed {name}", own.context));
                }
            }
            Lab::open(lab::directory())?.reset(&say).await?;
        }
        LabCommand::Down { all } => Lab::open(lab::directory())?.down(all, &say).await?,
        LabCommand::Recount { directory } => {
            let directory = directory.map_or_else(super::rehearse::last, Ok)?;
            let (summary, tally) = ledger::recount(&directory, &lab::directory().join("secrets")).await?;
            present::json(&json!({ "event": "recount", "traffic": summary, "writes": tally }));
        }
        LabCommand::ServeRoute53 { directory } => route53::serve_lab(&directory).await?,
        LabCommand::Traffic { directory } => traffic::run(traffic::Options::read(&directory)?).await?,
    }
    Ok(())
}

async fn status(as_json: bool) -> Result<(), Stop> {
    let mut all_ready = true;
    for (part, state) in Lab::open(lab::directory())?.status().await? {
        all_ready &= state == State::Ready;
        let word = match &state {
            State::Ready => "ready".to_owned(),
            State::Down(why) => format!("down: {why}"),
            State::Absent => "absent".to_owned(),
        };
        if as_json {
            present::json(&json!({ "event": "part", "part": part.name(), "state": word }));
        } else {
            present::line(&format!("  {:<14} {word}", part.name()));
        }
    }
    if all_ready { Ok(()) } else { Err(Stop::NotGood) }
}

/// A line of the lab's progress, on standard error: standard output may be for programs.
#[expect(clippy::needless_pass_by_value, reason = "the lab gives its news away")]
pub(super) fn say(progress: Progress) {
    let part = progress.part.map_or("lab", Part::name);
    let far = progress.done.map(|done| format!(" {:.0} %", done * 100.0)).unwrap_or_default();
    let eta = progress.eta.map(|eta| format!(", {} left", figure::seconds(eta.as_secs_f64()))).unwrap_or_default();
    stderr::line(&format!("  {part:<14} {}{far}{eta}", progress.text));
}
