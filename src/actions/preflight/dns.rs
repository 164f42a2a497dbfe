//! The zone and the record: who may read it, where it leads, who else looks after it, how long it is kept,
//! which servers and resolvers answer.

use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};

use super::book::{Book, ahead, begun, milliseconds};
use crate::actions::Reading;
use crate::actions::record::{Record, resolvers, route53};
use crate::domain::Failure;
use crate::domain::finding::{Finding, Topic};
use crate::domain::runbook::{ActionSpec, Dns};
use crate::services::resolver::addresses_of;
use crate::services::route53::{RecordKind, RecordSet};

pub(super) async fn ask(cx: &Reading) -> Vec<Finding> {
    let mut book = Book::of("Route 53");
    let Some(dns) = &cx.connections().dns else { return book.close() };
    match route53(cx).await {
        Ok(route53) => match route53.drift().await {
            Ok(drift) => book.clock(drift),
            Err(error) => book.fault(Topic::Reach, format!("{} is reached from here", route53.address()), error),
        },
        Err(failure) => book.fault(Topic::Access, "there are credentials for it", failure),
    }
    let login = format!("the hosted zone {} can be read, and holds {}", dns.zone, dns.record);
    let record = match Box::pin(Record::open(cx)).await {
        Ok(record) => record,
        Err(failure) => {
            book.fault(Topic::Access, login, failure);
            return book.close();
        }
    };
    let whom = if dns.credentials.is_some() { "with the runbook's key" } else { "with AWS's default chain" };
    book.fact(Topic::Access, login).seen(format!("{}, {whom}", record.identity())).holds(true);
    book.fact(Topic::Privileges, "the record may be changed")
        .seen("not tried: Route 53 says so only to a change")
        .fix("allow route53:ChangeResourceRecordSets on the zone, and route53:GetChange")
        .noted();
    owner(&record, &mut book).await;
    match record.sets().await {
        Ok(sets) => {
            leads_to(cx, &mut book, &record.name, &sets);
            ttl(cx, &mut book, &sets);
        }
        Err(failure) => book.fault(Topic::Access, format!("the sets at {} can be read", record.name), failure),
    }
    servers(cx, &mut book, dns, &record).await;
    book.close()
}

async fn owner(record: &Record, book: &mut Book) {
    let fact = format!("nobody else looks after {}", record.name);
    match record.refuse_foreign().await {
        Ok(()) => book.fact(Topic::Owner, fact).seen("no mark of external-dns, no delegation").holds(true),
        Err(failure) => book.fault(Topic::Owner, fact, failure),
    }
}

/// The record is there, and leads to the box that the runbook speaks of.
fn leads_to(cx: &Reading, book: &mut Book, name: &str, sets: &[RecordSet]) {
    let shown: Vec<String> = sets.iter().filter(|set| set.kind.is_address()).map(ToString::to_string).collect();
    let is_there = !shown.is_empty();
    book.fact(Topic::Access, format!("{name} has an address"))
        .seen(if is_there { shown.join("; ") } else { "no A, AAAA or CNAME set".to_owned() })
        .fix("write the name that the service's clients ask for into [dns] record, and its zone's id into [dns] zone")
        .holds(is_there);
    let (Some(source), false, true) = (&cx.connections().source, cx.state().switched, is_there) else { return };
    let leads = shown.iter().any(|set| set.contains(&source.address));
    // An alias or a CNAME may lead there by another name.
    let plain = sets.iter().any(|set| matches!(set.kind, RecordKind::A | RecordKind::Aaaa) && set.ttl().is_some());
    let fact = book.fact(Topic::Owner, format!("{name} leads to the old address")).limit(&source.address);
    let fact = fact.seen(shown.join("; ")).fix("correct [source] address, or see who moved the record");
    if leads || plain { fact.holds(leads) } else { fact.noted() }
}

/// The TTL of now, and when the old answer would be gone everywhere if it were lowered now.
fn ttl(cx: &Reading, book: &mut Book, sets: &[RecordSet]) {
    let Some(longest) = RecordSet::longest_ttl(sets) else { return };
    let lower = cx.plan().runbook.steps.iter().find_map(|step| match &step.action {
        ActionSpec::LowerTtl(lower) => Some((step.id.clone(), lower.ttl)),
        _ => None,
    });
    let Some((step, wanted)) = lower else {
        return book.fact(Topic::Ttl, "old answers are kept for").seen(format!("{longest} s")).noted();
    };
    let low = u64::from(longest) <= wanted.duration().as_secs();
    let fact = book.fact(Topic::Ttl, "the record's TTL is low").limit(format!("{} s", wanted.duration().as_secs()));
    let over_at = cx.output(&step, "old_ttl_over_at").ok().and_then(|at| serde_json::from_value::<Timestamp>(at).ok());
    if let Some(over_at) = over_at {
        return fact
            .seen(format!("{longest} s; the old one has run out at {over_at:.0}"))
            .fix("somebody raised it again: find out who, then run `lower-ttl` anew")
            .holds(low || cx.state().switched);
    }
    let gone = Timestamp::now() + SignedDuration::from_secs(longest.into());
    fact.seen(format!("{longest} s; lowered now, the old one would have run out at {gone:.0}"))
        .fix("`dns.lower-ttl` lowers it; the switch waits for the old one")
        .made_by(low, ahead(cx, |action| matches!(action, ActionSpec::LowerTtl(_))));
}

/// Every server that speaks for the zone and every resolver that clients use, each for itself.
async fn servers(cx: &Reading, book: &mut Book, dns: &Dns, record: &Record) {
    match record.servers(cx).await {
        Ok(servers) => {
            for server in servers {
                answers(book, server, &dns.record, true).await;
            }
        }
        Err(failure) => book.fault(Topic::Reach, "the zone's name servers are known", failure),
    }
    match resolvers(cx).await {
        Ok(resolvers) => {
            for resolver in resolvers {
                answers(book, resolver, &dns.record, false).await;
            }
        }
        Err(failure) => book.fault(Topic::Reach, "there is a resolver to ask", failure),
    }
    if begun(cx, |action| matches!(action, ActionSpec::Switch(_))) {
        return;
    }
    if record.zone.info().private {
        book.fact(Topic::Owner, "the world is told the same")
            .seen("the zone is private: only its VPCs' clients see it")
            .noted();
    }
}

async fn answers(book: &mut Book, server: SocketAddr, name: &str, must_speak_for_it: bool) {
    let whom = if must_speak_for_it { "with authority" } else { "as clients ask it" };
    let fact = format!("{server} answers for {name}, {whom}");
    let began = std::time::Instant::now();
    match addresses_of(server, name).await {
        Ok(found) => {
            let took = milliseconds(began.elapsed());
            let listed: Vec<String> = found.addresses.iter().map(ToString::to_string).collect();
            let kept = found.ttl.map_or_else(String::new, |ttl| format!(" for {ttl} s"));
            book.fact(Topic::Reach, fact)
                .seen(format!(
                    "{}{kept}, in {took}",
                    if listed.is_empty() { "no address".to_owned() } else { listed.join(", ") }
                ))
                .fix("correct [dns] servers and resolvers; a server that does not speak for the zone proves nothing")
                .holds(!listed.is_empty() && (found.authoritative || !must_speak_for_it));
        }
        Err(error) => book.fault(Topic::Reach, fact, Failure::from(error)),
    }
}
