//! The freeze does not grow with the data: at ten times the rows the servers read as many rows and index
//! entries for the engine's own sessions as before, within ten percent.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

#[path = "support/drive.rs"]
mod drive;
#[path = "support/old_and_new.rs"]
mod old_and_new;
#[path = "support/standin.rs"]
mod standin;
#[path = "support/switching.rs"]
mod switching;

use switching::{Switching, Terms};

const FEW: u32 = 1_000;

/// What the freeze of one switch cost, and how many rows there were.
async fn cost(rows: u32) -> (u64, u64) {
    let mut here = Switching::start(&format!("cost{rows}"), rows, &Terms::default()).await;
    let sql = "SELECT (SELECT COUNT(*) FROM shop.orders) + (SELECT COUNT(*) FROM shop.ledger) + (SELECT COUNT(*) FROM shop.order_items)";
    let counted: u64 = here.source.one("count the rows", sql).await.unwrap();
    let outputs = here.drive.apply("dns").await.unwrap();
    println!("{counted} rows: {outputs:?}");
    (outputs["freeze_handler_reads"].as_u64().unwrap(), counted)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_times_the_rows_cost_the_freeze_nothing_more() {
    let (few, few_rows) = cost(FEW).await;
    let (many, many_rows) = cost(10 * FEW).await;
    assert!(many_rows > few_rows * 8, "{few_rows} rows, then {many_rows}");
    assert!(few > 0, "the counters are read");
    assert!(few.abs_diff(many) * 10 <= few, "{few} reads with {few_rows} rows, {many} with {many_rows}");
}
