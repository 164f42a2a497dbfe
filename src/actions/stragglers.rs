//! Clients that still come to the new address after the switch was taken back.
//!
//! Their answer runs out within its TTL, and the ingress relays them to the old address until then. What they
//! come through is taken away when none of them came for a whole TTL, or when the driver gave so many up: the
//! requests of the last whole TTL, counted in the ingress controller's own log, said by number.

use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use super::{Reading, Result, Working, ingress, quiet};
use crate::domain::state::Returned;
use crate::domain::{Failure, Preview};
use crate::services::kubernetes::Cluster;

/// The checkpoint that says after which return nobody comes any more.
const GONE: &str = "stragglers_gone";

/// Where the way back stands in time.
struct Window {
    /// When the record came back to its old answer.
    at: Timestamp,
    ttl: SignedDuration,
}

/// The requests of a span of time.
struct Hits {
    count: usize,
    /// The last one, as the log has it.
    last: Option<String>,
}

/// Shows what is waited for, and the count that can be given up instead.
pub(super) async fn way_back(cx: &Reading, cluster: &Cluster, preview: &mut Preview) -> Result<()> {
    let Some(window) = Window::open(cx)? else { return Ok(()) };
    let now = Timestamp::now();
    if now < window.over() {
        preview.figure("clients may hold the new answer", format!("until {:.0}; it waits", window.over()));
        return Ok(());
    }
    let (from, to) = window.last_whole(now);
    let hits = hits(cx, cluster, from, Some(to)).await?;
    preview.figure("requests by the new address", format!("{} between {from:.0} and {to:.0}", hits.count));
    if hits.count > 0 {
        preview.warnings.push(format!(
            "clients still come by the new address: it waits until none came for {} s; to take it away from them now, \
             --phrase '{}={}'",
            window.ttl.as_secs(),
            cx.step_id(),
            phrase(hits.count)
        ));
    }
    Ok(())
}

/// Waits until nobody comes by the new address any more, unless the driver gave up so many.
pub(super) async fn let_go(cx: &Working, cluster: &Cluster) -> Result<()> {
    let Some(window) = Window::open(cx)? else { return Ok(()) };
    let over = window.over();
    while Timestamp::now() < over {
        cx.check_cancelled()?;
        let left = over.duration_since(Timestamp::now());
        cx.progress("wait until nobody holds the new answer", left.as_secs().unsigned_abs(), None, "s left");
        sleep(quiet::pause(window.ttl).min(left.unsigned_abs())).await;
    }
    match cx.state().step(cx.step_id()).back_phrase {
        Some(said) => given_up(cx, cluster, &window, &said).await?,
        None => nobody_comes(cx, cluster, &window).await?,
    }
    cx.checkpoint(GONE, &window.at)
}

/// So many, and not one more or less than was said.
async fn given_up(cx: &Working, cluster: &Cluster, window: &Window, said: &str) -> Result<()> {
    let (from, to) = window.last_whole(Timestamp::now());
    let hits = hits(cx, cluster, from, Some(to)).await?;
    if said != phrase(hits.count) {
        return Err(Failure::refused(format!("`{said}` was said, and that is not how many come by the new address"))
            .because(format!("{} requests came between {from:.0} and {to:.0}", hits.count))
            .next("look at the way back again: it shows the count of the last whole TTL; or go without a phrase, and it waits"));
    }
    cx.log(format!("{} requests by the new address between {from:.0} and {to:.0}: given up", hits.count))
}

async fn nobody_comes(cx: &Working, cluster: &Cluster, window: &Window) -> Result<()> {
    let look = || async {
        let hits = hits(cx, cluster, Timestamp::now() - window.ttl, None).await?;
        Ok((u64::try_from(hits.count).unwrap_or(u64::MAX), hits))
    };
    let in_vain = |hits: Hits| {
        let address = cluster.address();
        Failure::permanent(format!("clients still come by the new address, through the ingress at {address}"))
            .because(format!(
                "{} requests in {} s, the last: {}",
                hits.count,
                window.ttl.as_secs(),
                hits.last.unwrap_or_default()
            ))
            .next(format!(
                "find out who holds the address and let them resolve the name again; or give them up by number: --phrase \
                 '{}=...', as the way back shows it",
                cx.step_id()
            ))
    };
    quiet::wait(cx, "wait until nobody comes by the new address", window.ttl, look, in_vain).await
}

