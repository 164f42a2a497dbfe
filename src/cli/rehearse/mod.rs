//! `cutover rehearse`: the runbook driven against the lab, with tenants' traffic on it all the while.
//!
//! It is the parent of the traffic and of the engine (a `cutover run` of its own), so neither takes the
//! other with it; an engine that dies is started again, and counted. Its consent is for the lab alone: somebody's
//! own cluster (`--kube-context`) takes a phrase.

mod bring_up;
mod by_hand;
mod child;
mod course;
mod leftovers;
pub(super) mod own_cluster;
mod table;
mod tenants;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::drive::Look;
use super::{Stop, lab as lab_command, present, summary};
use crate::domain::{Failure, StepId};
use crate::engine::{self, crash};
use crate::lab::{self, Lab, News, Part, Progress, UpOptions};
use crate::loader;
use bring_up::BringUp;
use by_hand::Hands;
use child::Child;
use course::Course;
use leftovers::Before;
use own_cluster::{Chosen, ClusterArgs};
use tenants::Tenants;

#[derive(Debug, Args)]
pub(super) struct RehearseArgs {
    /// The runbook.
    #[arg(default_value = "runbooks/rehearsal.toml")]
    runbook: PathBuf,
    /// Consent to every step, and to installing what is missing on this machine; for the lab alone. Without it, a
    /// terminal opens the seat, and a person drives.
    #[arg(long)]
    yes: bool,
    /// Print JSON lines, and nothing else, on standard output.
    #[arg(long)]
    json: bool,
    /// Rows of orders and ledger in Rev1's database.
    #[arg(long)]
    rows: Option<u64>,
    /// Kill the engine there (STEP:EFFECT:intent|effect|outcome); given again, each start dies at the next.
    #[arg(long, value_name = "PLACE")]
    crash_at: Vec<String>,
    /// Nothing at the old address is switched: clients that keep the old answer fail until they end.
    #[arg(long)]
    without_front: bool,
    /// A value put over the runbook's own, for this rehearsal; it may be given for each.
    #[arg(long, value_name = "NAME=TOML")]
    set: Vec<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The phrase that somebody's own cluster asks for: 'cluster=rehearse in CONTEXT'.
    #[arg(long = "phrase", value_name = "STEP=PHRASE", value_parser = super::run::phrase, requires = "kube_context")]
    phrases: Vec<(StepId, String)>,
    #[command(flatten)]
    course: Course,
    #[command(flatten)]
    look: Look,
}

impl RehearseArgs {
    /// The lab's values that these arguments change.
    fn set(&self) -> Vec<String> {
        let mut set = self.cluster.set();
        if self.without_front {
            set.push("front = { unset = \"rehearsed without\" }".to_owned());
            set.push("accept_without_front = \"tenants of the lab may fail\"".to_owned());
        }
        set.extend(self.set.iter().cloned());
        set
    }
}

/// Rehearses; the summary comes last, also where the lab could not be brought up.
pub(super) async fn rehearse(args: &RehearseArgs) -> Result<(), Stop> {
    let mut said = false;
    let result = Box::pin(begin_and_drive(args, &mut said)).await;
    if let Err(stop) = &result
        && args.json
        && !said
    {
        present::json(&summary::without_run(stop));
    }
    result
}

