//! What fifty watchers, half of them slow, cost the driver's steps: the same steps with and without them, by turns.

#![expect(clippy::unwrap_used, reason = "a bench says by a panic that it failed")]

#[path = "../support/attached.rs"]
mod attached;
#[path = "../support/watchers.rs"]
mod watchers;

use watchers::{Measured, WATCHERS, measure, median};

#[tokio::main]
async fn main() {
    let Measured { alone, watched, before, most, read } = measure().await;
    let ms = |seconds: f64| seconds * 1000.0;
    let at = |sorted: &[f64], share: usize| ms(sorted[(sorted.len() - 1) * share / 100]);
    println!("| a step, in ms | without watchers | with {WATCHERS}, half of them slow | ratio |");
    println!("|---|---|---|---|");
    let (a, w) = (ms(median(&alone)), ms(median(&watched)));
    println!("| median of {} | {a:.1} | {w:.1} | {:.2} |", alone.len(), w / a);
    let (a, w) = (at(&alone, 95), at(&watched, 95));
    println!("| 95 of 100 | {a:.1} | {w:.1} | {:.2} |", w / a);
    println!("\nThe engine's memory: {} MiB without, at most {} MiB with them.", before >> 10, most >> 10);
    println!("The quick ones were sent {} KiB.", read >> 10);
}
