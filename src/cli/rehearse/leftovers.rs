//! What a rehearsal leaves behind: the world before it, held against the world after it.
//!
//! Taken in the rehearsal's own process, which neither the engine's death nor the traffic's concerns. What
//! changed is explained by the journal or it is a leftover, and a rehearsal with leftovers has failed.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cli::Stop;
use crate::domain::{Failure, Plan, RunState};
use crate::lab::inventory::{Changed, Difference, Inventory, Places};
use crate::lab::{self, inventory};
use crate::services::kubernetes::Name;

/// How long what is on its way out may take: pods end, their owners are collected.
const PATIENCE: Duration = Duration::from_secs(45);
/// How long between two looks.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// So many are named in an error; all of them are in the summary.
const NAMED: usize = 3;

/// The world before a rehearsal.
pub(super) struct Before {
    places: Places,
    world: Inventory,
    directory: PathBuf,
}

impl Before {
    /// Looks at the world; of a cluster that is somebody else's only at what is `ours` there. Every service has to
    /// answer: later silence is a change only if there was none before.
    pub(super) async fn look(plan: &Plan, directory: &Path, ours: Option<Vec<Name>>) -> Result<Self, Stop> {
        let mut places = Places::of(plan, &lab::directory(), &directory.join("state"));
        if let Some(ours) = ours {
            places = places.in_a_cluster_of_others(ours);
        }
        let world = inventory::take(&places).await;
        if let Some((service, why)) = world.unanswered.iter().next() {
            return Err(Failure::permanent(format!("take the inventory: {service} does not answer"))
                .because(why.clone())
                .next("`cutover lab status`")
                .into());
        }
        keep(directory, "inventory-before.json", &world)?;
        Ok(Self { places, world, directory: directory.to_owned() })
    }

    /// What changed since and no effect of the run explains. While there is something it looks again for a
    /// while: what is being removed takes its time.
    pub(super) async fn leftovers(&self, state: &RunState) -> Result<Vec<Changed>, Stop> {
        let touched = state.touched();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let after = inventory::take(&self.places).await;
            let leftovers = Difference::between(&self.world, &after).leftovers(&touched);
            if leftovers.is_empty() || Instant::now() >= deadline {
                keep(&self.directory, "inventory-after.json", &after)?;
                return Ok(leftovers);
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}

/// Fails where something was left.
pub(super) fn none(leftovers: &[Changed]) -> Result<(), Stop> {
    if leftovers.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = leftovers.iter().take(NAMED).map(ToString::to_string).collect();
    let more = leftovers.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let found = format!("the rehearsal left {} things that no step accounts for", leftovers.len());
    Err(Failure::permanent(found)
        .because(format!("{}{more}", named.join("; ")))
        .next("the summary lists them all: find who made each; a step's effect has to name what it touches")
        .into())
}

/// Keeps an inventory beside the summary. It holds hashes of secrets, so it is for its owner only.
fn keep(directory: &Path, name: &str, inventory: &Inventory) -> Result<(), Stop> {
    let path = directory.join(name);
    let write = || {
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        serde_json::to_writer_pretty(std::io::BufWriter::new(file), inventory).map_err(std::io::Error::from)
    };
    write().map_err(|why| Failure::permanent(format!("write {}", path.display())).because(why.to_string()).into())
}
