//! The engine's stream of views, which comes back by itself.

use std::time::Duration;

use eventsource_stream::{Event, Eventsource as _};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use jiff::Timestamp;
use serde::Deserialize;

use super::{Client, checked, unreached, url};
use crate::domain::Failure;
use crate::protocol::view::View;

/// A stream that says nothing for so long is dead: the engine beats every second.
const SILENCE: Duration = Duration::from_secs(5);

/// How long to wait before the first try to come back, and at most before any.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(800));

/// What the stream tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// Where the run stands; the newest, whatever was missed in between.
    View(Box<View>),
    /// The engine lives, by its own clock.
    Beat(Timestamp),
    /// The stream was lost; a view follows once it is back. Told once for each try that fails.
    Lost(Failure),
}

/// A beat on the wire.
#[derive(Debug, Deserialize)]
struct Beat {
    at: Timestamp,
}

/// Where a stream stands between two updates.
enum Phase {
    /// About to connect, after so long.
    Away(Duration),
    /// Connected.
    Open(BoxStream<'static, Result<Event, String>>),
}

impl Client {
    /// Where the run stands, whenever it changed. It never ends; dropped, it is closed.
    pub fn updates(&self) -> BoxStream<'static, Update> {
        let client = self.clone();
        stream::unfold(Phase::Away(Duration::ZERO), move |phase| {
            let client = client.clone();
            async move { Some(client.next(phase).await) }
        })
        .boxed()
    }

    async fn next(&self, phase: Phase) -> (Update, Phase) {
        let mut phase = phase;
        loop {
            phase = match phase {
                Phase::Away(wait) => {
                    tokio::time::sleep(wait).await;
                    match self.open().await {
                        Ok(events) => Phase::Open(events.boxed()),
                        Err(failure) => {
                            let longer = (wait * 2).clamp(BACKOFF.0, BACKOFF.1);
                            return (Update::Lost(failure), Phase::Away(longer));
                        }
                    }
                }
                Phase::Open(mut events) => match tokio::time::timeout(SILENCE, events.next()).await {
                    Ok(Some(Ok(event))) => match read(&event) {
                        Ok(Some(update)) => return (update, Phase::Open(events)),
                        Ok(None) => Phase::Open(events),
                        Err(failure) => return (Update::Lost(failure), Phase::Away(BACKOFF.1)),
                    },
                    Ok(Some(Err(why))) => return (lost(why), Phase::Away(BACKOFF.0)),
                    Ok(None) => return (lost("it closed the stream"), Phase::Away(BACKOFF.0)),
                    Err(_) => return (lost("it says nothing any more"), Phase::Away(BACKOFF.0)),
                },
            };
        }
    }

    async fn open(&self) -> Result<impl Stream<Item = Result<Event, String>> + use<>, Failure> {
        let asked = self.http.get(url(&["events"])?).send();
        let answer = tokio::time::timeout(SILENCE, asked).await;
        let answer = answer.map_err(|_| Failure::transient("the engine did not answer in time"))?;
        let answer = checked(answer.map_err(unreached)?).await?;
        Ok(answer.bytes_stream().eventsource().map(|event| event.map_err(|why| why.to_string())))
    }
}

/// What an event means; nothing for one of a later version.
fn read(event: &Event) -> Result<Option<Update>, Failure> {
    let foreign = |why: serde_json::Error| {
        Failure::permanent("the engine's view is not of this protocol")
            .because(why.to_string())
            .next("is the engine of another version? end it and start this one")
    };
    Ok(match event.event.as_str() {
        "view" => Some(Update::View(serde_json::from_str(&event.data).map_err(foreign)?)),
        "beat" => Some(Update::Beat(serde_json::from_str::<Beat>(&event.data).map_err(foreign)?.at)),
        _ => None,
    })
}

fn lost(why: impl Into<String>) -> Update {
    Update::Lost(Failure::transient("the engine's stream was lost").because(why))
}
