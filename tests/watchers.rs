//! One driver and fifty watchers, half of them slow: neither the engine's steps nor its memory know of them.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/attached.rs"]
mod attached;
#[path = "support/watchers.rs"]
mod watchers;

use watchers::{WATCHERS, measure, median};

/// A step may take so much longer with all of them there, in the median of one run: less would be the machine's noise.
const SLOWER: f64 = 2.0;

/// And the engine may take so much more memory, in KiB: a few views for each.
const MORE: u64 = 48 << 10;

#[tokio::test]
async fn fifty_watchers_half_of_them_slow_delay_no_step_and_take_little_memory() {
    let measured = measure().await;
    assert_eq!(measured.alone.len(), measured.watched.len());
    let (alone, watched) = (median(&measured.alone), median(&measured.watched));
    println!(
        "a step: {alone:.4} s alone, {watched:.4} s watched; {} to {} KiB; {} bytes read",
        measured.before, measured.most, measured.read
    );
    assert!(watched < alone * SLOWER, "{watched:.4} s with {WATCHERS} watchers, {alone:.4} s without");
    let (before, most) = (measured.before, measured.most);
    assert!(most < before + MORE, "{before} KiB grew to {most} KiB");
    assert!(measured.read > 1 << 20, "the quick ones were told what happened: {} bytes", measured.read);
}
