//! The run as plain lines, where there is no terminal to draw on: what happens, and what waits.

use futures_util::StreamExt as _;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Stop, present};
use crate::domain::Failure;
use crate::protocol::client::{Client, Update};
use crate::protocol::log::Query;
use crate::protocol::view::View;
use crate::tui::Left;

/// So many lines are fetched at once.
const LINES: usize = 500;

/// Prints what happens until this client is told to go; the engine goes on.
pub(super) async fn follow(client: &Client, first: View, json: bool, back: &str) -> Result<(), Stop> {
    let fault = |why: std::io::Error| Stop::Failed(Failure::permanent("listen for signals").because(why.to_string()));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(fault)?;
    let mut updates = client.updates();
    let mut shown = Shown { json, ..Shown::default() };
    let mut view = first;
    shown.view(client, &view).await;
    loop {
        let update = tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = hangup.recv() => break,
            update = updates.next() => update,
        };
        match update {
            Some(Update::View(newer)) => {
                view = *newer;
                shown.view(client, &view).await;
            }
            Some(Update::Beat(_)) => shown.lost = None,
            Some(Update::Lost(failure)) => shown.lost(&failure),
            None => break,
        }
    }
    if !json {
        left(&Left { view, lost: shown.lost, ended: false }, back);
    }
    Ok(())
}

/// What goes on without this client, and how to come back. The terminal may be gone: then nobody reads it.
pub(super) fn left(Left { view, lost, ended }: &Left, back: &str) {
    match lost {
        _ if *ended => present::line(&format!("the engine is ended, and nothing is lost: {}", view.sentence.text)),
        None => present::line(&format!("detached; the engine goes on: {}", view.sentence.text)),
        Some(why) => {
            present::line(&format!("detached; whether the engine goes on is not known: {why}"));
            present::line(&format!("when it was last heard of: {}", view.sentence.text));
        }
    }
    present::line(&format!("come back with: {back}"));
}

/// What was printed already.
#[derive(Debug, Default)]
struct Shown {
    json: bool,
    sentence: String,
    line: u64,
    lost: Option<Failure>,
}

impl Shown {
    async fn view(&mut self, client: &Client, view: &View) {
        self.lost = None;
        if self.json {
            present::json(&json!({ "event": "view", "view": view }));
            return;
        }
        self.lines(client).await;
        if view.sentence.text != self.sentence {
            present::line(&format!("{} == {}", view.at.strftime("%H:%M:%S"), view.sentence.text));
            self.sentence.clone_from(&view.sentence.text);
        }
    }

    /// The log lines since the last ones; an engine that was started again counts anew.
    async fn lines(&mut self, client: &Client) {
        let query = Query { after: Some(self.line), limit: LINES, ..Query::default() };
        // Lost with the engine: the stream says so.
        let Ok(page) = client.logs(&query).await else { return };
        for line in &page.lines {
            let step = line.step.as_ref().map(|step| format!("{step}: ")).unwrap_or_default();
            present::line(&format!("{} {step}{}", line.at.strftime("%H:%M:%S"), line.text));
        }
        self.line = page.lines.last().map_or(self.line.min(page.kept.1), |line| line.n);
    }

    fn lost(&mut self, failure: &Failure) {
        if self.json {
            present::json(&json!({ "event": "lost", "failure": failure }));
        } else if self.lost.is_none() {
            let why = failure.why.first().map(|why| format!(": {why}")).unwrap_or_default();
            present::line(&format!("the engine does not answer{why}; trying again"));
        }
        self.lost = Some(failure.clone());
    }
}
