//! The stand-in as a part of the lab.

use super::process::{Found, Process};
use super::world::Seed;
use crate::lab::part::State;
use crate::lab::{Part, Site};
use crate::services::{Error, Kind, Result};

const PART: Part = Part::Route53;

/// Starts it, or keeps it, and waits until API and DNS answer, the network's gateway included.
pub async fn up(site: &Site<'_>) -> Result<()> {
    site.ensure_network().await?;
    let process = Process::of_this_program(&site.directory)?;
    if process.found().await? != Found::Ready {
        site.say(PART, "starting");
    }
    process.start().await
}

/// Looks at it.
pub async fn ready(site: &Site<'_>) -> Result<State> {
    Ok(match Process::of_this_program(&site.directory)?.found().await? {
        Found::Ready => State::Ready,
        Found::Down(reason) => State::Down(reason),
        Found::Absent => State::Absent,
    })
}

/// Reloads the zone; the log of changes begins anew.
pub async fn reset(site: &Site<'_>) -> Result<()> {
    up(site).await?;
    Process::of_this_program(&site.directory)?.reset(&Seed::default()).await
}

/// Ends the process and takes its zone away.
pub async fn down(site: &Site<'_>) -> Result<()> {
    Process::of_this_program(&site.directory)?.stop().await?;
    let home = site.directory.join("route53");
    match std::fs::remove_dir_all(&home) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
            let at = home.display().to_string();
            Err(Error::new("the lab's Route 53", at, "take its directory away", Kind::Permanent).because(why))
        }
        _ => Ok(()),
    }
}
