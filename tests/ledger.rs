//! The ledger on two real MySQL servers: a row deleted and a row doubled by SQL each make their counter 1.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/pair.rs"]
mod pair;

use std::net::SocketAddr;
use std::path::Path;

use cutover::lab::ledger::{Book, Party, Summary, Tally, recount, remember};
use cutover::lab::traffic::ATTEMPTS;
use cutover::lab::traffic::attempt::{Attempt, Kind, Outcome, Served, Way, fresh_id};
use cutover::services::http::Scheme;
use cutover::services::mysql::{Endpoint, Session};
use jiff::Timestamp;
use pair::{Pair, SCHEMA};

/// A client's record of one write that ended so.
fn write(second: i64, outcome: Outcome) -> Attempt {
    let acknowledged = outcome == Outcome::Acknowledged;
    Attempt {
        at: Timestamp::from_second(1_800_000_000 + second).unwrap(),
        seat: 1,
        client: 1,
        way: Way::Resolving,
        scheme: Scheme::Https,
        kind: Kind::Write,
        tenant: 7,
        id: fresh_id(),
        outcome,
        status: acknowledged.then_some(201),
        latency: 0.25,
        served: acknowledged.then_some(Served::Direct),
        address: None,
        resolved: None,
        why: None,
    }
}

async fn insert(session: &mut Session, id: &str) {
    session.run("write", &format!("INSERT INTO {SCHEMA}.writes (attempt) VALUES ('{id}')")).await.unwrap();
}

fn party(endpoint: &Endpoint) -> Party {
    Party {
        name: endpoint.label.clone(),
        address: SocketAddr::new(endpoint.host.parse().unwrap(), endpoint.port),
        user: endpoint.user.clone(),
        secret: "both".to_owned(),
    }
}

async fn count(dir: &Path) -> (Summary, Tally) {
    recount(dir, dir).await.unwrap()
}

#[tokio::test]
async fn what_sql_takes_away_or_doubles_is_counted() {
    let pair = Pair::start("ledger");
    let (mut old, mut new) = (pair.source_admin().await, pair.target_admin().await);
    new.run("make the schema", &format!("CREATE DATABASE {SCHEMA}")).await.unwrap();
    let table =
        format!("CREATE TABLE {SCHEMA}.writes (id BIGINT AUTO_INCREMENT PRIMARY KEY, attempt CHAR(36) NOT NULL)");
    new.run("make the table", &table).await.unwrap();

    let seen: Vec<Attempt> = [Outcome::Acknowledged, Outcome::Refused, Outcome::Unknown, Outcome::Acknowledged]
        .into_iter()
        .cycle()
        .zip(0..20)
        .map(|(outcome, second)| write(second, outcome))
        .collect();
    let of = |outcome| seen.iter().filter(move |attempt| attempt.outcome == outcome).map(|attempt| attempt.id.as_str());
    for id in of(Outcome::Acknowledged).chain(of(Outcome::Unknown).take(2)) {
        insert(&mut old, id).await;
        insert(&mut new, id).await;
    }

    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("traffic")).unwrap();
    let mut lines: String = seen.iter().map(|attempt| serde_json::to_string(attempt).unwrap() + "\n").collect();
    // As a killed writer leaves it.
    lines.push_str(r#"{"at":"2027-01-1"#);
    std::fs::write(dir.path().join("traffic").join(ATTEMPTS), lines).unwrap();
    std::fs::write(dir.path().join("both"), "pw\n").unwrap();
    let book = Book {
        serving: party(&pair.target("admin")),
        other: Some(party(&pair.source("cutover_admin"))),
        schema: SCHEMA.to_owned(),
        switched: None,
    };
    book.save(dir.path()).unwrap();

    let whole = Tally {
        kept: 10,
        lost_but_in_the_other: Some(0),
        refused_but_present: Some(0),
        unknown_present: 2,
        unknown_absent: 3,
        ..Tally::default()
    };
    let (summary, tally) = count(dir.path()).await;
    assert_eq!(tally, whole);
    assert_eq!((summary.lost_writes, summary.duplicated_writes, summary.unknown_writes), (Some(0), Some(0), Some(5)));
    assert_eq!((summary.requests, summary.failed, summary.reads), (Some(20), Some(10), Some(0)));

    let (gone, doubled) = (of(Outcome::Acknowledged).next().unwrap(), of(Outcome::Acknowledged).nth(1).unwrap());
    new.run("delete", &format!("DELETE FROM {SCHEMA}.writes WHERE attempt = '{gone}'")).await.unwrap();
    let (summary, tally) = count(dir.path()).await;
    assert_eq!((summary.lost_writes, summary.duplicated_writes), (Some(1), Some(0)));
    assert_eq!(tally.lost_but_in_the_other, Some(1), "in the other one only is lost too");

    insert(&mut new, doubled).await;
    let (summary, _) = count(dir.path()).await;
    assert_eq!((summary.lost_writes, summary.duplicated_writes), (Some(1), Some(1)));

    // Nobody was told that it is done, and there it is, in one of the two.
    insert(&mut old, of(Outcome::Refused).next().unwrap()).await;
    let (_, tally) = count(dir.path()).await;
    assert_eq!(tally.refused_but_present, Some(1));

    // Rev1 is stopped at the end of a migration: what was lost stays lost, where it might be is not said.
    let other = book.other.clone().unwrap();
    let unreachable = Party { address: "127.0.0.1:9".parse().unwrap(), ..other.clone() };
    Book { other: Some(unreachable), ..book }.save(dir.path()).unwrap();
    let (summary, tally) = count(dir.path()).await;
    assert_eq!((summary.lost_writes, summary.duplicated_writes), (Some(1), Some(1)));
    assert_eq!((tally.lost_but_in_the_other, tally.refused_but_present), (None, None));

    // Unless somebody looked into it before.
    remember(dir.path(), dir.path(), &other, SCHEMA).await.unwrap();
    let (summary, tally) = count(dir.path()).await;
    assert_eq!((summary.lost_writes, summary.duplicated_writes), (Some(1), Some(1)));
    assert_eq!((tally.lost_but_in_the_other, tally.refused_but_present), (Some(1), Some(1)));
}
