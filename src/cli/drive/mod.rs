//! `cutover drive`: a terminal's way to a run. It attaches to the engine, starts one where there is none, and
//! takes the wheel where nobody has it; what the terminal does then costs the engine nothing.

pub(super) mod come_back;
mod login;
mod plain;
mod seat;
mod start;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::share::window::WindowArgs;
use super::{Stop, Which, present};
use crate::domain::Failure;
use crate::journal::{lock, private};
use crate::protocol::client::{Client, Me};
use crate::protocol::order::{Order, Verb};
use crate::protocol::{address, view::View};
use crate::services::stderr;
use crate::tui;
pub(super) use seat::Look;

#[derive(Debug, Args)]
pub(super) struct DriveArgs {
    #[command(flatten)]
    pub(super) which: Which,
    /// The name that the others see [default: the login name].
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// Take the run over from an engine on another machine that is known to be dead.
    #[arg(long)]
    take_over: bool,
    #[command(flatten)]
    look: Look,
    #[command(flatten)]
    window: WindowArgs,
}

impl DriveArgs {
    /// That run, drawn like that, under the login name.
    pub(super) fn at(which: Which, look: Look) -> Self {
        Self { which, name: None, take_over: false, look, window: WindowArgs::default() }
    }
}

/// Ends the engine of that state directory, where nothing runs; returns once it is gone.
pub(super) async fn shut_down(directory: &Path) -> Result<(), Stop> {
    let Ok((client, view)) = attach(directory, Me::new(lock::myself().who)).await else { return Ok(()) };
    let order = Order { command_id: format!("{:016x}", rand::random::<u64>()), seq: view.seq, verb: Verb::Shutdown };
    client.order(&order).await?;
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    while client.view().await.is_ok() {
        ticks.tick().await;
    }
    Ok(())
}

/// Attaches, drives, detaches.
pub(super) async fn drive(args: &DriveArgs) -> Result<(), Stop> {
    let plan = args.which.plan()?;
    let directory = args.which.directory(&plan);
    let me = Me::new(args.name.clone().unwrap_or_else(|| lock::myself().who));
    let (client, warnings) = if let Ok((client, _)) = attach(&directory, me.clone()).await {
        (client, args.window.compare(&directory).into_iter().collect())
    } else {
        let mut warnings = login::warnings(&plan, &directory);
        args.window.announce();
        start::engine(&args.which, &directory, engine_words(args)).await?;
        warnings.extend(args.window.warning());
        warnings.extend(private::open_to_others(&directory));
        (attach(&directory, me).await?.0, warnings)
    };
    let view = take_free_wheel(&client).await?;
    let (back, json) = (come_back(args), args.which.json);
    let look = args.look.clone();
    follow(Attached { client, view, back, json, watch: false, look, copies: directory, warnings }).await
}

/// What the engine is told of this command.
fn engine_words(args: &DriveArgs) -> Vec<OsString> {
    let mut words = args.window.words();
    if args.take_over {
        words.push("--take-over".into());
    }
    words
}

/// A client of an engine, before it shows anything.
pub(super) struct Attached {
    pub client: Client,
    /// Where the run stood when it came.
    pub view: View,
    /// The command that comes back here.
    pub back: String,
    pub json: bool,
    /// Looks on only.
    pub watch: bool,
    pub look: Look,
    /// Where copies of what is on the screen are kept.
    pub copies: PathBuf,
    /// What its person has to know before anything else.
    pub warnings: Vec<String>,
}

/// Shows the run until this client is told to go.
pub(super) async fn follow(attached: Attached) -> Result<(), Stop> {
    let Attached { client, view, back, json, watch, look, copies, warnings } = attached;
    match look.options(watch, &client.me().name, copies)? {
        Some(mut options) if !json => {
            options.warnings = warnings;
            let last = Box::pin(tui::run(&client, view, options)).await?;
            plain::left(&last, &back);
            Ok(())
        }
        _ => {
            for warning in &warnings {
                stderr::line(&format!("note: {warning}"));
            }
            plain::follow(&client, view, json, &back).await
        }
    }
}

/// A client of the engine of that state directory, if one answers.
pub(super) async fn attach(directory: &Path, me: Me) -> Result<(Client, View), Failure> {
    let client = Client::unix(&address::of(directory), me)?;
    let view = client.view().await?;
    Ok((client, view))
}

/// Takes the wheel where nobody has it, or where it is this person's own; else this client looks on.
async fn take_free_wheel(client: &Client) -> Result<View, Failure> {
    let view = client.view().await?;
    if view.driver.as_ref().is_none_or(|driver| driver.name == client.me().name) {
        let verb = Verb::TakeWheel { current: String::new(), why: String::new() };
        let order = Order { command_id: format!("{:016x}", rand::random::<u64>()), seq: view.seq, verb };
        if let Err(failure) = client.order(&order).await {
            present::line(&format!("you look on: {}", failure.what));
        }
    }
    client.view().await
}

/// The command that comes back to this run, and to its page should its engine have ended meanwhile.
fn come_back(args: &DriveArgs) -> String {
    let name = args.name.iter().flat_map(|name| ["--as".into(), name.into()]);
    let more: Vec<OsString> = name.chain(args.window.words()).collect();
    come_back::command("drive", &args.which, &more)
}
