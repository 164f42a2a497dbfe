//! Tenants who write all the while, for tests of the switch.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cutover::services::http::{Caller, Request, Scheme, Target};

use crate::old_and_new::{OldAndNew, address};

/// Tenants who pay through the old address until they are told to stop.
pub struct Tenants {
    stop: Arc<AtomicBool>,
    running: tokio::task::JoinHandle<BTreeSet<String>>,
}

impl Tenants {
    pub fn pay(world: &OldAndNew) -> Self {
        let address = format!("{}:443", address(&world.old)).parse().unwrap();
        let roots = Some(std::fs::read(world.secrets.path().join("app.crt")).unwrap());
        let caller =
            Caller::new(Target { scheme: Scheme::Https, host: "app.lab.example".to_owned(), address, roots }).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let running = tokio::spawn(async move {
            let (mut acknowledged, mut number) = (BTreeSet::new(), 0_u64);
            while !stopped.load(Ordering::Relaxed) {
                number += 1;
                let attempt = format!("00000000-0000-4000-8000-{number:012}");
                let body = serde_json::json!({ "attempt": attempt, "amount": 1 });
                let answer = caller.send(&Request::post_json("/t/2/payments", &body)).await;
                if answer.is_ok_and(|answer| answer.status == 201) {
                    acknowledged.insert(attempt);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            acknowledged
        });
        Self { stop, running }
    }

    /// What was acknowledged.
    pub async fn stop(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.running.await.unwrap()
    }
}
