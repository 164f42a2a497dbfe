//! `cutover report`: a migration as something to send around afterwards: a page of Markdown on standard output, or
//! one self-contained HTML page.

mod gates;
mod html;
mod markdown;
mod page;
mod people;
mod step;
mod timeline;
mod week;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::{Stop, Which, history, present};
use crate::domain::{Failure, Plan, Recorded, RunState};
use crate::journal::{Journal, Lock};
use crate::protocol::derive::{self, Facts};
use crate::protocol::live::Live;
use crate::protocol::view::View;

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    #[command(flatten)]
    which: Which,
    /// Write it as one HTML page, which needs nothing beside it, instead of printing it.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// What a report is made of: the journal, and the view of it at one moment.
struct Run<'a> {
    plan: &'a Plan,
    events: &'a [Recorded],
    state: &'a RunState,
    view: &'a View,
}

/// Prints the report, or writes it.
pub(super) fn report(args: &ReportArgs) -> Result<(), Stop> {
    let plan = args.which.plan()?;
    let directory = args.which.directory(&plan);
    let journal = Journal::read(&directory).map_err(Failure::from)?;
    let events = journal.events_after(0).map_err(Failure::from)?;
    let state = RunState::of(&events);
    let Some(file) = &args.html else {
        markdown::print(&plan, &events, &state);
        return Ok(());
    };
    let view = view(&plan, &state, &directory);
    let page = page::page(&Run { plan: &plan, events: &events, state: &state, view: &view });
    write(file, &page)?;
    present::line(&format!("{} has the report: {} events, {} bytes", file.display(), events.len(), page.len()));
    Ok(())
}

/// Frozen: nothing can be done from a report, so it offers no choices.
fn view(plan: &Plan, state: &RunState, directory: &Path) -> View {
    let alive = Lock::is_held(directory);
    let mut state = state.clone();
    if !alive {
        state.engine_is_gone();
    }
    let (live, history) = (Live::default(), history::of_other_rehearsals(directory));
    let (now, past) = (Timestamp::now(), true);
    derive::view(&Facts { state: &state, plan, live: &live, history: &history, now, alive, past })
}

/// Writes the file whole: a reader never finds half a page.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let beside = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let partial = beside.join(format!(".{name}.{}", std::process::id()));
    let written = std::fs::File::create(&partial).and_then(|mut out| {
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        std::fs::rename(&partial, file)
    });
    written.map_err(|why| {
        // What was begun is of no use to anybody.
        let _ = std::fs::remove_file(&partial);
        Failure::permanent(format!("write the report to {}", file.display()))
            .because(why.to_string())
            .next("give a file in a directory that can be written to")
    })
}
