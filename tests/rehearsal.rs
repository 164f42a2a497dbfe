//! The whole of Rev3 on the lab's real services, with tenants' traffic on it, and an engine that is killed
//! once in each step: it goes on inside the step, nothing is lost and nothing is there twice, nothing that
//! was finished is done again.

#[path = "support/rehearse.rs"]
mod rehearsal;

use rehearsal::rehearse;

/// Where the engine dies, a place for each step: in the middle effect between intent and outcome, between
/// two chunks, with the source fenced; in its verify where a step has no effect.
const DEATHS: &[&str] = &[
    "snapshot:snapshot-chunks:effect",
    "prepare:source:gtid_mode=ON_PERMISSIVE:effect",
    "lower-ttl:ttl:effect",
    "uploads:verify:effect",
    "cron:verify:effect",
    "sessions:verify:effect",
    "allow-lists:verify:effect",
    "cluster:verify:effect",
    "containerise:build:effect",
    "push:push:effect",
    "ingress:object:ClusterRoleBinding nginx-ingress-nginx:effect",
    "deploy:object:Deployment shop/shop:effect",
    "restore:load-chunks:effect",
    "dns:fence-source:effect",
    "settle:stop-source-0:effect",
    "last-clients:verify:effect",
    "switch-off:verify:effect",
];

#[test]
fn an_engine_killed_once_in_each_step_ends_as_one_that_lived() {
    let arguments: Vec<&str> = DEATHS.iter().flat_map(|place| ["--crash-at", place]).collect();
    let said = rehearse(&arguments);
    let summary = said.summary();

    assert_eq!(summary["outcome"], "succeeded");
    assert_eq!(summary["crashes"], DEATHS.len());
    said.nothing_is_amiss();
    assert_eq!(summary["steps"].as_array().unwrap().len(), DEATHS.len(), "a step has no death");
    for step in summary["steps"].as_array().unwrap() {
        assert_eq!((step["state"].as_str(), step["attempts"].as_u64()), (Some("done"), Some(2)), "{step}");
    }
    let traffic = &summary["traffic"];
    assert!(traffic["served"]["direct"].as_u64() > Some(0), "{traffic}");

    // An interrupted snapshot is thrown away; the one that was complete is not taken again.
    let looked = said.events("looked", "snapshot");
    assert_eq!(looked.iter().map(|event| event["found"].as_str()).collect::<Vec<_>>(), [Some("not_done")]);
    assert_eq!(said.intents("restore", "snapshot"), 1);
    // The load goes on by chunk.
    let went_on =
        said.events("log", "restore").iter().any(|event| event["line"].as_str().unwrap().contains("the load went on"));
    assert!(went_on, "the load began again");
    // What was finished is neither built nor pushed again.
    for (step, effect) in [("containerise", "build"), ("push", "push")] {
        let looked = said.events("looked", step);
        assert!(looked.iter().any(|event| event["effect"] == effect && event["found"] == "done"), "{step}: {looked:?}");
        assert_eq!(said.intents(step, effect), 1, "{step}");
    }
    // The next engine went on behind the shut fence, within the budget, or opened it first and tried again.
    let fences: Vec<bool> = said.events("fence", "dns").iter().map(|event| event["shut"].as_bool().unwrap()).collect();
    assert!(matches!(fences[..], [true, true] | [true, false, true]), "{fences:?}");
    assert_eq!(said.events("point_of_switching", "dns").len(), 1);
}
