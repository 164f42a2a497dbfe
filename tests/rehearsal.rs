//! The whole of Rev3 on the lab's real services, with tenants' traffic on it, and an engine that is killed
//! once in each step: it goes on inside the step, nothing is lost and nothing is there twice, nothing that
//! was finished is done again.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

use std::process::Command;

use serde_json::Value;

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
];

/// Runs a rehearsal; its events and, last, its summary.
fn rehearse(arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_cutover"))
        .args(["rehearse", "--yes", "--json", "--rows", "20000"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("CUTOVER_CRASH_AT")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(output.status.success(), "{said}\n{}", lines.last().unwrap_or(&Value::Null));
    lines
}

/// The events of one kind in one step.
fn events<'a>(lines: &'a [Value], kind: &str, step: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == kind && line["step"] == step).collect()
}

#[test]
fn an_engine_killed_once_in_each_step_ends_as_one_that_lived() {
    let arguments: Vec<&str> = DEATHS.iter().flat_map(|place| ["--crash-at", place]).collect();
    let lines = rehearse(&arguments);
    let summary = lines.last().unwrap();

    assert_eq!(summary["outcome"], "succeeded");
    assert_eq!(summary["crashes"], DEATHS.len());
    assert_eq!(summary["steps"].as_array().unwrap().len(), DEATHS.len(), "a step has no death");
    for step in summary["steps"].as_array().unwrap() {
        assert_eq!((step["state"].as_str(), step["attempts"].as_u64()), (Some("done"), Some(2)), "{step}");
    }
    let traffic = &summary["traffic"];
    assert_eq!(
        (traffic["lost_writes"].as_u64(), traffic["duplicated_writes"].as_u64()),
        (Some(0), Some(0)),
        "{traffic}"
    );
    assert!(traffic["acknowledged_writes"].as_u64() >= Some(6_000), "not every tenant wrote: {traffic}");
    assert!(traffic["served"]["direct"].as_u64() > Some(0), "{traffic}");

    // An interrupted snapshot is thrown away; the one that was complete is not taken again.
    let looked = events(&lines, "looked", "snapshot");
    assert_eq!(looked.iter().map(|event| event["found"].as_str()).collect::<Vec<_>>(), [Some("not_done")]);
    assert_eq!(events(&lines, "intended", "restore").iter().filter(|event| event["effect"] == "snapshot").count(), 1);
    // The load goes on by chunk.
    let went_on = events(&lines, "log", "restore")
        .iter()
        .any(|event| event["line"].as_str().unwrap().contains("the load went on"));
    assert!(went_on, "the load began again");
    // What was finished is neither built nor pushed again.
    for (step, effect) in [("containerise", "build"), ("push", "push")] {
        let looked = events(&lines, "looked", step);
        assert!(looked.iter().any(|event| event["effect"] == effect && event["found"] == "done"), "{step}: {looked:?}");
        assert_eq!(
            events(&lines, "intended", step).iter().filter(|event| event["effect"] == effect).count(),
            1,
            "{step}"
        );
    }
    // The switch aborted itself, and went through the second time.
    let fences = events(&lines, "fence", "dns");
    assert_eq!(fences.iter().map(|event| event["shut"].as_bool().unwrap()).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(events(&lines, "point_of_switching", "dns").len(), 1);
}
