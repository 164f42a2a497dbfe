//! The stream of views: each client is given the newest one when it has taken the last, and a beat each second.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::shared::Shared;
use crate::protocol::client::Me;

/// How often the engine says that it lives.
const BEAT: Duration = Duration::from_secs(1);

/// A client's open stream: it is present for as long as this is there.
struct Open {
    shared: Arc<Shared>,
    me: Option<Me>,
    views: watch::Receiver<Bytes>,
    beats: Interval,
}

impl Open {
    fn new(shared: Arc<Shared>, me: Option<Me>) -> Self {
        let mut views = shared.newest.subscribe();
        // What is there already is new to this client; the first one may still be on its way.
        if !views.borrow().is_empty() {
            views.mark_changed();
        }
        let mut beats = tokio::time::interval_at(Instant::now() + BEAT, BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        shared.people().opened(me.as_ref(), Timestamp::now());
        shared.changed.notify_one();
        Self { shared, me, views, beats }
    }

    /// What the client is given next; nothing once the server ends.
    async fn next(&mut self) -> Option<Bytes> {
        let frame = tokio::select! {
            biased;
            () = self.shared.over.cancelled() => return None,
            // A beat comes in time, however often views do.
            _ = self.beats.tick() => {
                let at = Timestamp::now();
                Bytes::from(format!("event: beat\ndata: {{\"at\":\"{at}\"}}\n\n"))
            }
            changed = self.views.changed() => {
                changed.ok()?;
                self.views.borrow_and_update().clone()
            }
        };
        if let Some(me) = &self.me {
            self.shared.people().heard(me, Timestamp::now());
        }
        Some(frame)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.people().closed(self.me.as_ref(), Timestamp::now());
        self.shared.changed.notify_one();
    }
}

/// Opens a stream.
pub(super) fn open(shared: Arc<Shared>, me: Option<Me>) -> Response {
    let frames = stream::unfold(Open::new(shared, me), |mut open| async move {
        let frame = open.next().await?;
        Some((Ok::<_, Infallible>(frame), open))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(frames)).into_response()
}
