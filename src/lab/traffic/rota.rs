//! Whose turn it is: every tenant once, in no order, before any tenant again.

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::Rng;
use rand::seq::SliceRandom;

/// The order of the tenants' writes. Reads ask for anybody.
#[derive(Debug)]
pub(super) struct Rota {
    order: Vec<u32>,
    turn: AtomicUsize,
}

impl Rota {
    /// Tenants 1 to `tenants`, shuffled.
    pub(super) fn new(tenants: u32) -> Self {
        let mut order: Vec<u32> = (1..=tenants.max(1)).collect();
        order.shuffle(&mut rand::rng());
        Self { order, turn: AtomicUsize::new(0) }
    }

    /// The next tenant to write.
    pub(super) fn next(&self) -> u32 {
        self.order[self.turn.fetch_add(1, Ordering::Relaxed) % self.order.len()]
    }

    /// Anybody.
    pub(super) fn anybody(&self) -> u32 {
        self.order[rand::rng().random_range(0..self.order.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn everybody_has_a_turn_before_anybody_has_two() {
        let rota = Rota::new(500);
        let first: HashSet<u32> = (0..500).map(|_| rota.next()).collect();
        assert_eq!(first.len(), 500);
        assert!((1..=500).contains(&rota.next()));
    }
}
