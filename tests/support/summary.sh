#!/usr/bin/env bash
# summary.sh FILE: the last line of a rehearsal says that it succeeded, nothing lost, nothing twice.
set -euo pipefail
tail -n 1 "$1" | python3 -c '
import json, sys
said = json.loads(sys.stdin.read())
traffic = said["traffic"]
wrong = [
    reason
    for reason, bad in [
        ("the outcome is " + said["outcome"], said["outcome"] != "succeeded"),
        ("writes were lost", traffic.get("lost_writes") != 0),
        ("writes were doubled", traffic.get("duplicated_writes") != 0),
        ("the engine died", said.get("crashes") != 0),
        ("something was left over: " + str(said.get("leftovers")), said.get("leftovers") != []),
        # The lab TTL, and five seconds.
        ("nobody was seen to come by the new answer", "last_relayed_after_switch_seconds" not in traffic),
        ("clients that resolve came late", traffic.get("last_relayed_after_switch_seconds", 0) > 5 + 5),
        ("a step is not done", any(step["state"] != "done" for step in said["steps"])),
    ]
    if bad
]
sys.exit("; ".join(wrong) if wrong else 0)
'
