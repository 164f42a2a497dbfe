//! The driver's seat, and the watchers' same window: a client of the protocol that draws its view.
//!
//! [`update`] is pure: a [`Model`] and an [`Input`] make the next model and [`Effect`]s; [`draw`] is pure too.
//! This file is the rest: the terminal, the engine's stream, signals, and the effects. What a key does is in
//! [`action`] and `command`, which key does it in [`keymap`]; nothing here can end an engine.

// No index panics here, neither a slice's nor a screen's (`clippy.toml` has what else can be indexed).
#![deny(clippy::indexing_slicing, clippy::disallowed_methods, clippy::disallowed_types)]

pub mod action;
mod answer;
mod changed;
mod command;
mod copy;
pub mod dialog;
pub mod draw;
pub mod keymap;
pub mod link;
pub mod logs;
pub mod model;
mod mouse;
pub mod overlay;
mod people;
mod places;
mod seen;
mod show;
mod signals;
mod terminal;
pub mod text;
pub mod theme;
pub mod timeline;
pub mod update;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::domain::Failure;
use crate::protocol::client::Client;
use crate::protocol::told;
use crate::protocol::view::View;
use dialog::Sending;
use keymap::Keymap;
use model::Model;
use seen::Seen;
pub use show::show;
use signals::Signals;
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
    /// Whether the mouse points and scrolls; else it is the terminal's own, which selects text.
    pub mouse: bool,
    /// Where copies are kept.
    pub copies: PathBuf,
    /// Where it is kept how far the journal was read; nothing where it is not.
    pub seen: Option<PathBuf>,
    /// What its person reads before anything else.
    pub warnings: Vec<String>,
}

/// How a screen was left.
#[derive(Debug, Clone)]
pub struct Left {
    /// The last that was heard of the run.
    pub view: View,
    /// Why no more is heard of it, where that was so.
    pub lost: Option<Failure>,
    /// Whether its person ended the engine.
    pub ended: bool,
}

/// Draws the run until its person leaves; the last view says what goes on without them.
///
/// # Errors
/// The terminal cannot be drawn on. A terminal that goes away is no error: its person left.
pub async fn run(client: &Client, first: View, options: Options) -> Result<Left, Failure> {
    let mut signals = Signals::listen()?;
    let Options { watch, keymap, theme, mouse, copies, seen, warnings } = options;
    let mut model = Model::new(first, client.me().clone(), watch, (keymap, theme));
    let seen = Seen::open(seen);
    if let Some(place) = seen.place()
        && anything_new(client, place).await
    {
        model.came_back(place);
    }
    model.warned(warnings);
    let mut sitting = Sitting { client, model, seen, copies };
    let drawn = sitting.until_left(mouse, &mut signals).await;
    sitting.seen.keep_at_once(sitting.model.touched_at);
    terminal::ended(drawn)?;
    Ok(sitting.model.left())
}

/// One person before one screen.
struct Sitting<'a> {
    client: &'a Client,
    model: Model,
    seen: Seen,
    copies: PathBuf,
}

impl Sitting<'_> {
    /// Draws, and takes keys; an error is the terminal's.
    async fn until_left(&mut self, mouse: bool, signals: &mut Signals) -> std::io::Result<()> {
        let mut screen = Screen::take(mouse)?;
        self.model.size = crossterm::terminal::size().unwrap_or_default();
        let (mut keys, mut updates) = (terminal::keys(), self.client.updates());
        let (answer, mut answers) = unbounded_channel();
        let opened = Instant::now();
        let mut drawn = None;
        let mut at_once = true;
        // Something changed that is not drawn yet.
        let mut owed = true;
        loop {
            let due = drawn.map_or(Duration::ZERO, |drawn: Instant| FRAME.saturating_sub(drawn.elapsed()));
            if at_once || due.is_zero() {
                screen.draw(&self.model)?;
                drawn = Some(Instant::now());
                (at_once, owed) = (false, false);
            }
            let moves = self.model.dialog.is_some() || self.model.freezes();
            let idle = if owed {
                due
            } else if moves {
                FRAME
            } else {
                IDLE
            };
            let input = tokio::select! {
                // What was typed comes before everything else: a dialog counts the rest as silence.
                biased;
                () = signals.heard() => return Ok(()),
                key = keys.next() => match key {
                    Some(Ok(event)) => {
                        at_once = true;
                        Input::Terminal(event)
                    }
                    // The terminal went away.
                    Some(Err(_)) | None => return Ok(()),
                },
                update = updates.next() => match update {
                    Some(update) => Input::Engine(update),
                    None => return Ok(()),
                },
                Some(answer) = answers.recv() => {
                    at_once = true;
                    Input::Answer(answer)
                }
                () = tokio::time::sleep(idle) => Input::Tick,
            };
            owed = true;
            let called = self.model.calls();
            for effect in update(&mut self.model, input, opened.elapsed()) {
                match effect {
                    Effect::Detach => return Ok(()),
                    Effect::Suspend => screen.suspend()?,
                    Effect::Redraw => screen.clear()?,
                    Effect::Copy(text) => {
                        let in_clipboard = terminal::copy(&text);
                        let _ = answer.send(Answer::Copied(copy::keep(&self.copies, &text, in_clipboard)));
                    }
                    asked => ask(self.client, asked, &answer),
                }
            }
            self.seen.keep(self.model.touched_at, opened.elapsed());
            if self.model.calls().into_iter().zip(called).any(|(calls, called)| calls && !called) {
                terminal::ring();
            }
        }
    }
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
