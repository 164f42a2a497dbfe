//! Who is there: clients by their streams and requests, whose the wheel is, who asks for it.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::protocol::client::Me;
use crate::protocol::derive::SILENT_AFTER_S;
use crate::protocol::live::{Asking, Live};

/// A client without a stream is there for so long after its last request, in seconds.
const PRESENT_S: f64 = 2.0;

/// Who asks for the wheel is heard for so long, in seconds: it stands before what else there is to say.
const ASKING_S: f64 = 300.0;

/// An offer stands for so long, in seconds: what it was made in is not what stands an hour later.
const OFFER_S: f64 = 120.0;

/// A client that was not heard of for so long is forgotten, in seconds.
const FORGOTTEN_S: f64 = 600.0;

/// So many clients are remembered; of more, those that were silent longest are forgotten.
const REMEMBERED: usize = 512;

/// Everybody who looks on or drives.
#[derive(Debug)]
pub(super) struct People {
    clients: HashMap<String, Person>,
    /// Streams of clients that do not say who they are.
    nameless: u32,
    /// The driver's client; who drives is in the journal.
    wheel: Option<String>,
    /// Who asks for the wheel, and by which client.
    asking: Option<(String, Asking)>,
    /// When this engine began to listen: a driver from before has as long to come back.
    since: Timestamp,
}

#[derive(Debug)]
struct Person {
    seen: Timestamp,
    streams: u32,
    /// Its last stream was closed, and nothing was heard since: it left, or its screen died.
    left: bool,
}

impl People {
    pub(super) fn new(since: Timestamp) -> Self {
        Self { clients: HashMap::new(), nameless: 0, wheel: None, asking: None, since }
    }

    /// A request, or a beat that was taken.
    pub(super) fn heard(&mut self, me: &Me, now: Timestamp) {
        self.clients.retain(|_, person| person.streams > 0 || age(person.seen, now) < FORGOTTEN_S);
        if self.clients.len() >= REMEMBERED && !self.clients.contains_key(&me.client) {
            let gone = self
                .clients
                .iter()
                .filter(|(client, person)| person.streams == 0 && self.wheel.as_ref() != Some(client));
            if let Some(oldest) = gone.min_by_key(|(_, person)| person.seen).map(|(client, _)| client.clone()) {
                self.clients.remove(&oldest);
            }
        }
        let person = self.clients.entry(me.client.clone()).or_insert(Person { seen: now, streams: 0, left: false });
        person.seen = now;
        person.left = false;
    }

    /// A stream was opened.
    pub(super) fn opened(&mut self, me: Option<&Me>, now: Timestamp) {
        let Some(me) = me else {
            self.nameless += 1;
            return;
        };
        self.heard(me, now);
        if let Some(person) = self.clients.get_mut(&me.client) {
            person.streams += 1;
        }
    }

    /// A stream was closed, by the client or by its death. Nobody asks for the wheel any more who is gone.
    pub(super) fn closed(&mut self, me: Option<&Me>, now: Timestamp) {
        let Some(me) = me else {
            self.nameless = self.nameless.saturating_sub(1);
            return;
        };
        if let Some(person) = self.clients.get_mut(&me.client) {
            person.streams = person.streams.saturating_sub(1);
            person.seen = now;
            person.left = person.streams == 0;
            if person.left && self.asking.as_ref().is_some_and(|(client, _)| *client == me.client) {
                self.asking = None;
            }
        }
    }

    /// Who asks for the wheel, and has not waited too long: a driver who does not want to says nothing.
    fn asking(&self, now: Timestamp) -> Option<&(String, Asking)> {
        let lasts = |asking: &Asking| if asking.offered { OFFER_S } else { ASKING_S };
        self.asking.as_ref().filter(|(_, asking)| age(asking.at, now) < lasts(asking))
    }

    /// Whether a client is there.
    fn is_present(&self, client: &str, now: Timestamp) -> bool {
        let there = |person: &Person| person.streams > 0 || !person.left && age(person.seen, now) < PRESENT_S;
        self.clients.get(client).is_some_and(there)
    }

    /// The client that has the wheel, if it is there.
    pub(super) fn wheel(&self, now: Timestamp) -> Option<&str> {
        self.wheel.as_deref().filter(|client| self.is_present(client, now))
    }

    /// Gives the wheel to a client; who asked for it is answered.
    pub(super) fn give_wheel(&mut self, client: Option<&str>) {
        self.wheel = client.map(str::to_owned);
        self.asking = None;
    }

    /// When the driver's client was last heard of.
    fn driver_seen(&self) -> Timestamp {
        let seen = self.wheel.as_ref().and_then(|client| self.clients.get(client)).map(|person| person.seen);
        seen.unwrap_or(self.since)
    }

    /// Whether the driver was silent for so long that the wheel can be taken.
    pub(super) fn driver_is_silent(&self, now: Timestamp) -> bool {
        age(self.driver_seen(), now) > SILENT_AFTER_S
    }

    /// Asks for the wheel; who asked before and is still there stays first.
    pub(super) fn ask(&mut self, me: &Me, why: String, now: Timestamp) -> Result<(), String> {
        if let Some((client, asking)) = self.asking(now)
            && *client != me.client
            && self.is_present(client, now)
        {
            return Err(format!("{} asks for the wheel already", asking.by));
        }
        let asking = Asking { by: me.name.clone(), why, at: now, offered: false };
        self.asking = Some((me.client.clone(), asking));
        Ok(())
    }

    /// Offers the wheel to who asks for it; whether that is them.
    pub(super) fn offer(&mut self, to: &str, now: Timestamp) -> bool {
        if self.asking(now).is_none_or(|(_, asking)| asking.by != to) {
            return false;
        }
        self.asking.iter_mut().for_each(|(_, asking)| (asking.offered, asking.at) = (true, now));
        true
    }

    /// Why the wheel is offered to a client, if it is.
    pub(super) fn offered(&self, client: &str, now: Timestamp) -> Option<&Asking> {
        let (asks, asking) = self.asking(now)?;
        (asks == client && asking.offered).then_some(asking)
    }

    /// The people's part of what is known live.
    pub(super) fn fill(&self, live: &mut Live, now: Timestamp) {
        live.clients = self.nameless + self.clients.values().map(|person| person.streams.min(1)).sum::<u32>();
        live.driver_seen = Some(self.driver_seen());
        live.asking = self.asking(now).map(|(_, asking)| asking.clone());
    }
}

fn age(seen: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(seen).as_secs_f64()
}
