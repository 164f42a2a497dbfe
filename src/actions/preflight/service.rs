//! The service itself, asked from outside as tenants ask it today: the runbook's read, at the old address.

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;

use super::book::{Book, milliseconds};
use crate::actions::Reading;
use crate::actions::dns::service::{Answered, ask as probe};
use crate::domain::Failure;
use crate::domain::finding::{Finding, Topic};
use crate::services::clock;

pub(super) async fn ask(cx: &Reading) -> Vec<Finding> {
    let mut book = Book::of("service");
    let (Some(source), Some(wanted)) = (&cx.connections().source, &cx.connections().probe) else { return book.close() };
    let Ok(address) = source.address.parse::<IpAddr>() else {
        let failure = Failure::permanent(format!("{} is not an IP address", source.address));
        let next = "write the address that the old answer leads to";
        book.fault(Topic::Reach, "its old address is one", failure.next(next));
        return book.close();
    };
    for port in [80, 443] {
        book.reach(&SocketAddr::new(address, port).to_string()).await;
    }
    let fact = format!("{} {} at the old address answers {}", wanted.read.method, wanted.read.path, wanted.read.expect);
    let before = Timestamp::now();
    match probe(cx, address, &wanted.read).await {
        Ok(answer) => answered(&mut book, fact, &answer, before, source.build.as_deref(), &wanted.header),
        Err(failure) => book.fault(Topic::Reach, fact, failure),
    }
    book.close()
}

fn answered(book: &mut Book, fact: String, answer: &Answered, before: Timestamp, build: Option<&str>, header: &str) {
    let after = Timestamp::now();
    let took = after.duration_since(before).unsigned_abs();
    book.fact(Topic::Reach, fact)
        .seen(format!("{answer}, in {}", milliseconds(took)))
        .fix("correct [probe] read, or mend the service: after the switch the same request proves the new side")
        .holds(answer.good);
    book.fact(Topic::Version, "its answers name the build")
        .seen(answer.build.clone().unwrap_or_else(|| format!("no header {header}")))
        .limit(build.map_or_else(|| "any: [source] build is not given".to_owned(), str::to_owned))
        .fix(format!("let the service answer with {header}, or correct [probe] header and [source] build"))
        .holds(answer.build.is_some() && build.is_none_or(|build| answer.build.as_deref() == Some(build)));
    if let Some(date) = &answer.date {
        book.clock(clock::of_date(before, date, after));
    }
}
