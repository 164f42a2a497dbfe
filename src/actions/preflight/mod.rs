//! The preflight: what every step needs, asked of every service at once, today.
//!
//! It changes nothing and blocks nothing; each step's preview blocks on its own part. A finding is green, red
//! with its exact fix, "not there yet" where an earlier step of the runbook makes it, or worth knowing. One
//! module a service:
//!
//! ```text
//! machine    disk, secrets, certificate          dns        zone, record, owner, TTL, name servers
//! mysql/     both servers, and the pair          front      what stands at the old address
//! docker     engine, images                      service    the service itself, asked from outside
//! registry   login, repository                   kubernetes cluster, rights, foreign objects
//! ```

mod book;
mod dns;
mod docker;
mod front;
mod kubernetes;
pub(super) mod machine;
mod mysql;
mod registry;
mod service;

use std::future::Future;
use std::time::Duration;

use book::Book;

use super::Reading;
use crate::domain::finding::{Finding, Topic};

/// How long all the questions to one service may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks everybody, side by side; the findings are in the order of the week.
pub async fn ask(cx: &Reading) -> Vec<Finding> {
    let (machine, mysql, dns, docker, registry, kubernetes, front, service) = tokio::join!(
        within("this machine", machine::ask(cx)),
        within("MySQL", mysql::ask(cx)),
        within("Route 53", dns::ask(cx)),
        within("Docker engine", docker::ask(cx)),
        within("registry", registry::ask(cx)),
        within("Kubernetes", kubernetes::ask(cx)),
        within("front", front::ask(cx)),
        within("service", service::ask(cx)),
    );
    [machine, mysql, dns, docker, registry, kubernetes, front, service].into_iter().flatten().collect()
}

/// A service that does not come to an end is one finding, and holds up nobody.
async fn within(service: &'static str, questions: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    if let Ok(found) = tokio::time::timeout(PATIENCE, Box::pin(questions)).await {
        return found;
    }
    let mut book = Book::of(service);
    book.fact(Topic::Reach, "its questions are answered")
        .seen("not all of them")
        .limit(format!("{} s", PATIENCE.as_secs()))
        .fix("see what makes it slow, then ask again")
        .holds(false);
    book.close()
}
