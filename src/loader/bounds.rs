//! Inputs of the right shape that cannot be meant: nothing where something is needed, an end before its beginning, a
//! least above its most. Each would otherwise be found by the step that uses it, in the night.

use jiff::Timestamp;

use super::document::{Node, Value};
use super::fault::{Fault, Place};
use crate::domain::Period;
use crate::domain::runbook::ActionSpec;

/// Inputs that are lengths of time in which something has to happen.
const LENGTHS: [&str; 3] = ["budget", "verify_expiry", "soak"];

/// Keys under which a program stands with its arguments.
const PROGRAMS: [&str; 5] = ["command", "run", "check", "undo", "probe"];

/// Keys under which a list of them stands.
const LISTS_OF_PROGRAMS: [&str; 1] = ["stop_source"];

/// Checks what one step says by itself; `action` is what it is, where its shape is right.
pub(super) fn check(step: &Node, action: Option<&ActionSpec>, faults: &mut Vec<Fault>) {
    let label = step.get("id").and_then(Node::text).map_or_else(|| "a step".to_owned(), |id| format!("step `{id}`"));
    window(step, &label, faults);
    let with = step.get("with");
    let lengths = LENGTHS.iter().filter_map(|key| Some((*key, with?.get(key)?)));
    for (key, node) in step.get("timeout").map(|node| ("timeout", node)).into_iter().chain(lengths) {
        length(key, node, &label, faults);
    }
    let place = |key: &str| &with.and_then(|with| with.get(key)).or(with).unwrap_or(step).place;
    match action {
        Some(ActionSpec::Deploy(deploy)) if deploy.replicas > deploy.max_replicas => {
            let (least, most) = (deploy.replicas, deploy.max_replicas);
            let what = format!("{label} has {least} pods at the least and {most} at the most");
            let expected = "`max_replicas` that is not below `replicas` (2 and 6 where they are not given)";
            let written =
                if with.is_some_and(|with| with.get("max_replicas").is_some()) { "max_replicas" } else { "replicas" };
            faults.push(Fault::at(place(written), what).expected(expected));
        }
        Some(ActionSpec::Containerise(build)) if build.dockerfile.is_some() == build.template.is_some() => {
            let which = if build.template.is_some() { "both" } else { "neither" };
            let what = format!("{label} names {which} of `dockerfile` and `template`");
            let expected = "`dockerfile` where the backend has one, else `template = \"debian\"`";
            faults.push(Fault::at(place("template"), what).expected(expected));
        }
        _ => {}
    }
}

fn window(step: &Node, label: &str, faults: &mut Vec<Fault>) {
    let Some(window) = step.get("gate").and_then(|gate| gate.get("window")) else { return };
    let end = |key: &str| Some((window.get(key)?, window.get(key)?.text()?.parse::<Timestamp>().ok()?));
    let (Some((_, from)), Some((node, to))) = (end("from"), end("to")) else { return };
    if from >= to {
        let what = format!("the window of {label} begins at {from} and ends at {to}: it is never open");
        faults.push(Fault::at(&node.place, what).expected("an end after its beginning"));
    }
}

fn length(key: &str, node: &Node, label: &str, faults: &mut Vec<Fault>) {
    if node.text().and_then(|text| text.parse::<Period>().ok()) == Some(Period::seconds(0)) {
        let what = format!("`{key}` in {label} is no time at all");
        faults.push(Fault::at(&node.place, what).expected("longer, such as `10s`"));
    }
}

/// Every program that is named anywhere has a name.
pub(super) fn programs(node: &Node, faults: &mut Vec<Fault>) {
    for_each_program(node, &mut |key, place, words| {
        if words.first().is_none_or(|first| first.text().is_some_and(|text| text.trim().is_empty())) {
            let expected = "a program and its arguments, as in [\"PROGRAM\", \"ARGUMENT\"]";
            faults.push(Fault::at(place, format!("`{key}` names no program")).expected(expected));
        }
    });
}

/// Visits every list that is a program and its arguments: its key, its place, its words.
pub(super) fn for_each_program(node: &Node, visit: &mut impl FnMut(&str, &Place, &[Node])) {
    for (key, node) in node.entries() {
        match &node.value {
            Value::List(words) if PROGRAMS.contains(&key.word.as_str()) => visit(&key.word, &node.place, words),
            Value::List(lists) if LISTS_OF_PROGRAMS.contains(&key.word.as_str()) => {
                for list in lists.iter().filter(|list| matches!(list.value, Value::List(_))) {
                    visit(&key.word, &list.place, list.items());
                }
            }
            _ => for_each_program(node, visit),
        }
    }
    for item in node.items() {
        for_each_program(item, visit);
    }
}
