//! The clients beside the steady writers: they come as the curve of the day says, whoever is free.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::attempt::{Kind, Way};
use super::curve::Curve;
use super::seat::{Seat, Street};

/// Lets clients come until the traffic ends; their outstanding requests are `tasks`.
///
/// The street's rate does not wait for answers: while the service stands still, clients pile up, until
/// every one of them waits.
pub(super) async fn follow_the_sun(street: Arc<Street>, first: u32, tasks: TaskTracker) {
    let options = &street.options;
    let curve = Curve::new(options.day_seconds, options.floor, options.peak);
    let schemes = options.schemes();
    let clients = options.clients.max(1);
    let (free, mut idle) = mpsc::channel(clients as usize);
    for n in 0..clients {
        // Spread evenly: of any hundred in a row, the share is stale.
        let way = if n * 37 % 100 < options.stale_percent { Way::Stale } else { Way::Resolving };
        let scheme = schemes[n as usize % schemes.len()];
        let _ = free.try_send(Seat::new(street.clone(), first + n, way, scheme));
    }
    let began = Instant::now();
    let mut due = began;
    loop {
        due += Duration::from_secs_f64(1.0 / curve.rate(due.duration_since(began).as_secs_f64()));
        // After a pause of the whole machine the missed arrivals are not made up for in one blow.
        due = due.max(Instant::now().checked_sub(Duration::from_secs(1)).unwrap_or(began));
        tokio::select! {
            () = street.stop.cancelled() => return,
            () = tokio::time::sleep_until(due.into()) => {}
        }
        let Ok(mut seat) = idle.try_recv() else { continue };
        let kind = if rand::rng().random_range(0..100) < options.write_percent { Kind::Write } else { Kind::Read };
        let free = free.clone();
        tasks.spawn(async move {
            seat.until_acknowledged(kind).await;
            let _ = free.try_send(seat);
        });
    }
}
