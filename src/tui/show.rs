//! A view that comes from elsewhere than an engine, drawn on the same screen: what is brought up before there is a run.

use std::time::Instant;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use tokio::sync::watch;

use super::model::Model;
use super::signals::Signals;
use super::terminal::{self, Screen};
use super::update::{Effect, Input, update};
use super::{FRAME, Options};
use crate::domain::Failure;
use crate::protocol::client::{Me, Update};
use crate::protocol::view::View;

/// Draws what comes until its person leaves. Once nothing more comes, the last one stays.
///
/// # Errors
/// The terminal cannot be drawn on.
pub async fn show(mut views: watch::Receiver<View>, me: Me, options: Options) -> Result<(), Failure> {
    let Options { watch, keymap, theme, mouse, .. } = options;
    let first = views.borrow_and_update().clone();
    let model = Model::new(first, me, watch, (keymap, theme));
    let signals = Signals::listen()?;
    terminal::ended(until_left(views, model, mouse, signals).await)
}

/// An error is the terminal's.
async fn until_left(
    mut views: watch::Receiver<View>,
    mut model: Model,
    mouse: bool,
    mut signals: Signals,
) -> std::io::Result<()> {
    let mut screen = Screen::take(mouse)?;
    let (mut keys, opened) = (terminal::keys(), Instant::now());
    loop {
        screen.draw(&model)?;
        let input = tokio::select! {
            biased;
            () = signals.heard() => return Ok(()),
            key = keys.next() => match key {
                Some(Ok(event)) => Input::Terminal(event),
                Some(Err(_)) | None => return Ok(()),
            },
            // Not faster than frames: what is told meanwhile is in the next one.
            () = tokio::time::sleep(FRAME) => match views.has_changed() {
                Ok(true) => Input::Engine(Update::View(Box::new(views.borrow_and_update().clone()))),
                _ => Input::Engine(Update::Beat(Timestamp::now())),
            },
        };
        for effect in update(&mut model, input, opened.elapsed()) {
            match effect {
                Effect::Detach => return Ok(()),
                Effect::Suspend => screen.suspend()?,
                Effect::Redraw => screen.clear()?,
                // There is no engine to ask.
                _ => {}
            }
        }
    }
}
