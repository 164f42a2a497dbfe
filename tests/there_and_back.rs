//! There, back, there and back again on the lab's real services, with tenants' traffic on it. On the first
//! round the engine is killed once in each step's way there, three times in the switch, and once in each way
//! back that has something to take back. It ends as without: Rev1 serves, nothing is lost, nothing is left.

#[path = "support/rehearse.rs"]
mod rehearsal;

use std::collections::BTreeMap;
use std::process::Command;

use rehearsal::rehearse;

/// The deaths on the way there, then those on the way back, in the order in which they come.
const DEATHS: &[&str] = &[
    "snapshot:snapshot-chunks:effect",
    "prepare:source:gtid_mode=ON_PERMISSIVE:effect",
    "lower-ttl:ttl:effect",
    "containerise:build:effect",
    "push:push:effect",
    "ingress:object:ClusterRoleBinding nginx-ingress-nginx:effect",
    "deploy:object:Deployment shop/shop:effect",
    "restore:load-chunks:effect",
    // Before, at and after the point of switching.
    "dns:fence-source:effect",
    "dns:open-target:intent",
    "dns:record:effect",
    // And the same of the way back.
    "dns:back-1-fence-target:effect",
    "dns:undo:fence-source:intent",
    "dns:undo:record:effect",
    "restore:undo:load:effect",
    "deploy:undo:object:Service shop/shop:effect",
    "ingress:undo:object:RoleBinding nginx-ingress/nginx-ingress:effect",
    "push:undo:push:effect",
    "containerise:undo:build:effect",
    "lower-ttl:undo:ttl:effect",
    "prepare:undo:source:gtid_mode=ON_PERMISSIVE:effect",
];

/// What frozen tenants wait at most: the budget, and what the supervisor may take.
const LONGEST_STALL: f64 = 10.0 + 5.0;

/// Steps that a rehearsal of the way back does not come to.
const AFTER_THE_SWITCH: [&str; 3] = ["settle", "last-clients", "switch-off"];

#[test]
fn there_and_back_twice_with_an_engine_killed_everywhere() {
    let mut arguments = vec!["--then-rollback", "--twice"];
    arguments.extend(DEATHS.iter().flat_map(|place| ["--crash-at", place]));
    let began = jiff::Timestamp::now();
    let said = rehearse(&arguments);
    let summary = said.summary();

    assert_eq!(summary["outcome"], "rolled_back");
    assert_eq!(summary["crashes"], DEATHS.len());
    said.nothing_is_amiss();
    for step in summary["steps"].as_array().unwrap() {
        let (id, state) = (step["id"].as_str().unwrap(), step["state"].as_str());
        let after = AFTER_THE_SWITCH.contains(&id);
        assert_eq!(state, Some(if after { "pending" } else { "rolled_back" }), "{step}");
        assert!(after || step["undo_seconds"].is_f64(), "how long its way back took: {step}");
    }
    // Clients that were born after the switch, and only know the new address, were served by Rev1.
    assert!(summary["traffic"]["served"]["returned"].as_u64() > Some(0), "{summary}");
    assert_eq!(said.events("point_of_switching", "dns").len(), 2);
    assert_eq!(said.events("switched_back", "dns").len(), 2);

    // Frozen and killed: the supervisor starts it again by itself, and the tenants go on in time.
    let restarts = said.words.matches("with a fence shut at the ").count();
    assert_eq!(restarts, 4, "before, past and on the way back across the point of switching: {}", said.words);
    let stall = summary["traffic"]["longest_write_stall_seconds"].as_f64().unwrap();
    assert!(stall <= LONGEST_STALL, "somebody waited {stall} s");

    // The image went to the registry once a round, and nothing that the registry holds was sent again.
    let log =
        Command::new("docker").args(["logs", "--since", &began.to_string(), "cutover-registry"]).output().unwrap();
    let log = String::from_utf8_lossy(&log.stdout).into_owned() + &String::from_utf8_lossy(&log.stderr);
    let taken = |path: &str| log.lines().filter(|line| line.contains(path) && line.contains("\" 201 ")).count();
    assert_eq!(taken("\"PUT /v2/shop/backend/manifests/"), 2, "a manifest each time there");
    let mut blobs: BTreeMap<&str, u32> = BTreeMap::new();
    for line in log.lines().filter(|line| line.contains("\"PUT /v2/shop/backend/blobs/") && line.contains("\" 201 ")) {
        let digest = line.split("digest=").nth(1).and_then(|rest| rest.split([' ', '&']).next()).unwrap();
        *blobs.entry(digest).or_default() += 1;
    }
    assert!(!blobs.is_empty(), "the registry's log says of no blob that it came: {log}");
    assert!(blobs.values().all(|times| *times == 1), "sent again: {blobs:?}");
}
