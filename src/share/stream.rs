//! The stream of views as the page gets it: the newest one when it has taken the last, a beat each second, and its
//! end when the link is taken back.
//!
//! Every text in a view is made harmless first, once for everybody: the world's own words are among them.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::limit::Place;
use super::{Window, links};
use crate::domain::plain;
use crate::protocol::view::View;

/// How often the engine says that it lives, and the link is looked at.
const BEAT: Duration = Duration::from_secs(1);

/// How long a browser waits before it opens a stream again that broke, in milliseconds.
const RETRY_MS: u32 = 500;

/// Keeps the newest view ready as it is sent.
pub(super) fn frames(mut views: watch::Receiver<Option<Arc<View>>>, over: CancellationToken) -> watch::Receiver<Bytes> {
    let (newest, frames) = watch::channel(Bytes::new());
    tokio::spawn(over.run_until_cancelled_owned(async move {
        loop {
            let view = views.borrow_and_update().clone();
            if let Some(Ok(frame)) = view.map(|view| frame(&view)) {
                newest.send_replace(frame);
            }
            if views.changed().await.is_err() {
                return;
            }
        }
    }));
    frames
}

/// A view as an event of the stream.
fn frame(view: &View) -> serde_json::Result<Bytes> {
    let mut value = serde_json::to_value(view)?;
    harmless(&mut value);
    Ok(Bytes::from(format!("event: view\nid: {}\ndata: {value}\n\n", view.seq)))
}

/// Takes out of every text what could draw on a screen, or turn its words round.
pub(super) fn harmless(value: &mut Value) {
    match value {
        Value::String(text) => *text = plain::line(text),
        Value::Array(values) => values.iter_mut().for_each(harmless),
        Value::Object(fields) => fields.values_mut().for_each(harmless),
        _ => {}
    }
}

/// A page's open stream.
struct Open {
    frames: watch::Receiver<Bytes>,
    beats: Interval,
    over: CancellationToken,
    directory: PathBuf,
    session: String,
    /// Held for as long as it is open.
    _place: (Place, Box<dyn Send + Sync>),
}

impl Open {
    async fn next(&mut self) -> Option<Bytes> {
        tokio::select! {
            biased;
            () = self.over.cancelled() => None,
            _ = self.beats.tick() => {
                // A file that cannot be read now takes nobody's link away.
                if matches!(links::whose(&self.directory, &self.session), Ok(None)) {
                    return None;
                }
                let at = Timestamp::now();
                Some(Bytes::from(format!("event: beat\nretry: {RETRY_MS}\ndata: {{\"at\":\"{at}\"}}\n\n")))
            }
            changed = self.frames.changed() => {
                changed.ok()?;
                Some(self.frames.borrow_and_update().clone())
            }
        }
    }
}

/// Opens a stream for that person.
pub(super) fn open(window: &Window, (name, session): (&str, String), place: Place) -> Response {
    let mut frames = window.frames.clone();
    if !frames.borrow().is_empty() {
        frames.mark_changed();
    }
    // The first beat comes at once: by it the page knows the server's clock.
    let mut beats = tokio::time::interval_at(Instant::now(), BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (over, directory) = (window.over.clone(), window.directory.clone());
    let open = Open { frames, beats, over, directory, session, _place: (place, window.ear.looks_on(name)) };
    let frames = stream::unfold(open, |mut open| async move {
        let frame = open.next().await?;
        Some((Ok::<_, Infallible>(frame), open))
    });
    // A proxy that gathers answers would make every page stale.
    (
        [(CONTENT_TYPE, "text/event-stream"), (HeaderName::from_static("x-accel-buffering"), "no")],
        Body::from_stream(frames),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_world_says_is_harmless_before_it_is_sent() {
        let view =
            View { identities: vec![("a\u{1b}[31m".into(), "<b>\u{202e}evil\u{7}\n\n".into())], ..View::default() };
        let frame = frame(&view).unwrap();
        let text = std::str::from_utf8(&frame).unwrap();
        assert!(text.contains(r#"[["a","<b>evil  "]]"#), "{text}");
        assert_eq!(text.matches("\n\n").count(), 1, "one event");
    }
}