impl Window {
    /// Nothing where no switch was taken back, or where nobody came any more already.
    fn open(cx: &Reading) -> Result<Option<Self>> {
        let state = cx.state();
        if state.switched {
            return Err(Failure::refused("tenants are on the new stack").next("take the switch back first"));
        }
        let Some(Returned { at, ttl_seconds }) = state.returned else { return Ok(None) };
        if cx.checkpointed::<Timestamp>(GONE)? == Some(at) {
            return Ok(None);
        }
        Ok(Some(Self { at, ttl: SignedDuration::from_secs(i64::from(ttl_seconds.max(1))) }))
    }

    /// When nobody can have the new answer from a resolver any more.
    fn over(&self) -> Timestamp {
        self.at.saturating_add(self.ttl).unwrap_or(Timestamp::MAX)
    }

    /// The last whole TTL, counted from the return on: it stays the same for a TTL, so that its count can be
    /// read, said and compared.
    fn last_whole(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let ttl = self.ttl.as_secs().max(1);
        let whole = (now.duration_since(self.at).as_secs() / ttl).max(1);
        let to = self.at.saturating_add(SignedDuration::from_secs(whole * ttl)).unwrap_or(now);
        (to - self.ttl, to)
    }
}

fn phrase(count: usize) -> String {
    format!("give up {count} requests")
}

/// How many requests for the service came by the ingress between two moments.
pub(super) async fn count(cx: &Reading, cluster: &Cluster, from: Timestamp, to: Timestamp) -> Result<usize> {
    Ok(hits(cx, cluster, from, Some(to)).await?.count)
}

/// The requests for the service that the ingress controller logged since `from`, before `to`.
async fn hits(cx: &Reading, cluster: &Cluster, from: Timestamp, to: Option<Timestamp>) -> Result<Hits> {
    let host = &cx.connections().service.host;
    let mut hits = Hits { count: 0, last: None };
    let Some((namespace, selector)) = ingress::pods_of(cx, cluster).await? else {
        return Err(Failure::refused(format!(
            "nobody can count who comes by the new address at {}",
            cluster.address()
        ))
        .because("the runbook has no `ingress` step, or its Service is gone, so there is no log to read")
        .next("put the controller's Service back, or name its namespace in an `ingress` step"));
    };
    for pod in cluster.pods(&namespace, &selector).await? {
        for (at, line) in cluster.pod_log_since(&namespace, &pod.name, from).await? {
            if at >= from && to.is_none_or(|to| at < to) && is_hit(&line, host) {
                hits.count += 1;
                hits.last = Some(line);
            }
        }
    }
    Ok(hits)
}

/// Whether a line of an access log tells of a request for `host`. Where the log's format does not name the
/// host, it is taken for one.
fn is_hit(line: &str, host: &str) -> bool {
    let Some((_, request)) = line.split_once("] \"") else { return false };
    if !request.split('"').next().is_some_and(|request| request.contains(" HTTP/")) {
        return false;
    }
    match request.split_once(" host=") {
        Some((_, named)) => named.split_whitespace().next() == Some(host),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_for_the_host_counts_and_nothing_else_in_the_log_does() {
        let named =
            r#"10.0.0.1 - [23/Nov/2026:06:00:00 +0000] "GET /t/1 HTTP/1.1" 200 5 rt=0.1 host=a.example up=- ust=-"#;
        assert!(is_hit(named, "a.example"));
        assert!(!is_hit(named, "b.example"));
        let unnamed = r#"10.0.0.1 - - [23/Nov/2026:06:00:00 +0000] "GET / HTTP/2.0" 200 5 "-" "curl" "-""#;
        assert!(is_hit(unnamed, "a.example"));
        assert!(!is_hit(r#"10.0.0.1 - - [23/Nov/2026:06:00:00 +0000] "\x16\x03" 400 5 "-" "-""#, "a.example"));
        assert!(!is_hit("configuration 4 is in force", "a.example"));
    }

    #[test]
    fn the_last_whole_ttl_stays_the_same_for_a_ttl() {
        let window = Window { at: "2026-07-01T09:00:00Z".parse().unwrap(), ttl: SignedDuration::from_secs(60) };
        let time = |text: &str| -> Timestamp { text.parse().unwrap() };
        let second = (time("2026-07-01T09:01:00Z"), time("2026-07-01T09:02:00Z"));
        assert_eq!(window.last_whole(time("2026-07-01T09:02:00Z")), second);
        assert_eq!(window.last_whole(time("2026-07-01T09:02:59Z")), second);
        assert_ne!(window.last_whole(time("2026-07-01T09:03:00Z")), second);
        assert_eq!(window.over(), time("2026-07-01T09:01:00Z"));
    }
}
