//! What one watches for the first hour after the switch: who resolves to what, until when old answers may be kept,
//! and how many come by the ingress and by the old address.
//!
//! Nothing here can fail: what does not answer is a word on the screen, and the companion's health is not made of it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use super::open::{SWITCHED_AT, old_ttl};
use super::service::old_address;
use super::world::front;
use crate::actions::record::resolvers;
use crate::actions::{Reading, Result, Watched, cluster, stragglers};
use crate::domain::figure;
use crate::services::resolver::{Addresses, addresses_of};

/// For each that is asked: a screen waits for it.
const PATIENCE: Duration = Duration::from_secs(3);
/// Over so long the requests at the ingress are counted.
const OVER: SignedDuration = SignedDuration::from_secs(10);

pub(super) async fn look(cx: &Reading) -> Watched {
    let (resolvers, ingress, relayed) = tokio::join!(answers(cx), at_the_ingress(cx), relayed(cx));
    let mut words = vec![resolvers];
    words.extend(until(cx));
    words.extend(ingress);
    let mut counts = Vec::new();
    match relayed {
        Some(Ok(count)) => counts.push(("relayed by the old address".to_owned(), count)),
        Some(Err(why)) => words.push(format!("relayed by the old address: not counted, {why}")),
        None => {}
    }
    Watched { words, counts }
}

/// What each resolver says: `1.1.1.1 new, 8.8.8.8 old for 14 s more`.
async fn answers(cx: &Reading) -> String {
    let (Ok(dns), Ok(old), Ok(resolvers)) = (cx.dns(), old_address(cx), resolvers(cx).await) else {
        return "resolvers: none to ask".to_owned();
    };
    let asked = resolvers.into_iter().map(|resolver| async move {
        let answer = timeout(PATIENCE, addresses_of(resolver, &dns.record)).await;
        format!("{} {}", named(resolver), told(answer.ok().and_then(std::result::Result::ok).as_ref(), old))
    });
    join_all(asked).await.join(", ")
}

/// Whether an answer is the old one, and for how long it may be kept.
fn told(answer: Option<&Addresses>, old: IpAddr) -> String {
    match answer {
        None => "not reached".to_owned(),
        Some(answer) if answer.addresses.is_empty() => "has no address of it".to_owned(),
        Some(answer) if answer.addresses.contains(&old) => {
            format!("old for {} s more", answer.ttl.unwrap_or_default())
        }
        Some(_) => "new".to_owned(),
    }
}

/// Port 53 is everybody's.
fn named(resolver: SocketAddr) -> String {
    if resolver.port() == 53 { resolver.ip().to_string() } else { resolver.to_string() }
}

/// Until when a resolver that was asked just before the switch may rightly keep the old answer.
fn until(cx: &Reading) -> Option<String> {
    let switched = cx.checkpointed::<Timestamp>(SWITCHED_AT).ok().flatten()?;
    let left = i64::from(old_ttl(cx).ok().flatten()?) - Timestamp::now().duration_since(switched).as_secs();
    Some(match u32::try_from(left) {
        Ok(left) if left > 0 => format!("old answers run out in {}", figure::seconds(f64::from(left))),
        _ => "old answers have run out".to_owned(),
    })
}

/// How many came by the ingress lately, by its own log; nothing where the runbook has no cluster.
async fn at_the_ingress(cx: &Reading) -> Option<String> {
    cx.connections().kubernetes.as_ref()?;
    let to = Timestamp::now();
    let count = async {
        let cluster = cluster::connect(cx).await?;
        stragglers::count(cx, &cluster, to - OVER, to).await
    };
    Some(match timeout(PATIENCE, count).await {
        Ok(Ok(count)) => format!("{} requests/s come to the ingress", per_second(count)),
        Ok(Err(failure)) => format!("requests at the ingress: not counted, {failure}"),
        Err(_) => "requests at the ingress: not counted in time".to_owned(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "shown only")]
fn per_second(count: usize) -> String {
    format!("{:.0}", count as f64 / OVER.as_secs_f64())
}

/// How many the front has relayed since it was staged; nothing where there is no front.
async fn relayed(cx: &Reading) -> Option<std::result::Result<u64, String>> {
    let asked = async {
        let Some(front) = front(cx).await? else { return Ok(None) };
        Ok(Some(front.hits().await?))
    };
    match timeout(PATIENCE, asked).await {
        Ok(asked) => {
            let asked: Result<Option<u64>> = asked;
            asked.map_err(|failure| failure.to_string()).transpose()
        }
        Err(_) => Some(Err("the front did not answer in time".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_answer_is_old_for_as_long_as_it_may_be_kept_and_silence_is_a_word() {
        let old: IpAddr = "203.0.113.10".parse().unwrap();
        let answer = |addresses: &[&str]| Addresses {
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect::<BTreeSet<_>>(),
            ttl: Some(14),
            authoritative: false,
        };
        assert_eq!(told(Some(&answer(&["203.0.113.10"])), old), "old for 14 s more");
        assert_eq!(told(Some(&answer(&["198.51.100.20", "198.51.100.21"])), old), "new");
        assert_eq!(told(Some(&answer(&[])), old), "has no address of it");
        assert_eq!(told(None, old), "not reached");
        assert_eq!(named("1.1.1.1:53".parse().unwrap()), "1.1.1.1");
    }
}