async fn begin_and_drive(args: &RehearseArgs, said: &mut bool) -> Result<(), Stop> {
    let plan = loader::load_with(&args.runbook, &args.set())?;
    if plan.runbook.environment != "lab" {
        return Err(Failure::refused("a rehearsal drives the lab, and this runbook's environment is another").into());
    }
    // Not only after the lab was brought up.
    crash::known(&child::deaths(args), &plan)?;
    let hands = if args.yes { None } else { Some(Hands::agreed(args.runbook.clone(), args.set(), args.look.clone())?) };
    let lab = Lab::open(lab::directory())?;
    let own = Chosen::of(&args.cluster, &args.phrases, &plan, runs()).await?;
    match &hands {
        None => world(args, &lab, own.as_ref(), &lab_command::say).await?,
        Some(hands) => {
            let (bring_up, views) = BringUp::new(&plan);
            let say = |progress: Progress| bring_up.say(&progress);
            hands.watch(views, &lab::directory(), world(args, &lab, own.as_ref(), &say)).await?;
        }
    }
    let directory = begin()?;
    let before = Before::look(&plan, &directory, own.map(|own| own.names)).await?;
    let tenants = Tenants::start(&plan, &directory).await?;
    let mut child = Child::new(args, &directory);
    let mut result = match &hands {
        None => args.course.drive(&plan, &mut child, &tenants).await,
        Some(hands) => hands.drive(&plan, &directory, &tenants).await,
    };
    if result.is_ok() {
        result = tenants.all_have_written().await;
    }
    let (traffic, tally) = tenants.stop(&child.state()?, &directory).await?;
    let leftovers = before.leftovers(&child.state()?).await?;
    let traffic = json!(traffic);
    let result = result.and_then(|()| nothing_lost(&traffic)).and_then(|()| leftovers::none(&leftovers));
    let mut summary = summary::of(&child.state()?, &plan, &result, args.course.good());
    child.measured_on_the_way(&mut summary);
    summary["traffic"] = traffic;
    summary["leftovers"] = json!(leftovers);
    let adopted = |controller: &Value| controller.as_str().is_some_and(|said| said.starts_with("adopted"));
    if summary.get("ingress_controller").is_some_and(|controller| !adopted(controller)) {
        // The step names the class's controller; which program stands for it is the lab's to say.
        summary["ingress_controller"] = json!(lab.ingress_controller().await?);
    }
    summary["crashes"] = json!(child.crashes()?);
    summary["writes"] = json!(tally);
    save(&directory, &summary)?;
    *said = true;
    if args.json {
        present::json(&summary);
    } else {
        present::line(&table::of(&summary, &child.state()?, &directory));
    }
    result
}

/// A fresh world, the lab's or with somebody's own cluster in it.
async fn world(args: &RehearseArgs, lab: &Lab, own: Option<&Chosen>, say: News<'_>) -> Result<(), Stop> {
    let only = if own.is_some() { Part::WITHOUT_CLUSTER.to_vec() } else { Vec::new() };
    lab.up(&UpOptions { rows: args.rows, only, install: true }, say).await?;
    match own {
        Some(own) => {
            own.made_ready(lab).await?;
            lab.reset_parts(&own.parts(lab).await?, say).await?;
        }
        None => lab.reset(say).await?,
    }
    Ok(())
}

fn nothing_lost(traffic: &Value) -> Result<(), Stop> {
    for count in ["lost_writes", "duplicated_writes"] {
        match traffic[count].as_u64() {
            Some(0) => {}
            Some(some) => {
                return Err(Failure::permanent(format!("the rehearsal ended with {some} {}", count.replace('_', " ")))
                    .next("`cutover lab recount` counts them again")
                    .into());
            }
            None => {
                return Err(Failure::permanent(format!("the rehearsal could not count its {count}"))
                    .because("the database that serves did not answer the ledger")
                    .next("`cutover lab status` says which part is down; then `cutover lab recount` counts again")
                    .into());
            }
        }
    }
    Ok(())
}

/// Makes a directory for this rehearsal.
fn begin() -> Result<PathBuf, Stop> {
    let name = Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
    let directory = rehearsals().join(name);
    std::fs::create_dir_all(&directory).map_err(|why| {
        Failure::permanent(format!("make the directory {}", directory.display())).because(why.to_string())
    })?;
    Ok(directory)
}

/// The directory of the last rehearsal.
pub(super) fn last() -> Result<PathBuf, Stop> {
    let last = finished().pop();
    last.ok_or_else(|| Failure::refused("there is no finished rehearsal").next("`cutover rehearse --yes`").into())
}

/// The directories of finished rehearsals, oldest first.
pub(super) fn finished() -> Vec<PathBuf> {
    let mut found = begun();
    found.retain(|path| path.join("summary.json").exists());
    found.sort();
    found
}

/// The runs of all rehearsals that this lab directory remembers: objects with such a label are a rehearsal's.
pub(super) fn runs() -> BTreeSet<String> {
    let states = begun().into_iter().filter_map(|path| engine::look(&path.join("state")).ok());
    states.filter_map(|state| Some(state.run?.to_string())).collect()
}

fn begun() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(rehearsals()).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn rehearsals() -> PathBuf {
    lab::directory().join("rehearsals")
}

fn save(directory: &Path, summary: &Value) -> Result<(), Stop> {
    let file = directory.join("summary.json");
    std::fs::write(&file, format!("{summary:#}\n"))
        .map_err(|why| Failure::permanent(format!("write {}", file.display())).because(why.to_string()).into())
}
