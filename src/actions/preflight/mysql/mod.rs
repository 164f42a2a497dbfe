//! Both MySQL servers: each for itself ([`access`], [`parameters`]), then as a pair ([`pair`]), what is in the
//! databases ([`content`]), and how long a freeze would be ([`freeze`]).

mod access;
mod content;
mod definers;
mod freeze;
mod pair;
mod parameters;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::book::{Book, milliseconds};
use crate::actions::{Reading, servers};
use crate::domain::finding::{Finding, Topic};
use crate::domain::resource::SOURCE;
use crate::domain::resource::TARGET;
use crate::services::mysql::{Endpoint, Flavour, Server, Session, variable};
use crate::services::{Kind, Result};

/// Questions by which the round trip is measured; the quickest counts.
const PINGS: usize = 5;

/// A server that let us in.
struct Side {
    is_source: bool,
    endpoint: Endpoint,
    session: Session,
    server: Server,
    variables: BTreeMap<String, String>,
    round_trip: Duration,
}

impl Side {
    async fn open(endpoint: Endpoint, is_source: bool) -> Result<Self> {
        let mut session = Session::open(&endpoint).await?;
        let server = Server::read(&mut session).await?;
        let variables = variable::all(&mut session).await?;
        let mut round_trip = Duration::MAX;
        for _ in 0..PINGS {
            let began = Instant::now();
            session.run("measure the round trip", "DO 0").await?;
            round_trip = round_trip.min(began.elapsed());
        }
        Ok(Self { is_source, endpoint, session, server, variables, round_trip })
    }

    fn value(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }

    fn is_on(&self, name: &str) -> bool {
        matches!(self.value(name).to_ascii_uppercase().as_str(), "ON" | "1" | "YES")
    }

    /// How a parameter is given this value on this server, in its administrator's words.
    fn set(&self, name: &str, value: &str, wants_restart: bool) -> String {
        let bare = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        let quoted = if bare { value.to_owned() } else { format!("'{value}'") };
        match (self.server.flavour, wants_restart) {
            (Flavour::Managed, false) => format!("{name} = {value} in its parameter group"),
            (Flavour::Managed, true) => format!("{name} = {value} in its parameter group, then reboot it"),
            (Flavour::Own, false) => format!("SET PERSIST {name} = {quoted};"),
            (Flavour::Own, true) => format!("SET PERSIST_ONLY {name} = {quoted}; then restart it"),
        }
    }
}

pub(super) async fn ask(cx: &Reading) -> Vec<Finding> {
    let (mut old, mut new) = (Book::of(SOURCE), Book::of(TARGET));
    let mut source = side(cx, &mut old, true).await;
    let mut target = side(cx, &mut new, false).await;
    for (side, book) in [(&mut source, &mut old), (&mut target, &mut new)] {
        if let Some(side) = side {
            access::privileges(side, book).await;
            access::replication(cx, side, book).await;
            parameters::ask(cx, side, book).await;
        }
    }
    if let Some(source) = &mut source {
        access::application(cx, source, &mut old).await;
        definers::ask(cx, source, &mut old).await;
        content::at_source(cx, source, &mut old).await;
    }
    if let Some(target) = &mut target {
        content::at_target(cx, target, &mut new).await;
    }
    if let (Some(source), Some(target)) = (&mut source, &mut target) {
        pair::ask(cx, source, target, &mut new).await;
        let mut book = Book::of("the switch");
        freeze::estimate(cx, source, target, &mut book).await;
        return [old, new, book].into_iter().flat_map(Book::close).collect();
    }
    [old, new].into_iter().flat_map(Book::close).collect()
}

/// The server with the migration's account, if it can be had; what was found on the way is written down.
async fn side(cx: &Reading, book: &mut Book, is_source: bool) -> Option<Side> {
    let named = if is_source { cx.connections().source.is_some() } else { cx.connections().target.is_some() };
    if !named {
        return None;
    }
    let login = "the migration's account can log in";
    let endpoint = if is_source { servers::source(cx).await } else { servers::target(cx).await };
    let endpoint = match endpoint {
        // Another server than the run began with is asked all the same, and said below to be another.
        Ok(endpoint) => Endpoint { identity: None, ..endpoint },
        Err(failure) => {
            book.fault(Topic::Access, login, failure);
            return None;
        }
    };
    book.reach(&endpoint.address()).await;
    let mut side = match Side::open(endpoint, is_source).await {
        Ok(side) => side,
        Err(error) => {
            book.fault(Topic::Access, login, error);
            return None;
        }
    };
    let account = access::account(&mut side.session).await.unwrap_or_else(|_| format!("'{}'", side.endpoint.user));
    let tls =
        side.session.first::<(String, String)>("look at the encryption", "SHOW SESSION STATUS LIKE 'Ssl_version'");
    let tls = tls.await.ok().flatten().map(|(_, version)| version).filter(|version| !version.is_empty());
    book.fact(Topic::Access, login)
        .seen(format!(
            "as {account}, {}, a round trip takes {}",
            tls.unwrap_or_else(|| "in clear".to_owned()),
            milliseconds(side.round_trip)
        ))
        .holds(true);
    match side.session.drift().await {
        Ok(drift) => book.clock(Some(drift)),
        Err(error) => book.fault(Topic::Clock, "it says what time it is", error),
    }
    if let Err(failure) = cx.recognise(if is_source { SOURCE } else { TARGET }, &side.server.uuid) {
        book.fault(Topic::Owner, "it is the server that this run began with", failure);
    }
    Some(side)
}

/// Whether a question failed because the account may not ask it, which is said elsewhere.
fn not_allowed(error: &crate::services::Error) -> bool {
    error.kind == Kind::Permanent && matches!(crate::services::mysql::code(error), Some(1044 | 1142 | 1227 | 1401))
}
