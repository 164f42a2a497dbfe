//! The driver's seat, and the watchers' same window: a client of the protocol that draws its view.
//!
//! [`update`] is pure: a [`Model`] and an [`Input`] make the next model and [`Effect`]s; [`draw`] is pure too.
//! This file is the rest: the terminal, the engine's stream, signals, and the effects. What a key does is in
//! [`action`] and `command`, which key does it in [`keymap`]; nothing here can end an engine.

#![deny(clippy::indexing_slicing)]

pub mod action;
mod command;
pub mod dialog;
pub mod draw;
pub mod keymap;
pub mod logs;
pub mod model;
pub mod overlay;
mod places;
mod seen;
mod show;
mod terminal;
pub mod text;
pub mod theme;
pub mod timeline;
pub mod update;

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::domain::Failure;
use crate::protocol::client::Client;
use crate::protocol::told;
use crate::protocol::view::{Mood, View};
use dialog::Sending;
use keymap::Keymap;
use model::Model;
use seen::Seen;
pub use show::show;
use terminal::Screen;
use theme::Theme;
use update::{Answer, Effect, Input, update};

/// The least time between two frames while the engine tells much.
const FRAME: Duration = Duration::from_millis(100);

/// A frame while nothing happens: ages grow.
const IDLE: Duration = Duration::from_secs(1);

/// How long a screen waits to know what happened meanwhile.
const CATCHING_UP: Duration = Duration::from_millis(500);

/// How a screen is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Looks on only.
    pub watch: bool,
    /// Which key does what.
    pub keymap: Keymap,
    /// Colours and symbols.
    pub theme: Theme,
    /// Where copies are kept.
    pub copies: PathBuf,
    /// Where it is kept how far the journal was read; nothing where it is not.
    pub seen: Option<PathBuf>,
}

/// Draws the run until its person leaves; the last view says what goes on without them.
///
/// # Errors
/// The terminal cannot be drawn on. A terminal that goes away is no error: its person left.
pub async fn run(client: &Client, first: View, options: Options) -> Result<View, Failure> {
    let fault = |why: std::io::Error| Failure::permanent("listen for signals").because(why.to_string());
    let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(fault)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
    let Options { watch, keymap, theme, copies, seen } = options;
    let mut model = Model::new(first, client.me().clone(), watch, (keymap, theme));
    let mut seen = Seen::open(seen);
    if let Some(place) = seen.place()
        && anything_new(client, place).await
    {
        model.came_back(place);
    }
    let mut screen = Screen::take()?;
    model.size = crossterm::terminal::size().unwrap_or_default();
    let (mut keys, mut updates) = (terminal::keys(), client.updates());
    let (answer, mut answers) = unbounded_channel();
    let opened = Instant::now();
    let mut drawn = None;
    let mut at_once = true;
    // Something changed that is not drawn yet.
    let mut owed = true;
    loop {
        let due = drawn.map_or(Duration::ZERO, |drawn: Instant| FRAME.saturating_sub(drawn.elapsed()));
        if at_once || due.is_zero() {
            screen.draw(&model)?;
            drawn = Some(Instant::now());
            (at_once, owed) = (false, false);
        }
        let moves = model.dialog.is_some() || model.freezes();
        let idle = if owed {
            due
        } else if moves {
            FRAME
        } else {
            IDLE
        };
        let input = tokio::select! {
            _ = terminate.recv() => break,
            _ = hangup.recv() => break,
            _ = interrupt.recv() => break,
            key = keys.next() => match key {
                Some(Ok(event)) => {
                    at_once = true;
                    Input::Terminal(event)
                }
                // The terminal went away.
                Some(Err(_)) | None => break,
            },
            update = updates.next() => match update {
                Some(update) => Input::Engine(update),
                None => break,
            },
            Some(answer) = answers.recv() => {
                at_once = true;
                Input::Answer(answer)
            }
            () = tokio::time::sleep(idle) => Input::Tick,
        };
        owed = true;
        let waited = matches!(model.view.sentence.mood, Mood::You | Mood::Failed | Mood::Frozen);
        for effect in update(&mut model, input, opened.elapsed()) {
            match effect {
                Effect::Detach => {
                    seen.keep_at_once(model.touched_at);
                    return Ok(model.view);
                }
                Effect::Suspend => screen.suspend()?,
                Effect::Redraw => screen.clear()?,
                Effect::Copy(text) => {
                    terminal::copy(&text);
                    let _ = answer.send(Answer::Copied(keep(&copies, &text)));
                }
                asked => ask(client, asked, &answer),
            }
        }
        seen.keep(model.touched_at, opened.elapsed());
        if !waited && matches!(model.view.sentence.mood, Mood::You | Mood::Failed | Mood::Frozen) {
            terminal::ring();
        }
    }
    seen.keep_at_once(model.touched_at);
    Ok(model.view)
}

/// Whether something happened after that place that its person wants to know. It is looked up before there is a
/// screen: a panel that came and went by itself would take a key that was meant for something else.
async fn anything_new(client: &Client, place: u64) -> bool {
    match tokio::time::timeout(CATCHING_UP, client.journal(place, timeline::FETCHED)).await {
        Ok(Ok(events)) => {
            events.len() == timeline::FETCHED || events.iter().any(|recorded| told::matters(&recorded.event))
        }
        // Not known: then the panel says what it finds.
        _ => true,
    }
}

/// Asks the engine, without keeping the screen.
fn ask(client: &Client, effect: Effect, answer: &UnboundedSender<Answer>) {
    let (client, answer) = (client.clone(), answer.clone());
    tokio::spawn(async move {
        let given = match effect {
            Effect::Preview(step) => Answer::Previewed(step.clone(), client.preview(&step).await),
            Effect::WayBack(step) => Answer::WayBack(step.clone(), client.way_back(&step).await),
            Effect::Send(Sending::Order(order), id) => Answer::Sent(id, client.order(&order).await),
            Effect::Send(Sending::Message(message), id) => Answer::Sent(id, client.say(&message).await),
            Effect::Logs(query) => Answer::Logs(client.logs(&query).await),
            Effect::Journal(after) => Answer::Journal(client.journal(after, timeline::FETCHED).await),
            Effect::ViewAt(seq) => Answer::Past(client.view_at(seq).await.map(Box::new)),
            Effect::Copy(_) | Effect::Detach | Effect::Suspend | Effect::Redraw => return,
        };
        // The screen was left meanwhile.
        let _ = answer.send(given);
    });
}

/// Keeps a copy in a file of its own: tmux lets nothing through to the clipboard by default.
fn keep(copies: &std::path::Path, text: &str) -> Result<String, Failure> {
    let name = format!("copied-{}.txt", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ"));
    let path = copies.join(name);
    let written = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&path);
    let written = written.and_then(|mut file| file.write_all(text.as_bytes()));
    let fault =
        |why: std::io::Error| Failure::permanent(format!("keep a copy in {}", path.display())).because(why.to_string());
    written.map_err(fault)?;
    Ok(path.display().to_string())
}
