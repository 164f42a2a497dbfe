//! The whole of Rev3 on the lab's real services without a front: who keeps the old answer fails until they end, and
//! nothing that was acknowledged is lost.

#[path = "support/rehearse.rs"]
mod rehearsal;

use rehearsal::rehearse;

/// A freeze alone makes 5 to 12 requests of clients that never resolve again fail; without a front they go on
/// failing until they end, about 250 times.
const MORE_THAN_A_FREEZE: u64 = 60;

#[test]
fn without_a_front_only_who_keeps_the_old_answer_fails() {
    let said = rehearse(&["--without-front"]);
    let summary = said.summary();
    assert_eq!(summary["outcome"], "succeeded");
    said.nothing_is_amiss();
    let traffic = &summary["traffic"];
    assert_eq!(traffic["served"]["relayed"].as_u64().unwrap_or_default(), 0, "there is nobody to relay: {traffic}");
    assert!(traffic["served"]["direct"].as_u64() > Some(0), "{traffic}");
    let stale = traffic["failed_stale"].as_u64();
    assert!(stale > Some(MORE_THAN_A_FREEZE), "clients that do not re-resolve fail until they end: {traffic}");
}
