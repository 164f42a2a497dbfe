//! The task that keeps the newest view ready, as it is sent: made whenever something changed, a few times a
//! second at most.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use jiff::Timestamp;
use tokio::sync::broadcast::error::RecvError;

use super::shared::Shared;
use crate::protocol::view::View;

/// The least time between two views.
const LEAST: Duration = Duration::from_millis(200);

/// How long a view may stand while something runs, whose times move by themselves.
const WHILE_RUNNING: Duration = Duration::from_secs(1);

/// And while nothing does: windows and deadlines come nearer by themselves.
const WHILE_WAITING: Duration = Duration::from_secs(5);

/// Keeps the newest view ready until the server ends.
pub(super) async fn publish(shared: Arc<Shared>) {
    let mut notices = shared.handle.subscribe();
    let mut last = View::default();
    loop {
        let view = shared.view();
        let running = view.running().is_some();
        if !same(&view, &mut last)
            && let Ok(frame) = frame(&view)
        {
            shared.newest.send_replace(frame);
            shared.views.send_replace(Some(Arc::new(view.clone())));
            last = view;
        }
        let patience = if running { WHILE_RUNNING } else { WHILE_WAITING };
        tokio::select! {
            () = shared.over.cancelled() => return,
            () = shared.changed.notified() => {}
            notice = notices.recv() => if matches!(notice, Err(RecvError::Closed)) { return },
            () = tokio::time::sleep(patience) => {}
        }
        // What else happens in this time goes into the same view.
        if shared.over.run_until_cancelled(tokio::time::sleep(LEAST)).await.is_none() {
            return;
        }
        while let Ok(_) | Err(tokio::sync::broadcast::error::TryRecvError::Lagged(_)) = notices.try_recv() {}
    }
}

/// Whether two views tell the same, whenever they were made.
fn same(view: &View, last: &mut View) -> bool {
    let made: Timestamp = std::mem::replace(&mut last.at, view.at);
    let same = view == last;
    last.at = made;
    same
}

/// A view as an event of the stream.
fn frame(view: &View) -> serde_json::Result<Bytes> {
    let data = serde_json::to_string(view)?;
    Ok(Bytes::from(format!("event: view\nid: {}\ndata: {data}\n\n", view.seq)))
}
